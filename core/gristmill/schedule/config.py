"""How the scheduler weighs things: one value, given once by the coordinator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """Times are in seconds of the clock that ``Tick`` brings."""

    heartbeat_timeout_s: float = 30.0
    """A worker that was silent for so long is lost."""
    check_every_s: float = 0.1
    """What only time brings about (timeouts, patience, backups) is looked at so often, however many ticks come."""

    locality_wait_s: float = 3.0
    """An idle slot refuses work that is near to another live worker for so long: half of it waiting for tasks of its
    own host, the rest for tasks of its zone."""

    retry_elsewhere_s: float = 5.0
    """A failed task goes to workers where it did not fail, for so long; then to any."""
    free_retries: int = 100
    """Retries that spend no budget (lost workers, lost inputs, cancels) end a task's patience here: a loop guard."""
    max_memory_scale: int = 8
    """After each OOM a task gets twice the memory, up to so many times a slot's share."""

    blocklist_failures: int = 4
    """A worker on which so many different tasks failed within ``blocklist_window_s`` gets nothing for
    ``blocklist_s``; never the last one."""
    blocklist_window_s: float = 120.0
    blocklist_s: float = 60.0

    early_launch: bool = True
    """Whether readers of HASH, CUSTOM and SINGLE exchanges may start to fetch while the last maps run."""

    backups: bool = True
    """Whether stragglers get a second attempt."""
    backup_done_share: float = 0.75
    """From this share of a stage's tasks on."""
    backup_factor: float = 2.0
    """A straggler runs longer than so many times the stage's median."""
    backup_min_s: float = 1.0
    """And at least so long."""
    backup_share: float = 0.1
    """At most this share of a stage's tasks (and one at least) has a backup at a time."""

    queue_depth: int = 4
    """So many tasks per slot wait at a worker, where tasks are short."""
    short_task_s: float = 0.25
    """A stage whose tasks take less on average is short."""

    max_slots_wanted: int = 10_000
    """More is never asked for."""
