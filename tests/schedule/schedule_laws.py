"""The laws of the scheduler, checked on every instruction against what really happened in a simulated cluster."""

from __future__ import annotations

from collections import Counter

from gristmill.ids import AttemptId, ExchangeId, TaskId, WorkerId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.stage import ExchangeRead, SinkWrite, Stage, StageGraph
from gristmill.schedule.instructions import (
    AcceptAttempt,
    CancelAttempt,
    DiscardAttempt,
    ExchangeReopened,
    ExchangeSealed,
    FailChain,
    FinishChain,
    Instruction,
    JobFinished,
    Launch,
    ReleaseOutputs,
    StageSealed,
)

EARLY = {ExchangeKind.HASH, ExchangeKind.CUSTOM, ExchangeKind.SINGLE}


class BrokenLaw(AssertionError):
    """An instruction that must not be."""


def law(holds: bool, text: str) -> None:
    """Raises BrokenLaw with the text if it does not hold."""
    if not holds:
        raise BrokenLaw(text)


def reads_of(stage: Stage) -> tuple[ExchangeRead, ...]:
    """All exchanges that a task of the stage reads, side inputs included."""
    return (*stage.reads, *stage.body.side_reads)


class Wiring:
    """Who writes and reads what, from the graph alone (not from the scheduler's own view of it)."""

    def __init__(self, graph: StageGraph) -> None:
        self.stages = {stage.id: stage for stage in graph.stages}
        self.order: dict[ExchangeId, dict[int, TaskId]] = {}
        self.written: dict[TaskId, list[tuple[ExchangeId, int]]] = {}
        self.readers: dict[ExchangeId, list[tuple[Stage, ExchangeKind]]] = {}
        for stage in graph.stages:
            for exchange in stage.exchanges_written:
                orders = self.order.setdefault(exchange, {})
                for partition in range(stage.tasks):
                    task = TaskId(stage.id, partition)
                    self.written.setdefault(task, []).append((exchange, len(orders)))
                    orders[len(orders)] = task
            for read in reads_of(stage):
                self.readers.setdefault(read.exchange, []).append((stage, read.spec.kind))

    def inputs(self, task: TaskId) -> list[tuple[ExchangeId, int]]:
        """The outputs that the task reads."""
        found = []
        for read in reads_of(self.stages[task.stage]):
            forward = read.spec.kind is ExchangeKind.FORWARD
            orders = [task.partition] if forward else list(self.order.get(read.exchange, {}))
            found += [(read.exchange, order) for order in orders]
        return found

    def readers_of(self, exchange: ExchangeId, order: int) -> list[TaskId]:
        """The tasks that read that output."""
        found = []
        for stage, kind in self.readers.get(exchange, []):
            partitions = [order] if kind is ExchangeKind.FORWARD else list(range(stage.tasks))
            found += [TaskId(stage.id, partition) for partition in partitions]
        return found

    def volumes(self, task: TaskId) -> frozenset[str]:
        """What has to be mounted where the task runs."""
        stage = self.stages[task.stage]
        split = stage.scan.splits[task.partition].volumes if stage.scan else ()
        return frozenset((*stage.volumes, *split))

    def sinks(self, task: TaskId) -> bool:
        """Whether the task writes parts of an output."""
        return any(isinstance(outlet, SinkWrite) for outlet in self.stages[task.stage].outlets)


