"""The waiting tasks of a stage that are near to one place, lowest first, without a search through all tasks."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable

from gristmill.schedule.states import WAITING

LOOK = 16
"""So many waiting tasks are looked at for one that a worker may have, before the worker goes on to other work."""


class PlaceQueue:
    """Partitions of one stage that are near to one place.

    ``fresh`` is filled once, in order, and read by a cursor; what comes back after a failure lies in ``returned``,
    sorted. Both may name tasks that no longer wait: those are dropped when met, so each costs constant time.
    """

    __slots__ = ("_cursor", "fresh", "returned")

    def __init__(self) -> None:
        self.fresh = array("i")
        self.returned: list[int] = []
        self._cursor = 0

    def give_back(self, partition: int) -> None:
        """The task waits again."""
        at = bisect_left(self.returned, partition)
        if at == len(self.returned) or self.returned[at] != partition:
            self.returned.insert(at, partition)

    def size(self) -> int:
        """About how many wait here."""
        return len(self.fresh) - self._cursor + len(self.returned)

    def first(self, states: bytearray, admits: Callable[[int], bool]) -> int:
        """The lowest waiting partition that is admitted, -1 if none."""
        self._drop_stale(states)
        if not self.returned:
            return self._first_fresh(states, admits)
        found = [p for p in self.returned[:LOOK] if states[p] == WAITING and admits(p)][:1]
        fresh = self._first_fresh(states, admits)
        if fresh >= 0:
            insort(found, fresh)
        return found[0] if found else -1

    def _drop_stale(self, states: bytearray) -> None:
        fresh, at = self.fresh, self._cursor
        while at < len(fresh) and states[fresh[at]] != WAITING:
            at += 1
        self._cursor = at
        stale = 0
        while stale < len(self.returned) and states[self.returned[stale]] != WAITING:
            stale += 1
        if stale:
            del self.returned[:stale]

    def _first_fresh(self, states: bytearray, admits: Callable[[int], bool]) -> int:
        for at in range(self._cursor, min(self._cursor + LOOK, len(self.fresh))):
            partition = self.fresh[at]
            if states[partition] == WAITING and admits(partition):
                return partition
        return -1
