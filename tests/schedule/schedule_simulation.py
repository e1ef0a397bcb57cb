"""A simulated cluster for the scheduler: workers, files, messages that are slow, doubled and out of order.

Everything comes from one seed. The scheduler gets events, the cluster carries its instructions out as honest workers
would: an attempt fails with LOST_INPUT if a file that it reads is not there, an early one holds its slot till its
input is sealed, a cancel may come too late. ``Laws`` watches every instruction.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from schedule_graphs import VOLUMES
from schedule_laws import BrokenLaw, Laws, law, reads_of

from gristmill.ids import AttemptId, ExchangeId, TaskId, WorkerId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.stage import StageGraph
from gristmill.schedule import Scheduler, SchedulerConfig
from gristmill.schedule.events import (
    AttemptFailed,
    AttemptFinished,
    Cause,
    Event,
    Heartbeat,
    LeaveReason,
    OutputLost,
    TaskRestored,
    Tick,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
)
from gristmill.schedule.instructions import (
    AcceptAttempt,
    CancelAttempt,
    DiscardAttempt,
    ExchangeSealed,
    Instruction,
    Launch,
    LoseWorker,
    ReleaseOutputs,
)

TICK_S = 0.25
FOREVER_S = 20_000.0


@dataclass(frozen=True)
class Faults:
    """How often things go wrong: shares of attempts, messages, or chances a second."""

    failure: float = 0.0
    hang: float = 0.0
    slow: float = 0.0
    corrupt: float = 0.0
    doubled: float = 0.0
    worker_loss_s: float = 0.0
    drain_s: float = 0.0
    unreachable: float = 0.0
    join_s: float = 0.0
    nondeterministic: float = 0.0
    delay_s: float = 0.1

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """A mix in which each kind is absent half of the time."""

        def some(most: float) -> float:
            return rng.choice((0.0, rng.uniform(0, most)))

        return cls(
            failure=some(0.2),
            hang=some(0.05),
            slow=some(0.1),
            corrupt=some(0.1),
            doubled=some(0.3),
            worker_loss_s=some(0.05),
            drain_s=some(0.03),
            unreachable=some(0.5),
            join_s=some(0.2),
            delay_s=rng.choice((0.01, 0.2, 2.0)),
        )


CONFIG = SchedulerConfig(
    heartbeat_timeout_s=10.0,
    locality_wait_s=1.0,
    retry_elsewhere_s=2.0,
    free_retries=10_000,
    blocklist_s=5.0,
    queue_depth=2,
)


@dataclass
class SimWorker:
    """A worker as it really is, whatever the scheduler believes."""

    joined: WorkerJoined
    alive: bool = True
    reachable: bool = True
    leaving: bool = False
    queue: list[Launch] = field(default_factory=list)
    active: dict[AttemptId, Launch] = field(default_factory=dict)
    inbox_s: float = 0.0
    """When the last instruction sent to it arrives: they come in order."""


class Cluster:
    """Runs one scheduler to its end."""

    def __init__(self, seed: int, graph: StageGraph, faults: Faults, config: SchedulerConfig = CONFIG) -> None:
        self.rng = random.Random(seed)
        self.graph = graph
        self.faults = faults
        self.scheduler = Scheduler(graph, config)
        self.config = config
        self.laws = Laws(graph, config.queue_depth)
        self.workers: dict[WorkerId, SimWorker] = {}
        self.files: dict[AttemptId, bool] = {}
        """Finished attempts' output: whether it can be read."""
        self.blocked: dict[AttemptId, Launch] = {}
        self.failures: Counter[tuple[TaskId, Cause]] = Counter()
        self.poison: dict[TaskId, Cause] = {}
        self.now_s = 0.0
        self.heard: set[AttemptId] = set()
        """Attempts that the scheduler was told have finished."""
        self.checksums: dict[TaskId, str] = {}
        self.log: list[tuple[Event, list[Instruction]]] = []
        self.instructions: Counter[str] = Counter()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._calm = False
        self._immortal_joined = False
        self._immortal = WorkerId("")
        """Never lost, drained or unreachable, and its files keep."""

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Does something later."""
        self._count += 1
        heapq.heappush(self._agenda, (self.now_s + delay_s, self._count, action))

    def run(self, workers: int = 3) -> None:
        """Till the scheduler has ended and every message has arrived."""
        for _ in range(workers):
            self.join()
        self._immortal = next(id_ for id_, worker in self.workers.items() if worker.alive)
        self.at(0.0, self._tick)
        self.at(1.0, self._strike)
        while self._agenda:
            self.now_s, _, action = heapq.heappop(self._agenda)
            if self.now_s > FOREVER_S:
                raise BrokenLaw(f"no end after {FOREVER_S} s: {self.scheduler.progress()}")
            action()
            self._calm = self._calm or self.now_s > 300
        left = self.heard - self.laws.settled
        law(not left, f"neither accepted nor discarded: {left}")

    def restore(self, attempt: AttemptId) -> None:
        """Before the start: an earlier scheduler accepted the attempt, and its output is in a place that lasts."""
        keeper = WorkerId("durable")
        self.workers.setdefault(keeper, SimWorker(WorkerJoined(keeper, 0, output_outlives_worker=True), alive=False))
        self.files[attempt] = True
        self.laws.restore(AcceptAttempt(attempt, keeper))
        self.tell(TaskRestored(attempt))

    def join(self) -> None:
        """One more worker."""
        number = len(self.workers)
        places = (f"h{number % 4}", f"z{number % 3}")
        outlives = self.rng.random() < 0.2
        # The immortal one has all volumes: without a worker that has a task's, the task waits for ever.
        volumes = tuple(volume for volume in VOLUMES if not self._immortal_joined or self.rng.random() < 0.4)
        joined = WorkerJoined(WorkerId(f"w{number}"), self.rng.randint(1, 3), places, outlives, volumes)
        self._immortal_joined = True
        self.workers[joined.worker] = SimWorker(joined)
        self.laws.volumes[joined.worker] = frozenset(volumes)
        self.laws.outstanding[joined.worker] = {}
        self.laws.slots[joined.worker] = joined.slots
        self.tell(joined)
        self.at(self.config.heartbeat_timeout_s / 4, lambda: self._beat(joined.worker))

    def tell(self, event: Event) -> None:
        """The scheduler hears of it, and what it says is carried out."""
        instructions = self.scheduler.handle(event)
        self.log.append((event, instructions))
        if isinstance(event, AttemptFinished | AttemptFailed):
            self.laws.ended(event.attempt, event.worker)
        if isinstance(event, AttemptFinished):
            self.heard.add(event.attempt)
            self._compare(event, instructions)
        for instruction in instructions:
            self.laws.follow(instruction)
            self.instructions[type(instruction).__name__] += 1
            self._carry_out(instruction)

    def _compare(self, event: AttemptFinished, instructions: list[Instruction]) -> None:
        """Who read rows that have changed since may run again."""
        task = event.attempt.task
        if not any(isinstance(each, AcceptAttempt) for each in instructions):
            return
        if self.checksums.setdefault(task, event.checksum) != event.checksum:
            self.checksums[task] = event.checksum
            for exchange, order in self.laws.wiring.written.get(task, []):
                self.laws.redone.update(self.laws.wiring.readers_of(exchange, order))

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case Launch(_, worker):
                self._send(worker, lambda: self._start(instruction))
            case CancelAttempt(attempt, worker):
                self._send(worker, lambda: self._cancel(attempt, worker))
            case DiscardAttempt(attempt, _):
                self.files[attempt] = False
            case LoseWorker(worker):
                self.laws.worker_gone(worker)
                self._doubt(worker)
            case ReleaseOutputs(exchange):
                for task in self.laws.wiring.order[exchange].values():
                    self._forget_output(task, exchange)
            case ExchangeSealed(_):
                self._unblock()

    def _forget_output(self, task: TaskId, exchange: ExchangeId) -> None:
        """A released file: gone, unless the task's single file serves another exchange (then it stays readable)."""
        if task in self.laws.accepted and len(self.laws.wiring.written[task]) == 1:
            self.files[self.laws.accepted[task].attempt] = False

    def _send(self, worker: WorkerId, action: Callable[[], None]) -> None:
        """To a worker: late, but in order."""
        target = self.workers[worker]
        target.inbox_s = max(target.inbox_s, self.now_s + self.rng.uniform(0, self.faults.delay_s))
        self.at(target.inbox_s - self.now_s, action)

    def _say(self, worker: WorkerId, event: Event, again: bool = True) -> None:
        """From a worker: late, out of order, perhaps twice; while it cannot be reached, later still."""
        if not self.workers[worker].alive:
            return
        delay_s = self.rng.uniform(0, self.faults.delay_s)
        if not self.workers[worker].reachable:
            delay_s += self.rng.uniform(0, 40)
        self.at(delay_s, lambda: self.tell(event))
        if again and self.rng.random() < self.faults.doubled:
            self._say(worker, event, again=False)

    # What workers do.

    def _start(self, launch: Launch) -> None:
        worker = self.workers[launch.worker]
        if not worker.alive:
            return
        if len(worker.active) >= worker.joined.slots:
            worker.queue.append(launch)
            return
        worker.active[launch.attempt] = launch
        if launch.early and not self._sealed(launch.attempt.task):
            self.blocked[launch.attempt] = launch
        else:
            self._work(launch)

    def _sealed(self, task: TaskId) -> bool:
        reads = reads_of(self.laws.wiring.stages[task.stage])
        return all(read.exchange in self.laws.sealed for read in reads if read.spec.kind is not ExchangeKind.FORWARD)

    def _unblock(self) -> None:
        for attempt, launch in list(self.blocked.items()):
            if self._sealed(attempt.task):
                del self.blocked[attempt]
                self._work(launch)

    def _work(self, launch: Launch) -> None:
        """Reads, takes its time, and ends one way or another."""
        task = launch.attempt.task
        inputs = [
            (at, self.laws.accepted.get(self.laws.wiring.order[at[0]][at[1]])) for at in self.laws.wiring.inputs(task)
        ]
        lost = tuple(at for at, output in inputs if output is None or not self._readable(output))
        if lost:
            self.at(self.rng.uniform(0, 1), lambda: self._fail(launch, Cause.LOST_INPUT, lost))
            return
        seconds = self.rng.uniform(0.01, 0.3) if task.stage.job in ("j0", "j2") else self.rng.uniform(0.5, 3)
        cause = self.poison.get(task) or self._bad_luck(task)
        if cause is Cause.TIMEOUT:
            return
        if cause is not None:
            self.at(seconds / 2, lambda: self._fail(launch, cause))
            return
        if self.rng.random() < self.faults.slow:
            seconds *= 30
        self.at(seconds, lambda: self._finish(launch, seconds))

    def _readable(self, output: AcceptAttempt) -> bool:
        worker = self.workers[output.worker]
        return self.files.get(output.attempt, False) and (worker.alive or worker.joined.output_outlives_worker)

    def _bad_luck(self, task: TaskId) -> Cause | None:
        """A failure within the budget, or none."""
        stage = self.laws.wiring.stages[task.stage]
        budgets = {
            Cause.ERROR: stage.retry.errors,
            Cause.EXECUTOR_LOST: stage.retry.errors,
            Cause.DISK_FULL: stage.retry.errors,
            Cause.OOM: stage.retry.oom,
            Cause.TIMEOUT: stage.retry.timeouts,
            Cause.CANCELLED: 1_000,
        }
        if self.rng.random() < self.faults.hang and stage.retry.task_timeout_s is not None:
            cause = Cause.TIMEOUT
        elif self.rng.random() < self.faults.failure:
            cause = self.rng.choice([each for each in budgets if each is not Cause.TIMEOUT])
        else:
            return None
        if self.failures[task, cause] + 1 >= budgets[cause] or task in self.poison:
            return None
        self.failures[task, cause] += 1
        return cause

    def _finish(self, launch: Launch, seconds: float) -> None:
        worker, attempt = self.workers[launch.worker], launch.attempt
        if attempt not in worker.active or not worker.alive:
            return
        self.files[attempt] = True
        checksum = f"{attempt.task}"
        if self.rng.random() < self.faults.nondeterministic:
            checksum += f".{attempt.number}"
        self._say(launch.worker, AttemptFinished(attempt, launch.worker, 100, seconds, checksum))
        self._next(worker, attempt)
        if self.rng.random() < self.faults.corrupt and launch.worker != self._immortal and not self._calm:
            self.at(self.rng.uniform(0, 5), lambda: self._corrupt(launch))

    def _corrupt(self, launch: Launch) -> None:
        """The file is damaged: a reader finds out, or the coordinator."""
        self.files[launch.attempt] = False
        task = launch.attempt.task
        if self.rng.random() < 0.5:
            for exchange, order in self.laws.wiring.written.get(task, []):
                if task in self.laws.accepted:
                    self.laws.doubtful.add(task)
                self.tell(OutputLost(exchange, order, launch.worker))

    def _fail(self, launch: Launch, cause: Cause, lost: tuple[tuple[ExchangeId, int], ...] = ()) -> None:
        worker = self.workers[launch.worker]
        if launch.attempt in worker.active and worker.alive:
            for exchange, order in lost:
                self.laws.doubtful.add(self.laws.wiring.order[exchange][order])
            self._say(launch.worker, AttemptFailed(launch.attempt, launch.worker, cause, "simulated", lost))
            self._next(worker, launch.attempt)

    def _next(self, worker: SimWorker, ended: AttemptId) -> None:
        worker.active.pop(ended, None)
        self.blocked.pop(ended, None)
        while worker.queue and len(worker.active) < worker.joined.slots:
            self._start(worker.queue.pop(0))

    def _cancel(self, attempt: AttemptId, worker_id: WorkerId) -> None:
        worker = self.workers[worker_id]
        worker.queue = [launch for launch in worker.queue if launch.attempt != attempt]
        if attempt in worker.active:
            self._next(worker, attempt)
            if self.rng.random() < 0.5:
                self._say(worker_id, AttemptFailed(attempt, worker_id, Cause.CANCELLED, "cancelled"))

    # What happens to workers.

    def _tick(self) -> None:
        self.tell(Tick(self.now_s))
        if self.laws.end is None:
            self.at(TICK_S, self._tick)

    def _beat(self, worker: WorkerId) -> None:
        if self.workers[worker].alive and self.laws.end is None:
            self._say(worker, Heartbeat(worker))
            self.at(self.config.heartbeat_timeout_s / 4, lambda: self._beat(worker))

    def _doubt(self, worker: WorkerId) -> None:
        """What was accepted from that worker may count as lost from now on."""
        if not self.workers[worker].joined.output_outlives_worker:
            self.laws.doubtful.update(task for task, each in self.laws.accepted.items() if each.worker == worker)

    def _strike(self) -> None:
        """Once a second, something may happen to a worker; never to the immortal one."""
        if self.laws.end is not None or self._calm:
            return
        self.at(1.0, self._strike)
        faults, rng = self.faults, self.rng
        for id_, worker in list(self.workers.items()):
            if not worker.alive or id_ == self._immortal:
                continue
            if rng.random() < faults.worker_loss_s:
                self._lose(id_)
            elif rng.random() < faults.worker_loss_s * faults.unreachable:
                worker.reachable = False
                self.at(rng.uniform(5, 60), lambda w=worker: setattr(w, "reachable", True))  # type: ignore[misc]
            elif rng.random() < faults.drain_s and not worker.leaving:
                self._drain(id_)
        if rng.random() < faults.join_s and len(self.workers) < 30:
            self.join()

    def _lose(self, id_: WorkerId) -> None:
        """Dies; the scheduler hears of it, or finds out by the silence."""
        self.workers[id_].alive = False
        if self.rng.random() < 0.5:
            reason = self.rng.choice((LeaveReason.LOST, LeaveReason.EVICTED))
            self.at(self.rng.uniform(0, 3), lambda: self._leave(id_, reason))

    def _drain(self, id_: WorkerId) -> None:
        self.workers[id_].leaving = True
        self.laws.draining.add(id_)
        self.tell(WorkerDraining(id_))
        self.at(self.rng.uniform(0, 8), lambda: self._leave(id_, LeaveReason.DRAINED))

    def _leave(self, id_: WorkerId, reason: LeaveReason) -> None:
        self.workers[id_].alive = False
        self._doubt(id_)
        self.laws.worker_gone(id_)
        self.tell(WorkerLeft(id_, reason))
