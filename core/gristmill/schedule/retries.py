"""What a failure costs: the budget of each cause, and what a task that failed takes with it to its next attempt."""

from __future__ import annotations

from gristmill.plan.job import RetryPolicy
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.events import Cause

BUDGETED = (Cause.ERROR, Cause.OOM, Cause.TIMEOUT, Cause.EXECUTOR_LOST, Cause.DISK_FULL)
"""Causes that may be the task's fault. The others are the cluster's: they are free, up to a loop guard. An
eviction does not even count for that: it comes from outside, and so in no loop of our own."""

WORKER_FAULTS = (Cause.ERROR, Cause.TIMEOUT, Cause.EXECUTOR_LOST, Cause.DISK_FULL)
"""Causes that may be the worker's fault: they count towards its being set aside."""


class Trouble:
    """The failures of one task. Only tasks that failed have one.

    ``avoid`` holds the workers (numbers) that it should keep off until ``elsewhere_until_s``.
    """

    __slots__ = ("avoid", "elsewhere_until_s", "failures", "free", "memory_scale")

    def __init__(self) -> None:
        self.failures: dict[Cause, int] = {}
        self.free = 0
        self.avoid: tuple[int, ...] = ()
        self.elsewhere_until_s = 0.0
        self.memory_scale = 1

    def count(self, cause: Cause, config: SchedulerConfig) -> None:
        """Writes one failure down; an OOM doubles the memory of the next attempt, a record left out is progress."""
        if cause is Cause.RECORD_SKIPPED:
            self.free = 0
            return
        if cause is Cause.EVICTED:
            return
        if cause not in BUDGETED:
            self.free += 1
            return
        self.failures[cause] = self.failures.get(cause, 0) + 1
        if cause is Cause.OOM:
            self.memory_scale = min(self.memory_scale * 2, config.max_memory_scale)

    def keep_off(self, worker: int, until_s: float) -> None:
        """Prefers other workers than this one for a while."""
        self.avoid = (*(w for w in self.avoid if w != worker), worker)
        self.elsewhere_until_s = until_s

    def exhausted(self, cause: Cause, policy: RetryPolicy, config: SchedulerConfig) -> bool:
        """Whether the failure just counted was one too many."""
        if cause not in BUDGETED:
            return self.free >= config.free_retries
        return self.failures[cause] >= budget(cause, policy)


def budget(cause: Cause, policy: RetryPolicy) -> int:
    """So many failures of that cause end the chain."""
    match cause:
        case Cause.OOM:
            return policy.oom
        case Cause.TIMEOUT:
            return policy.timeouts
        case _:
            return policy.errors
