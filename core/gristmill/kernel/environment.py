"""What a task finds around it in its executor, and how the executor's memory is divided.

Made once by the executor process (or by the in-process tier) and handed to every ``run_task``. The kernel reads no
environment variables and makes no connections of its own: all of it comes from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gristmill.ids import ExchangeId
from gristmill.plan.task import ExchangeFeed
from gristmill.shuffle.blocks import BlockFetcher
from gristmill.storage.stores import Stores

BASELINE_BYTES = 192 << 20
"""What an executor needs before any data: interpreter, Arrow, DuckDB, the user's modules."""
SMALLEST_BYTES = 64 << 20
"""Budgets below this do not help: everything would spill at once."""


@dataclass(frozen=True, slots=True)
class TaskEnv:
    """The surroundings of the tasks of one executor.

    ``scratch`` is a local directory of this executor alone (spills, spools, code); ``outputs`` is where files of map
    output go, below the root that the worker's shuffle server serves; ``cache`` holds blocks of remote files for all
    executors of the machine, None: each keeps its own in scratch. ``worker``, ``host`` and ``address`` are the
    location that others read map output from. ``compression`` is the codec of map output (``lz4``, ``zstd`` or None).
    ``feed_updates`` gives an exchange's feed once it is sealed, and blocks until then. ``progress`` is told rows and
    bytes read so far by the running task. ``log`` gets what the user's code prints and what commands write to stderr.
    ``time_zone`` is that of SQL. ``requirements``: the folder, as a URI, where packages that jobs need are kept for all
    workers; empty: each machine installs them itself.
    """

    stores: Stores
    scratch: Path
    outputs: Path
    fetch: BlockFetcher
    feed_updates: Callable[[ExchangeId], ExchangeFeed]
    worker: str = ""
    host: str = ""
    address: str = ""
    cache: Path | None = None
    compression: str | None = None
    progress: Callable[[int, int], None] = lambda rows, bytes_: None
    log: Callable[[str], None] = lambda text: None
    time_zone: str = "UTC"
    requirements: str = ""

    @property
    def blocks(self) -> Path:
        """The folder for blocks of remote files."""
        return self.cache or self.scratch / "blocks"


@dataclass(frozen=True, slots=True)
class MemorySplit:
    """How the bytes that an executor may use are divided.

    Of what is left after ``BASELINE_BYTES``: 45% for the fragment that runs (DuckDB's memory limit, or the groups of a
    Python combine), 20% for the buffers of what is written, an eighth each for what is read and for rows that wait for
    a further outlet. A task without any fragment reads with the fragment's share too. The last tenth, and the shares of
    what else a task does not have, are headroom: for row groups of parts being written, and for what Python objects
    and sorting take beyond their data.
    """

    fragment: int
    writer: int
    reader: int
    spool: int

    @classmethod
    def of(cls, memory_bytes: int) -> MemorySplit:
        """The division of ``memory_bytes``, what the whole executor may use."""
        free = max(memory_bytes - BASELINE_BYTES, SMALLEST_BYTES)
        return cls(free * 45 // 100, free // 5, free // 8, free // 8)
