"""One run of a chain: carries out the scheduler's instructions, and turns what workers say into its events.

It has no thread, loop or socket of its own: a driver (embedded, in this process, or a pod's lead) calls it with
messages and the time, and does the slow work it asks for in ``effects``. So the whole of a run, but for the work
inside tasks, can be tested step by step.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gristmill.coordinator.feeds import FeedBook
from gristmill.coordinator.ledger import Ledger
from gristmill.coordinator.links import StagedPlan, WorkerLink
from gristmill.coordinator.poison import PoisonedRecords
from gristmill.coordinator.tally import Tally
from gristmill.errors import (
    Cancelled,
    DeadlineExceeded,
    FragmentError,
    GristmillError,
    InputError,
    InvalidPlan,
    TaskFailed,
    TypeConflict,
)
from gristmill.ids import AttemptId, ExchangeId, StageId, TaskId, WorkerId
from gristmill.plan.stage import StageGraph
from gristmill.plan.task import ExchangeFeed, PendingPart, TaskOrder, TaskResult
from gristmill.schedule import events, instructions
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.events import Cause
from gristmill.schedule.progress import StageProgress as StageCounts
from gristmill.schedule.scheduler import Scheduler
from gristmill.units import format_duration

_FATAL = (TypeConflict, InvalidPlan)
"""Errors that another attempt cannot change."""


@dataclass(frozen=True, slots=True)
class CommitJob:
    """All parts of the job's outputs are staged: commit them."""

    job: str
    parts: tuple[PendingPart, ...]


@dataclass(frozen=True, slots=True)
class DiscardParts:
    """Parts of an attempt that lost: remove what it staged."""

    parts: tuple[PendingPart, ...]


