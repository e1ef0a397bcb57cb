"""What a running chain tells whoever watches it: one immutable value each time something changed.

``gm.run(job, progress=f)`` calls ``f`` with these, at most ten times a second and once at the end; the command
line draws them. Numbers only, nothing of terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.ids import StageId


class ChainState(StrEnum):
    """Where a chain stands."""

    PLANNING = "planning"
    RUNNING = "running"
    COMMITTING = "committing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage: its tasks by state, and what they have read so far (done and running ones).

    ``underway`` is how much of the running tasks is done, in tasks, as far as what they have read tells.
    """

    stage: StageId
    tasks: int
    done: int = 0
    running: int = 0
    rows: int = 0
    bytes_: int = 0
    spilled_bytes: int = 0
    retries: int = 0
    underway: float = 0.0

    @property
    def waiting(self) -> int:
        """Tasks that nobody has started."""
        return self.tasks - self.done - self.running


@dataclass(frozen=True, slots=True)
class Progress:
    """The whole chain; ``messages`` are new since the last value (a worker lost, a task tried again).

    ``tier`` says where it runs (in this process, in worker processes). ``peak_bytes`` is the most that any one
    worker held with all its processes, as its agent sampled it.
    """

    state: ChainState
    stages: tuple[StageProgress, ...] = ()
    workers: int = 0
    elapsed_s: float = 0.0
    messages: tuple[str, ...] = ()
    tier: str = ""
    peak_bytes: int = 0
