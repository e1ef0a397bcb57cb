"""The state that all parts of the scheduler share: the stages and exchanges of one chain, its workers, the clock.

Made from a StageGraph; changed by ``lineage`` (what is done and what must run again), ``assignment`` (who runs what)
and ``failures``. It decides nothing itself.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from enum import StrEnum

from gristmill.ids import ExchangeId, StageId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.stage import ExchangeRead, Stage, StageGraph
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.exchanges import ExchangeState
from gristmill.schedule.instructions import Instruction
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import BLOCKED, HELD, WAITING
from gristmill.schedule.workers import Roster, Running, WorkerState


class Phase(StrEnum):
    """Where the chain stands."""

    PLANNED = "planned"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Chain:
    """Stages in graph order, exchanges by id, and what the instructions of the current event are so far."""

    def __init__(self, graph: StageGraph, config: SchedulerConfig) -> None:
        self.config = config
        self.phase = Phase.PLANNED
        self.now_s = 0.0
        self.roster = Roster()
        self.out: list[Instruction] = []
        self.stages = [StageState(index, stage) for index, stage in enumerate(graph.stages)]
        self.stage_by_id: dict[StageId, StageState] = {stage.id: stage for stage in self.stages}
        self.exchanges = _connect(graph, self.stage_by_id)
        self.unsealed_stages = len(self.stages)
        self.job_stages: Counter[str] = Counter(job for stage in self.stages for job in stage.jobs)
        """Stages that are not sealed, for each job."""
        self.runnable: list[int] = []
        """Indexes of the stages with tasks that could be launched, ascending."""
        self.held: list[tuple[int, int]] = []
        """(stage, partition) of tasks that wait for a whole worker, ascending."""
        self.early_stages = [s for s in self.stages if s.gated_reads and any(x.early for x in s.gated_reads)]
        self.wake = False
        """Every free worker should be offered work: something has changed that may concern all."""
        self.freed: list[WorkerState] = []
        """Workers that have more room than before the current event."""
        self.early_runs: dict[Running, None] = {}
        """Attempts that were launched early and still run."""
        self._order = 0
        for stage in self.stages:
            stage.prepare()
            stage.gate = len(stage.gated_reads)
            self.note_runnable(stage)

    def output(self, id_: ExchangeId, order: int) -> ExchangeState | None:
        """The exchange, if there is such an output in it: what workers report may be wrong."""
        exchange = self.exchanges.get(id_)
        return exchange if exchange is not None and 0 <= order < len(exchange.present) else None

    def next_order(self) -> int:
        """The next number in the order of launches and accepts."""
        self._order += 1
        return self._order

    def note_runnable(self, stage: StageState) -> None:
        """Keeps ``runnable`` true after the stage's gate or number of waiting tasks changed."""
        at = bisect_left(self.runnable, stage.index)
        listed = at < len(self.runnable) and self.runnable[at] == stage.index
        if stage.runnable and not listed:
            self.runnable.insert(at, stage.index)
        elif listed and not stage.runnable:
            del self.runnable[at]

    def enqueue(self, stage: StageState, partition: int) -> None:
        """The task waits (again) for a worker."""
        stage.enqueue(partition, self.places(stage, partition))
        if stage.waiting == 1:
            self.note_runnable(stage)
        self.wake = True

    def dequeue(self, stage: StageState, partition: int, state: int) -> None:
        """The waiting task goes over to another state."""
        stage.dequeue(partition, state)
        if stage.waiting == 0:
            self.note_runnable(stage)

    def take_out(self, stage: StageState, partition: int) -> None:
        """The task, in whatever queue it is, need not wait any more; its state is the caller's business."""
        state = stage.states[partition]
        if state == WAITING:
            self.dequeue(stage, partition, BLOCKED)
        elif state == HELD:
            self.held.remove((stage.index, partition))

    def requeue(self, stage: StageState, partition: int) -> None:
        """A task that ran waits again: for its forwarded input, for a whole worker, or for any."""
        trouble = stage.trouble.get(partition)
        if trouble is not None and trouble.memory_scale > 1:
            stage.states[partition] = HELD
            insort(self.held, (stage.index, partition))
            self.wake = True
        elif self.forwarded(stage, partition):
            self.enqueue(stage, partition)
        else:
            stage.states[partition] = BLOCKED

    def forwarded(self, stage: StageState, partition: int) -> bool:
        """Whether the task's forwarded input is all there."""
        return all(exchange.present[partition] for exchange in stage.forward_reads)

    def places(self, stage: StageState, partition: int) -> tuple[str, ...]:
        """Names that the task's input is near to: of its split, or the workers that hold its forwarded input."""
        if not stage.forward_reads:
            return stage.split_places(partition)
        owners = []
        for exchange in stage.forward_reads:
            writer, number = exchange.writer(partition)
            owners.append(writer.owners[number])
        return tuple(self.roster.by_number[owner].id for owner in owners if owner >= 0)


def _connect(graph: StageGraph, stages: dict[StageId, StageState]) -> dict[ExchangeId, ExchangeState]:
    exchanges: dict[ExchangeId, ExchangeState] = {}
    for stage in graph.stages:
        reader = stages[stage.id]
        for read in _reads(stage):
            exchange = exchanges.setdefault(read.exchange, ExchangeState(read.exchange, read.spec.kind))
            exchange.unfinished += stage.tasks
            if read.spec.kind is ExchangeKind.FORWARD:
                reader.forward_reads.append(exchange)
                exchange.forward_readers.append(reader)
            else:
                reader.gated_reads.append(exchange)
                exchange.gated_readers.append(reader)
    writes = [(id_, first, stages[stage.id]) for stage in graph.stages for id_, _, first in stage.writes]
    for id_, _, writer in sorted(writes, key=lambda write: write[1]):
        exchange = exchanges.setdefault(id_, ExchangeState(id_, ExchangeKind.BROADCAST))
        writer.writes.append((exchange, exchange.add_writer(writer)))
    return exchanges


def _reads(stage: Stage) -> list[ExchangeRead]:
    """One read for each exchange that a task of the stage reads."""
    steps = (stage.body, *(step for outlet in stage.outlets for step in outlet.steps))
    reads = [*stage.reads, *(read for step in steps for read in step.side_reads)]
    return list({read.exchange: read for read in reads}.values())