Effect = CommitJob | DiscardParts


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is told besides its plan: its name in scratch, bytes for each slot, and until when, in seconds from
    the start, jobs must have finished."""

    run: str
    memory_bytes: int
    deadlines: tuple[tuple[str, float], ...] = ()


class ChainRun:
    """Drives one StageGraph to its end. ``finished`` or ``error`` tells that it is over.

    ``note`` hears of each accepted result, with the parts that count; ``restored`` takes such results back.
    """

    def __init__(
        self,
        graph: StageGraph,
        facts: RunFacts,
        config: SchedulerConfig,
        note: Callable[[TaskResult], None] = lambda _: None,
    ) -> None:
        self.graph = graph
        self._note = note
        self.tally = Tally(graph)
        self.effects: deque[Effect] = deque()
        self._asking: Callable[[], None] = lambda: None
        self.finished = False
        self.error: GristmillError | None = None
        self.wanted = instructions.RequestWorkers(0)
        """Slots that would be busy now, and where they would like to be."""
        self._facts = facts
        self._scheduler = Scheduler(graph, config)
        self._events: deque[events.Event] = deque()
        self._handling = False
        self._started_s: float | None = None
        self._jobs_done: set[str] = set()
        self._stages = {stage.id: stage for stage in graph.stages}
        self._plans: dict[StageId, StagedPlan] = {}
        """Of the stages that were launched."""
        self._feeds = FeedBook(graph)
        self._links: dict[WorkerId, WorkerLink] = {}
        self._draining: set[WorkerId] = set()
        self._parts: dict[str, list[PendingPart]] = defaultdict(list)
        self._results: dict[AttemptId, TaskResult] = {}
        self._errors: dict[TaskId, GristmillError] = {}
        self._running: dict[AttemptId, WorkerId] = {}
        self._localities: dict[AttemptId, instructions.Locality] = {}
        self.ledger = Ledger()
        self._poison = PoisonedRecords({stage.id: stage.retry for stage in graph.stages})

    # What the driver tells.

    def tick(self, now_s: float) -> None:
        """Time passes; the first tick starts the clock of deadlines."""
        if self._started_s is None:
            self._started_s = now_s
        self._handle(events.Tick(now_s))
        for job, deadline_s in self._facts.deadlines:
            if job not in self._jobs_done and now_s - self._started_s > deadline_s:
                reason = f"it had not finished after its deadline of {format_duration(deadline_s)}"
                self.fail(DeadlineExceeded(reason, place=f"job {job!r}", remedy="give it more time, or more workers"))

    def restored(self, results: Iterable[TaskResult], holders: Mapping[str, WorkerId]) -> int:
        """Results that an earlier coordinator of the run accepted; the number of those that count.

        To be told before the first tick, and after the workers that hold map output have joined: ``holders`` are
        their ids by host. Of a map whose worker is not there only what still needs it has it run again.
        """
        order = {stage.id: number for number, stage in enumerate(self.graph.stages)}
        known = [result for result in results if result.attempt.task.stage in order]
        for result in sorted(known, key=lambda each: (order[each.attempt.task.stage], each.attempt.task.partition)):
            self._restore(result, holders)
        return len(known)

    def _restore(self, result: TaskResult, holders: Mapping[str, WorkerId]) -> None:
        self.tally.accept(result)
        for part in result.parts:
            self._parts[part.job].append(part)
        found = [holders.get(output.location.host) for output in result.outputs]
        gone = WorkerId("a worker of before") if found and found[0] is None else None
        holder = gone or (found[0] if found else None)
        for output in result.outputs:
            if holder is not None and gone is None:
                self._feeds.add(output, holder)
        checksum = "+".join(output.checksum for output in result.outputs)
        self._handle(events.TaskRestored(result.attempt, holder, result.bytes_out, checksum))

    def joined(self, worker: events.WorkerJoined, link: WorkerLink) -> None:
        """A worker is there and can be reached by ``link``."""
        self._links[worker.worker] = link
        self._handle(worker)

    def left(self, worker: WorkerId, reason: events.LeaveReason) -> None:
        """A worker is gone."""
        self._links.pop(worker, None)
        for attempt in [attempt for attempt, where in self._running.items() if where == worker]:
            self.ledger.lost(attempt.task, worker, evicted=reason is events.LeaveReason.EVICTED)
        self._handle(events.WorkerLeft(worker, reason))

    def draining(self, worker: WorkerId) -> None:
        """A worker finishes what it has and takes nothing new."""
        self._draining.add(worker)
        self._handle(events.WorkerDraining(worker))

    def heartbeat(self, worker: WorkerId, memory_bytes: int, peak_bytes: int) -> None:
        """A worker lives, and holds so many bytes."""
        self.tally.worker(worker, memory_bytes, peak_bytes)
        self._handle(events.Heartbeat(worker))

    def reading(self, attempt: AttemptId, rows: int, bytes_: int) -> None:
        """A running attempt has read so much."""
        if attempt in self._running:
            self.tally.running(attempt.task.stage, str(attempt), rows, bytes_)

    def attempt_finished(self, worker: WorkerId, result: TaskResult) -> None:
        """An attempt has its result."""
        self._results[result.attempt] = result
        checksum = "+".join(output.checksum for output in result.outputs)
        finished = events.AttemptFinished(result.attempt, worker, result.bytes_out, result.seconds, checksum)
        self._handle(finished)
        self._results.pop(result.attempt, None)
        self._ended(result.attempt)

    def attempt_failed(
        self,
        worker: WorkerId,
        attempt: AttemptId,
        cause: Cause,
        error: GristmillError,
        lost: Sequence[tuple[ExchangeId, int]] = (),
    ) -> None:
        """An attempt gave up, for a reason that the scheduler weighs and an error that a user may have to read."""
        self._ended(attempt)
        proven = cause is Cause.ERROR and self._is_proven(attempt.task, error)
        if cause is not Cause.CANCELLED:
            self._errors[attempt.task] = error
            self.ledger.failed(attempt.task, cause, error)
        if isinstance(error, _FATAL) or proven:
            self.fail(error)
            return
        if cause is Cause.ERROR and error.record is not None:
            verdict = self._poison.failed(attempt.task, error)
            if verdict.hopeless:
                self.fail(verdict.error)
                return
            cause = verdict.cause
        self._handle(events.AttemptFailed(attempt, worker, cause, error.reason, tuple(lost)))

    def cancel(self, reason: str) -> None:
        """The user wants it to end."""
        self.fail(Cancelled(reason))

    def fail(self, error: GristmillError) -> None:
        """The chain cannot go on: everything that runs is cancelled. So ends, too, what cannot be committed."""
        if self.error is None:
            self.error = error
            self._handle(events.Cancel(error.reason))

    # What it tells.

    def call_when_asking(self, call: Callable[[], None]) -> None:
        """``call`` is called when there are effects to be performed, and when the run is over."""
        self._asking = call

    @property
    def live_workers(self) -> int:
        """Workers that can be reached now and get tasks."""
        return len(self._links.keys() - self._draining)

    @property
    def over(self) -> bool:
        """Whether nothing more will be launched."""
        return self.finished or self.error is not None

    def holders(self) -> set[WorkerId]:
        """The workers that hold map output which somebody may still read."""
        return self._feeds.holders()

    def counts(self) -> tuple[StageCounts, ...]:
        """The scheduler's counts of each stage, in graph order."""
        return self._scheduler.progress().stages

    def _handle(self, event: events.Event) -> None:
        """Tells the scheduler, and does what it says. What comes up meanwhile waits till all of that is done."""
        self._events.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._events:
                for instruction in self._scheduler.handle(self._events.popleft()):
                    self._apply(instruction)
        finally:
            self._handling = False
        if self.effects or self.over:
            self._asking()

    def _apply(self, instruction: instructions.Instruction) -> None:
        match instruction:
            case instructions.Launch() if instruction.worker in self._links:
                self._launch(instruction)
            case instructions.CancelAttempt(attempt, worker):
                if (link := self._links.get(worker)) is not None:
                    link.cancel(attempt)
            case instructions.AcceptAttempt(attempt, worker, keep_parts):
                self._accept(self._results.pop(attempt), worker, keep_parts=keep_parts)
            case instructions.DiscardAttempt(attempt):
                self._discard(self._results.pop(attempt, None))
            case instructions.ExchangeSealed(exchange, changed):
                self._seal(exchange, changed=changed)
            case instructions.ExchangeReopened(exchange):
                self._feeds.reopen(exchange)
                self._spread_news(exchange)
            case instructions.ReleaseOutputs(exchange):
                for worker in self._feeds.release(exchange) & self._links.keys():
                    self._links[worker].release(self._facts.run, exchange)
            case instructions.JobFinished(job):
                self._jobs_done.add(job)
                self.effects.append(CommitJob(job, tuple(self._parts.pop(job, ()))))
            case instructions.LoseWorker(worker):
                if (link := self._links.pop(worker, None)) is not None:
                    link.stop()
            case instructions.RequestWorkers():
                self.wanted = instruction
            case instructions.FinishChain():
                self.finished = True
            case instructions.FailChain(task, cause, message):
                self._failed(task, cause, message)
            case instructions.Warn(text):
                self.tally.messages.append(text)
            case instructions.Launch() | instructions.StageSealed():
                """A worker that has just gone; the scheduler hears of it next. Seals matter by exchange."""

    def _launch(self, launch: instructions.Launch) -> None:
        plan = self._plan(launch.attempt.task.stage)
        link = self._links[launch.worker]
        for exchange in plan.stage.exchanges_read:
            news = self._feeds.news(launch.worker, exchange)
            if news is not None:
                link.feed(news)
        self._running[launch.attempt] = launch.worker
        self._localities[launch.attempt] = launch.locality
        order = TaskOrder(
            launch.attempt,
            self._facts.run,
            plan.digest,
            (),
            self._facts.memory_bytes * launch.memory_scale,
            self._poison.skips(launch.attempt.task),
        )
        link.launch(plan, order)

    def _plan(self, stage: StageId) -> StagedPlan:
        if stage not in self._plans:
            self._plans[stage] = StagedPlan.of(self._stages[stage])
        return self._plans[stage]

    def _accept(self, result: TaskResult, worker: WorkerId, *, keep_parts: bool) -> None:
        explained = replace(result, quarantined=self._poison.explained(result.quarantined))
        self.tally.accept(explained, self._localities.get(result.attempt, instructions.Locality.ANYWHERE))
        self._errors.pop(result.attempt.task, None)
        self._note(explained if keep_parts else replace(explained, parts=()))
        if keep_parts:
            for part in result.parts:
                self._parts[part.job].append(part)
        elif result.parts:
            self.effects.append(DiscardParts(result.parts))
        for output in result.outputs:
            self._feeds.add(output, worker)
            self._spread_news(output.exchange)

    def _discard(self, result: TaskResult | None) -> None:
        if result is not None and result.parts:
            self.effects.append(DiscardParts(result.parts))

    def _seal(self, exchange: ExchangeId, *, changed: bool) -> None:
        try:
            self._feeds.seal(exchange, anew=changed)
        except GristmillError as error:
            self.fail(error)
            return
        self._spread_news(exchange)

    def _spread_news(self, exchange: ExchangeId) -> None:
        """Tells the workers on which a reader of the exchange already runs."""
        readers = {
            worker
            for attempt, worker in self._running.items()
            if exchange in self._stages[attempt.task.stage].exchanges_read
        }
        for worker in readers & self._links.keys():
            news: ExchangeFeed | None = self._feeds.news(worker, exchange)
            if news is not None:
                self._links[worker].feed(news)

    def _is_proven(self, task: TaskId, error: GristmillError) -> bool:
        """Whether the task failed before with the very same words about its content. Records have a proof of their
        own, since they may be skipped."""
        content = isinstance(error, FragmentError | InputError) and error.record is None
        return content and str(self._errors.get(task, "")) == str(error)

    def _ended(self, attempt: AttemptId) -> None:
        self._running.pop(attempt, None)
        self._localities.pop(attempt, None)
        self.tally.ended(attempt.task.stage, str(attempt))

    def _failed(self, task: TaskId | None, cause: Cause, message: str) -> None:
        if self.error is not None:
            return
        known = self._errors.get(task) if task is not None else None
        if known is not None:
            known.place = known.place or f"task {task}"
            self.error = known
        else:
            self.error = TaskFailed(message or f"no attempt succeeded ({cause})", place=f"task {task}" if task else "")