class Laws:
    """Follows instructions; the cluster tells it what it did to workers and files."""

    def __init__(self, graph: StageGraph, queue_depth: int) -> None:
        self.wiring = Wiring(graph)
        self._queue_depth = queue_depth
        self.accepted: dict[TaskId, AcceptAttempt] = {}
        self.doubtful: set[TaskId] = set()
        """Tasks of whose accepted output something was lost, as far as anybody may know."""
        self.redone: set[TaskId] = set()
        """Tasks that read rows which a second run of a map changed."""
        self.winners: set[AttemptId] = set()
        """Attempts that were accepted, be it once upon a time."""
        self.settled: set[AttemptId] = set()
        """Attempts that finished and were accepted or discarded."""
        self.outstanding: dict[WorkerId, dict[AttemptId, Launch]] = {}
        self.draining: set[WorkerId] = set()
        self.slots: dict[WorkerId, int] = {}
        self.volumes: dict[WorkerId, frozenset[str]] = {}
        self.sealed: set[ExchangeId] = set()
        self.launched: set[AttemptId] = set()
        self.parts: set[TaskId] = set()
        self.jobs: Counter[str] = Counter()
        self.end: FinishChain | FailChain | None = None

    def follow(self, instruction: Instruction) -> None:
        """Checks one instruction. Raises BrokenLaw."""
        if self.end is not None:
            law(isinstance(instruction, DiscardAttempt), f"{instruction} after the end")
        match instruction:
            case Launch():
                self._launch(instruction)
            case CancelAttempt(attempt, worker):
                law(attempt in self.outstanding[worker], f"cancel of {attempt} that does not run on {worker}")
                del self.outstanding[worker][attempt]
            case AcceptAttempt():
                self._accept(instruction)
            case DiscardAttempt(attempt, _):
                law(attempt not in self.winners, f"discard of {attempt}, which was accepted")
                self.settled.add(attempt)
            case ExchangeSealed(exchange):
                law(exchange not in self.sealed, f"{exchange} sealed twice")
                law(
                    all(task in self.accepted for task in self.wiring.order[exchange].values()),
                    f"{exchange} sealed early",
                )
                self.sealed.add(exchange)
            case ExchangeReopened(exchange):
                law(exchange in self.sealed, f"{exchange} reopened before it was sealed")
                self.sealed.remove(exchange)
            case ReleaseOutputs(exchange):
                self._release(exchange)
            case StageSealed(stage):
                self._all_accepted(stage in self.wiring.stages, [self.wiring.stages[stage]])
            case JobFinished(job):
                self.jobs[job] += 1
                law(self.jobs[job] == 1, f"job {job} finished twice")
                self._all_accepted(True, [stage for id_, stage in self.wiring.stages.items() if id_.job == job])
            case FinishChain():
                self._all_accepted(True, list(self.wiring.stages.values()))
                self._ended(instruction)
            case FailChain():
                self._ended(instruction)

    def restore(self, accept: AcceptAttempt) -> None:
        """An earlier scheduler accepted it."""
        task = accept.attempt.task
        self.accepted[task] = accept
        self.winners.add(accept.attempt)
        self.settled.add(accept.attempt)
        if self.wiring.sinks(task):
            self.parts.add(task)

    def ended(self, attempt: AttemptId, worker: WorkerId) -> None:
        """The scheduler was told that the attempt runs no more."""
        self.outstanding.get(worker, {}).pop(attempt, None)

    def worker_gone(self, worker: WorkerId) -> None:
        """The scheduler was told, or will find out, that the worker is no longer there."""
        self.outstanding.pop(worker, None)

    def _launch(self, launch: Launch) -> None:
        attempt, worker = launch.attempt, launch.worker
        law(attempt not in self.launched, f"{attempt} launched twice")
        self.launched.add(attempt)
        law(worker in self.outstanding, f"{attempt} launched on {worker}, which is not there")
        law(worker not in self.draining, f"{attempt} launched on {worker}, which drains")
        there = self.outstanding[worker]
        law(len(there) < self.slots[worker] * (1 + self._queue_depth), f"{worker} has {len(there)} attempts")
        law(not any(other.exclusive for other in there.values()), f"{worker} is taken whole")
        law(not launch.exclusive or not there, f"{attempt} needs the whole of {worker}")
        elsewhere = [each for runs in self.outstanding.values() for each in runs if each.task == attempt.task]
        law(len(elsewhere) <= 1, f"{attempt} is a third attempt beside {elsewhere}")
        law(launch.backup or not elsewhere, f"{attempt} beside {elsewhere} is no backup")
        needs = self.wiring.volumes(attempt.task)
        law(needs <= self.volumes[worker], f"{attempt} launched on {worker}, which has not mounted all of {needs}")
        self._check_inputs(launch)
        if attempt.task in self.accepted:
            law(self._wanted(attempt.task), f"{attempt} runs again, though nobody needs its output")
        there[attempt] = launch

    def _check_inputs(self, launch: Launch) -> None:
        task = launch.attempt.task
        for read in reads_of(self.wiring.stages[task.stage]):
            if read.spec.kind is ExchangeKind.FORWARD:
                writer = self.wiring.order[read.exchange][task.partition]
                law(writer in self.accepted, f"{launch.attempt} launched before {writer}")
            elif read.exchange not in self.sealed:
                law(
                    launch.early and read.spec.kind in EARLY,
                    f"{launch.attempt} launched before {read.exchange} is sealed",
                )

    def _wanted(self, task: TaskId) -> bool:
        """Whether the task is not done, or somebody not done reads what was lost of it."""
        if task not in self.accepted or task in self.redone:
            return True
        if task not in self.doubtful:
            return False
        return any(
            self._wanted(reader)
            for exchange, order in self.wiring.written.get(task, ())
            for reader in self.wiring.readers_of(exchange, order)
        )

    def _accept(self, accept: AcceptAttempt) -> None:
        task = accept.attempt.task
        law(accept.attempt not in self.settled, f"{accept.attempt} accepted a second time")
        law(accept.worker in self.outstanding, f"{accept.attempt} accepted from {accept.worker}, which is not there")
        if task in self.accepted:
            law(
                task in self.doubtful or task in self.redone,
                f"two winners: {accept.attempt}, {self.accepted[task].attempt}",
            )
            law(bool(self.wiring.written.get(task)), f"sink task {task} accepted twice")
        if self.wiring.sinks(task):
            law(accept.keep_parts == (task not in self.parts), f"parts of {task} kept twice, or not at all")
            self.parts.add(task)
        self.accepted[task] = accept
        self.winners.add(accept.attempt)
        self.settled.add(accept.attempt)
        self.doubtful.discard(task)
        self.redone.discard(task)

    def _release(self, exchange: ExchangeId) -> None:
        for stage, _ in self.wiring.readers.get(exchange, []):
            self._all_accepted(True, [stage])
        if self.wiring.order[exchange]:
            self.sealed.discard(exchange)
        self.doubtful.update(task for task in self.wiring.order[exchange].values() if task in self.accepted)

    def _all_accepted(self, known: bool, stages: list[Stage]) -> None:
        for stage in stages:
            open_tasks = [p for p in range(stage.tasks) if TaskId(stage.id, p) not in self.accepted]
            law(known and not open_tasks, f"{stage.id} counts as done, but its tasks {open_tasks} were not accepted")

    def _ended(self, end: FinishChain | FailChain) -> None:
        self.end = end
        running = [attempt for runs in self.outstanding.values() for attempt in runs]
        law(not running, f"{running} run after the end")
