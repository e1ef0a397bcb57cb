"""How long the tasks of a stage take: a small window over the latest ones, for queueing and for finding stragglers."""

from __future__ import annotations

from array import array
from statistics import median

WINDOW = 64


class Durations:
    """The last WINDOW run times of a stage, in seconds, in constant memory."""

    __slots__ = ("_next", "_seconds", "_sum")

    def __init__(self) -> None:
        self._seconds = array("d")
        self._sum = 0.0
        self._next = 0

    def add(self, seconds: float) -> None:
        """Takes one more run time in, for the oldest."""
        if len(self._seconds) < WINDOW:
            self._seconds.append(seconds)
        else:
            self._sum -= self._seconds[self._next]
            self._seconds[self._next] = seconds
            self._next = (self._next + 1) % WINDOW
        self._sum += seconds

    def __len__(self) -> int:
        return len(self._seconds)

    @property
    def mean(self) -> float:
        """Seconds; only where there is at least one."""
        return self._sum / len(self._seconds)

    @property
    def median(self) -> float:
        """Seconds; only where there is at least one."""
        return median(self._seconds)
