"""What the processes of a worker hold together, asked for often and yet cheaply.

Executors are forks, so that most of what they hold at first is shared. The resident size of each is read every time,
and counts shared pages in full; the exact figure, which costs milliseconds, is asked for now and then, and before
anybody is told that the limit was passed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from gristmill.worker.processes import family, memory_bytes, proportional_bytes

EXACT_EVERY_S = 2.0
MEMBERS_EVERY_S = 0.2
"""How often it is looked for processes that members have started: that costs more than to measure known ones."""


class MemoryMeter:
    """Measures families of processes against a limit in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._members: frozenset[int] = frozenset()
        self._shared_bytes = 0
        """What the resident sizes count more than once."""
        self._measured_s = 0.0
        self._roots: frozenset[int] = frozenset()
        self._found: frozenset[int] = frozenset()
        self._found_s = 0.0
        self._measure_from_bytes = 0
        """The sum of resident sizes from which the limit may have been passed since the last exact figure."""

    def used(self, roots: Iterable[int]) -> int:
        """Bytes that these processes and their descendants hold; more than the limit only if that is exact."""
        members = self._family(frozenset(roots))
        resident = sum(map(memory_bytes, members))
        ended = resident < self._shared_bytes  # some of them, since it was looked for members
        stale = members != self._members or ended or time.monotonic() - self._measured_s > EXACT_EVERY_S
        if stale or resident >= self._measure_from_bytes:
            self._measure(members, resident)
        return resident - self._shared_bytes

    def _family(self, roots: frozenset[int]) -> frozenset[int]:
        now_s = time.monotonic()
        if roots != self._roots or now_s - self._found_s >= MEMBERS_EVERY_S:
            self._roots, self._found_s = roots, now_s
            self._found = frozenset(pid for root in roots for pid in family(root))
        return self._found

    def _measure(self, members: frozenset[int], resident: int) -> None:
        exact = sum(map(proportional_bytes, members))
        self._members, self._measured_s = members, time.monotonic()
        self._shared_bytes = max(0, resident - exact)
        # Halfway to the limit: pages may also cease to be shared, which the resident size does not show.
        self._measure_from_bytes = resident + max(0, self._limit_bytes - exact) // 2


def held(pid: int) -> int:
    """What one process and its descendants hold, exactly."""
    return sum(map(proportional_bytes, family(pid)))
