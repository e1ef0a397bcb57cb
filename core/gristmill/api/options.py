"""How to run a job or query: what callers may say of it, checked, and what the workers are then like."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.api.checks import must_be, seconds, whole_number
from gristmill.api.kept_workers import KeptWorkers
from gristmill.coordinator.progress import Progress
from gristmill.coordinator.session import WorkerSpec
from gristmill.errors import InvalidPlan
from gristmill.settings import Settings
from gristmill.units import bytes_text, parse_size

SMALLEST_WORKER_BYTES = 256 << 20
MOST_WORKERS = 10_000
DEFAULT_MEMORY_SHARE = 0.6
"""Workers share this much of the machine's memory where nobody says how much they get."""

ProgressFunction = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run. ``workers`` and ``memory`` (a size as ``"1GiB"``, or bytes, for each worker with all its
    processes) default to the machine's cores and a share of its memory. ``storage_options`` go to fsspec.
    ``separate_machines`` is for trying what a cluster does: see WorkerSpec. ``kept``: whose workers to use (None: those
    of this process), which end after ``idle_s`` without work (None: as the settings say)."""

    workers: int | None = None
    memory: str | int | None = None
    force_distributed: bool = False
    progress: ProgressFunction = ignore_progress
    storage_options: Mapping[str, Any] | None = None
    separate_machines: bool = False
    idle_s: float | None = None
    kept: KeptWorkers | None = None

    def __post_init__(self) -> None:
        whole_number(self.workers, "workers", "run")
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            reason = f"{self.workers} workers cannot run anything"
            raise InvalidPlan(reason, place="workers", remedy=f"give at least 1, at most {MOST_WORKERS}")
        must_be(self.memory, (str, int), "a size", "memory", 'as "1GiB", or whole bytes', none=True)
        seconds(self.idle_s, "idle_s", "session")
        if self.idle_s is not None and not self.idle_s >= 0:
            raise InvalidPlan(f"{self.idle_s} is not a number of seconds", place="idle_s", remedy="0: after each run")
        if not callable(self.progress):
            raise InvalidPlan("progress is not a function", place="run", remedy="it is called with a gm.Progress")

    @property
    def memory_bytes(self) -> int | None:
        """Bytes for each worker, if somebody says."""
        return None if self.memory is None else parse_size(self.memory, "memory")


def worker_spec(settings: Settings, options: RunOptions) -> WorkerSpec:
    """How many workers, and how much memory each. Raises InvalidPlan for what makes no sense."""
    workers = options.workers or settings.workers or os.cpu_count() or 1
    memory_bytes = _memory_bytes(options, settings, workers)
    if memory_bytes < SMALLEST_WORKER_BYTES:
        raise InvalidPlan(
            f"{bytes_text(memory_bytes)} is too little for a worker",
            place="memory",
            remedy=f"give at least {SMALLEST_WORKER_BYTES >> 20} MiB",
        )
    return WorkerSpec(
        workers,
        memory_bytes,
        _sendable(options.storage_options or {}),
        settings.cache_dir,
        settings.local_dir,
        settings.log_level,
        options.separate_machines,
    )


def _sendable(storage_options: Mapping[str, Any]) -> str:
    """The options as workers are told them. Raises InvalidPlan for a value that only this process can hold."""
    try:
        return json.dumps(dict(storage_options))
    except (TypeError, ValueError):
        raise InvalidPlan(
            "they hold a value that cannot be sent to workers",
            place="storage_options",
            remedy="Give texts, numbers, True, False, and lists and dicts of them.",
        ) from None


def _memory_bytes(options: RunOptions, settings: Settings, workers: int) -> int:
    if options.memory_bytes is not None:
        return options.memory_bytes
    if settings.memory_bytes is not None:
        return settings.memory_bytes
    machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(SMALLEST_WORKER_BYTES, int(machine_bytes * DEFAULT_MEMORY_SHARE) // workers)
