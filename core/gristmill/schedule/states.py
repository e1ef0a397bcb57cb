"""The states of a task, each a byte in its stage's array, and who holds its output."""

from __future__ import annotations

from typing import Final

BLOCKED: Final = 0
"""Its forwarded input is not there."""
WAITING: Final = 1
"""To be launched as soon as the stage's gate is open."""
RUNNING: Final = 2
"""One or two attempts run."""
DONE: Final = 3
"""An attempt was accepted, and nothing of its output that somebody needs was lost."""
HELD: Final = 4
"""Waits for a whole worker, outside of the stage's queue."""

OUTLIVES: Final = -1
"""Owner of output that no worker's end can take away."""
NOWHERE: Final = -2
"""Owner of output that was not written yet, or was lost."""
