"""The tasks of one stage, compactly: a few bytes in arrays for each, objects only for those that run or failed."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from gristmill.ids import TaskId
from gristmill.plan.stage import SinkWrite, Stage
from gristmill.schedule.durations import Durations
from gristmill.schedule.events import Cause
from gristmill.schedule.instructions import Locality
from gristmill.schedule.retries import Trouble
from gristmill.schedule.states import DONE, NOWHERE, WAITING
from gristmill.schedule.waiting import PlaceQueue

if TYPE_CHECKING:
    from gristmill.schedule.exchanges import ExchangeState
    from gristmill.schedule.workers import Running


class StageState:
    """One stage. Its tasks are partitions 0 … tasks - 1; ``index`` is its place in the graph."""

    __slots__ = (
        "_low",
        "accepted",
        "accepted_at",
        "attempts",
        "backups",
        "bytes_",
        "checksums",
        "done",
        "durations",
        "failures",
        "forward_reads",
        "gate",
        "gated_reads",
        "has_sink",
        "id",
        "index",
        "jobs",
        "localities",
        "owners",
        "places",
        "retries",
        "retry",
        "running",
        "sealed",
        "splits",
        "states",
        "superseded",
        "tasks",
        "tied",
        "trouble",
        "void_below",
        "volumes",
        "waiting",
        "whole_tied",
        "writes",
    )

    def __init__(self, index: int, stage: Stage) -> None:
        self.id = stage.id
        self.index = index
        self.tasks = stage.tasks
        self.retry = stage.retry
        self.has_sink = any(isinstance(outlet, SinkWrite) for outlet in stage.outlets)
        self.jobs = jobs_of(stage)
        self.splits = stage.scan.splits if stage.scan is not None else ()
        self.forward_reads: list[ExchangeState] = []
        self.gated_reads: list[ExchangeState] = []
        self.writes: list[tuple[ExchangeState, int]] = []
        """Exchanges written, each with the task order of this stage's task 0 there."""
        self.gate = 0
        """Exchanges that must be sealed before a task may run, and are not."""
        self.sealed = False
        self.waiting = self.done = self.bytes_ = self.retries = self.backups = 0
        self.states = bytearray(stage.tasks)
        self.attempts = array("H", bytes(2 * stage.tasks))
        self.accepted = array("H", bytes(2 * stage.tasks))
        """Number of the last accepted attempt plus one; 0: none yet."""
        self.accepted_at = array("Q")
        """When that was, in the order of launches and accepts."""
        self.owners = array("i")
        """Number of the worker that holds the output."""
        self.checksums = array("Q")
        """Eight bytes of a digest of the accepted checksum, 0: unknown."""
        self.running: dict[int, list[Running]] = {}
        self.trouble: dict[int, Trouble] = {}
        self.superseded: dict[int, tuple[int, ...]] = {}
        """Numbers of attempts accepted before the last one, whose output was lost."""
        self.void_below: dict[int, int] = {}
        """Attempts below this number read input that has changed since."""
        self.volumes = frozenset(stage.volumes)
        """A worker needs all of them to run any of the tasks."""
        self.tied: dict[str, array[int]] = {}
        """Volume -> partitions whose split lies there: they run nowhere else."""
        self.whole_tied = bool(self.splits) and all(split.volumes for split in self.splits)
        self.places: dict[str, PlaceQueue] = {}
        self.durations = Durations()
        self.localities: Counter[Locality] = Counter()
        self.failures: Counter[Cause] = Counter()
        self._low = 0

    def prepare(self) -> None:
        """To be called once the reads and writes are known."""
        if self.writes:
            self.accepted_at = array("Q", bytes(8 * self.tasks))
            self.owners = array("i", [NOWHERE]) * self.tasks
            self.checksums = array("Q", bytes(8 * self.tasks))
        if not self.forward_reads:
            self.states[:] = bytes([WAITING]) * self.tasks
            self.waiting = self.tasks
        for partition, split in enumerate(self.splits):
            for volume in split.volumes:
                self.tied.setdefault(volume, array("i")).append(partition)
            for place in (*split.volumes, *split.places):
                self.near(place).fresh.append(partition)

    def near(self, place: str) -> PlaceQueue:
        """The queue of tasks near to that place."""
        queue = self.places.get(place)
        if queue is None:
            queue = self.places[place] = PlaceQueue()
        return queue

    def task(self, partition: int) -> TaskId:
        """The id of one of the tasks."""
        return TaskId(self.id, partition)

    def was_accepted(self, partition: int, number: int) -> bool:
        """Whether that attempt is, or once was, the task's result."""
        return self.accepted[partition] == number + 1 or number in self.superseded.get(partition, ())

    def note_accepted(self, partition: int, number: int) -> None:
        """That attempt is the task's result."""
        if self.accepted[partition]:
            earlier = self.accepted[partition] - 1
            self.superseded[partition] = (*self.superseded.get(partition, ()), earlier)
        self.accepted[partition] = number + 1

    @property
    def runnable(self) -> bool:
        """Whether a task could be launched now."""
        return self.gate == 0 and self.waiting > 0

    def next_waiting(self, start: int = 0) -> int:
        """The lowest waiting partition from ``start`` on, -1 if none."""
        found = self.states.find(WAITING, max(start, self._low))
        if start <= self._low:
            self._low = found if found >= 0 else self.tasks
        return found

    def enqueue(self, partition: int, places: tuple[str, ...]) -> None:
        """The task waits (again), near to those places."""
        self.states[partition] = WAITING
        self.waiting += 1
        self._low = min(self._low, partition)
        for place in places:
            self.near(place).give_back(partition)

    def dequeue(self, partition: int, state: int) -> None:
        """The waiting task goes over to another state."""
        self.states[partition] = state
        self.waiting -= 1

    def split_places(self, partition: int) -> tuple[str, ...]:
        """Names of the places that the task's split is near to."""
        if not self.splits:
            return ()
        split = self.splits[partition]
        return (*split.volumes, *split.places) if split.volumes else split.places

    def may_run(self, partition: int, volumes: frozenset[str]) -> bool:
        """Whether a worker that has those volumes can reach all that the task needs."""
        if not self.volumes <= volumes:
            return False
        return not self.tied or volumes.issuperset(self.splits[partition].volumes)

    def unfinished_at(self) -> dict[str, int]:
        """Volume -> tasks not done that need it."""
        found = dict.fromkeys(self.volumes, self.tasks - self.done)
        if self.tied:
            states = np.frombuffer(self.states, dtype=np.uint8)
            for volume, partitions in self.tied.items():
                there = states[np.frombuffer(partitions, dtype=np.int32)]
                found[volume] = max(found.get(volume, 0), int(np.count_nonzero(there != DONE)))
        return {volume: count for volume, count in found.items() if count}

    def troubled(self, partition: int) -> Trouble:
        """The task's record of failures, made when there is none."""
        trouble = self.trouble.get(partition)
        if trouble is None:
            trouble = self.trouble[partition] = Trouble()
        return trouble


def jobs_of(stage: Stage) -> tuple[str, ...]:
    """Every job that the stage works for: its own, and those that read it and add no stage."""
    steps = [stage.body, *(step for outlet in stage.outlets for step in outlet.steps)]
    sinks = [outlet.job for outlet in stage.outlets if isinstance(outlet, SinkWrite)]
    return tuple(dict.fromkeys([stage.id.job, *(step.job for step in steps), *sinks]))
