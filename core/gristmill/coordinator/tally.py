"""Adds up what attempts report into what a person sees: progress, counters, quarantine, measured stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from gristmill.ids import Side, StageId, WorkerId
from gristmill.plan.stage import StageGraph
from gristmill.plan.task import QuarantinedRecord, TaskResult
from gristmill.schedule.instructions import Locality


@dataclass(slots=True)
class StageTally:
    """Sums over the accepted attempts of one stage; ``rows_by_task`` shows skew."""

    rows_in: int = 0
    bytes_in: int = 0
    rows_out: int = 0
    bytes_out: int = 0
    bytes_spilled: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    slowest_s: float = 0.0
    most_rows_in: int = 0
    live: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Rows and bytes read so far by attempts that run now."""

    def add(self, result: TaskResult) -> None:
        """An accepted attempt's figures."""
        self.rows_in += result.rows_in
        self.bytes_in += result.bytes_in
        self.rows_out += result.rows_out
        self.bytes_out += result.bytes_out
        self.bytes_spilled += result.bytes_spilled
        self.seconds += result.seconds
        self.cpu_seconds += result.cpu_seconds
        self.peak_bytes = max(self.peak_bytes, result.peak_bytes)
        self.slowest_s = max(self.slowest_s, result.seconds)
        self.most_rows_in = max(self.most_rows_in, result.rows_in)


@dataclass(slots=True)
class WorkerTally:
    """The newest and the largest memory figure a worker's agent has sent, in bytes."""

    memory_bytes: int = 0
    peak_bytes: int = 0


class Tally:
    """All sums of a chain."""

    def __init__(self, graph: StageGraph) -> None:
        self.stages = {stage.id: StageTally() for stage in graph.stages}
        self._counted = {stage.id: bytearray(stage.tasks) for stage in graph.stages}
        """By task: whether its figures are in the sums."""
        self.counters: dict[str, Counter[str]] = defaultdict(Counter)
        self.quarantined: dict[str, list[QuarantinedRecord]] = defaultdict(list)
        self.workers: dict[WorkerId, WorkerTally] = {}
        self.messages: list[str] = []
        self.localities: dict[StageId, Counter[Locality]] = defaultdict(Counter)
        """Of map stages: accepted tasks by how near to their input they ran."""

    def accept(self, result: TaskResult, locality: Locality = Locality.ANYWHERE) -> None:
        """An accepted attempt: its figures count, once for each task, also if that runs again for lost output."""
        stage, partition = result.attempt.task.stage, result.attempt.task.partition
        self.stages[stage].live.pop(str(result.attempt), None)
        if self._counted[stage][partition]:
            return
        self._counted[stage][partition] = 1
        self.stages[stage].add(result)
        if stage.side is Side.MAP:
            self.localities[stage][locality] += 1
        self.counters[stage.job].update(dict(result.counters))
        if result.quarantined:
            self.quarantined[stage.job].extend(result.quarantined)

    def total_counters(self) -> dict[str, int]:
        """The user's counters, over all jobs of the chain; some may be below zero."""
        total = Counter[str]()
        for counted in self.counters.values():
            total.update(counted)
        return dict(total)

    def running(self, stage: StageId, attempt: str, rows: int, bytes_: int) -> None:
        """What a running attempt has read so far."""
        self.stages[stage].live[attempt] = (rows, bytes_)

    def ended(self, stage: StageId, attempt: str) -> None:
        """An attempt that will not be accepted runs no more."""
        self.stages[stage].live.pop(attempt, None)

    def worker(self, worker: WorkerId, memory_bytes: int, peak_bytes: int) -> None:
        """A sample of a worker's memory."""
        tally = self.workers.setdefault(worker, WorkerTally())
        tally.memory_bytes = memory_bytes
        tally.peak_bytes = max(tally.peak_bytes, peak_bytes)
