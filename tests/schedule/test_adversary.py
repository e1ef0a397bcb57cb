"""An adversary that picks every event (hypothesis), against the same laws as the simulated clusters.

There is no time and no honest order here: any attempt that was ever launched may finish, fail, or do so again at any
moment. When it gives up, a healthy worker must be enough to finish the chain.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from schedule_graphs import VOLUMES, chain_of, map_only, map_reduce, map_stage, read, reduce_stage, sink, write
from schedule_laws import Laws, reads_of

from gristmill.ids import TaskId, WorkerId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import RetryPolicy
from gristmill.plan.stage import StageGraph
from gristmill.schedule import Scheduler, SchedulerConfig
from gristmill.schedule.events import (
    AttemptFailed,
    AttemptFinished,
    Cause,
    Event,
    Heartbeat,
    OutputLost,
    Tick,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
)
from gristmill.schedule.instructions import FinishChain, Launch

PATIENT = RetryPolicy(errors=10**6, oom=10**6, timeouts=10**6)
CONFIG = SchedulerConfig(free_retries=10**6, queue_depth=2, short_task_s=100.0, locality_wait_s=1.0)

DIAMOND = StageGraph(
    (
        map_stage("a", 2, write("b", 2, ExchangeKind.FORWARD), write("c", 1), write("d", 2, name="x"), retry=PATIENT),
        reduce_stage("b", 2, (read("b", 2, ExchangeKind.FORWARD),), write("d", 2, ExchangeKind.RANGE), retry=PATIENT),
        reduce_stage("c", 1, (read("c", 1),), sink("c"), write("d", 2, ExchangeKind.BROADCAST, "y"), retry=PATIENT),
        reduce_stage(
            "d",
            2,
            (
                read("d", 2, name="x"),
                read("d", 2, ExchangeKind.RANGE),
                read("d", 2, ExchangeKind.BROADCAST, "y"),
            ),
            sink("d"),
            retry=PATIENT,
        ),
    ),
    "d",
)


def patient(graph: StageGraph) -> StageGraph:
    """The same graph with budgets that no test uses up."""
    return replace(graph, stages=tuple(replace(stage, retry=PATIENT) for stage in graph.stages))


GRAPHS = (
    DIAMOND,
    patient(map_only(4)),
    patient(map_reduce(3, 2)),
    patient(map_reduce(4, 3, tied=(VOLUMES[:1], VOLUMES[1:], (), VOLUMES))),
    patient(chain_of(2, 2, 1, 2, kinds=(ExchangeKind.HASH, ExchangeKind.RANGE, ExchangeKind.HASH))),
)


class Adversary(RuleBasedStateMachine):
    """Sends whatever it likes."""

    @initialize(graph=st.sampled_from(GRAPHS))
    def begin(self, graph: StageGraph) -> None:
        self.scheduler = Scheduler(graph, CONFIG)
        self.laws = Laws(graph, CONFIG.queue_depth)
        self.launches: list[Launch] = []
        self.workers: list[WorkerJoined] = []
        self.now_s = 0.0
        self.join(2, False, ())
        self.tell(Tick(0.0))

    def tell(self, event: Event) -> None:
        """One event; every instruction is checked."""
        instructions = self.scheduler.handle(event)
        if isinstance(event, AttemptFinished | AttemptFailed):
            self.laws.ended(event.attempt, event.worker)
        for instruction in instructions:
            self.laws.follow(instruction)
            if isinstance(instruction, Launch):
                self.launches.append(instruction)

    @rule(slots=st.integers(1, 3), outlives=st.booleans(), volumes=st.sampled_from(((), VOLUMES[:1], VOLUMES)))
    def join(self, slots: int, outlives: bool, volumes: tuple[str, ...]) -> None:
        worker = WorkerJoined(WorkerId(f"w{len(self.workers)}"), slots, ("h", "z"), outlives, volumes)
        self.workers.append(worker)
        self.laws.outstanding[worker.worker] = {}
        self.laws.slots[worker.worker] = slots
        self.laws.volumes[worker.worker] = frozenset(volumes)
        self.tell(worker)

    @rule(pick=st.integers(0, 9))
    def leave(self, pick: int) -> None:
        worker = self.workers[pick % len(self.workers)]
        if not worker.output_outlives_worker:
            held = [task for task, each in self.laws.accepted.items() if each.worker == worker.worker]
            self.laws.doubtful.update(held)
        self.laws.worker_gone(worker.worker)
        self.tell(WorkerLeft(worker.worker))

    @rule(pick=st.integers(0, 9))
    def drain(self, pick: int) -> None:
        worker = self.workers[pick % len(self.workers)].worker
        self.laws.draining.add(worker)
        self.tell(WorkerDraining(worker))

    @precondition(lambda self: self.launches)
    @rule(pick=st.integers(0, 99))
    def finish(self, pick: int) -> None:
        """Of any attempt ever launched, though an early one only when its input is sealed."""
        launch = self.launches[-1 - pick % len(self.launches)]
        if not launch.early or self.fed(launch.attempt.task):
            self.tell(AttemptFinished(launch.attempt, launch.worker, 1, 1.0, "same"))

    @precondition(lambda self: self.launches)
    @rule(pick=st.integers(0, 99), cause=st.sampled_from(Cause), which=st.integers(0, 9))
    def fail(self, pick: int, cause: Cause, which: int) -> None:
        launch = self.launches[-1 - pick % len(self.launches)]
        inputs = self.laws.wiring.inputs(launch.attempt.task)
        lost = (inputs[which % len(inputs)],) if cause is Cause.LOST_INPUT and inputs else ()
        self.laws.doubtful.update(self.laws.wiring.order[exchange][order] for exchange, order in lost)
        self.tell(AttemptFailed(launch.attempt, launch.worker, cause, "adverse", lost))

    @precondition(lambda self: self.laws.wiring.order)
    @rule(pick=st.integers(0, 9), which=st.integers(0, 9), where=st.integers(0, 9))
    def lose(self, pick: int, which: int, where: int) -> None:
        exchange = sorted(self.laws.wiring.order)[pick % len(self.laws.wiring.order)]
        order = which % len(self.laws.wiring.order[exchange])
        self.laws.doubtful.add(self.laws.wiring.order[exchange][order])
        self.tell(OutputLost(exchange, order, self.workers[where % len(self.workers)].worker))

    @rule(seconds=st.sampled_from((0.1, 1.0, 7.0)))
    def tick(self, seconds: float) -> None:
        for worker in self.workers:
            self.tell(Heartbeat(worker.worker))
        self.now_s += seconds
        self.tell(Tick(self.now_s))

    def fed(self, task: TaskId) -> bool:
        """Whether all that the task must have sealed is sealed."""
        reads = reads_of(self.laws.wiring.stages[task.stage])
        return all(each.exchange in self.laws.sealed for each in reads if each.spec.kind is not ExchangeKind.FORWARD)

    def teardown(self) -> None:
        """One healthy worker that has all volumes is enough."""
        if not hasattr(self, "scheduler"):
            return
        self.join(1, False, VOLUMES)
        for _ in range(1_000):
            if self.laws.end is not None:
                break
            running = [each for runs in self.laws.outstanding.values() for each in runs.values()]
            ready = [each for each in running if not each.early or self.fed(each.attempt.task)]
            for launch in ready[:1]:
                self.tell(AttemptFinished(launch.attempt, launch.worker, 1, 1.0, "same"))
            self.tick(1.0)
        assert isinstance(self.laws.end, FinishChain), self.scheduler.progress()


Adversary.TestCase.settings = settings(
    max_examples=max(200, settings.default.max_examples),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAdversary = Adversary.TestCase
