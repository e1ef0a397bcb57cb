"""Where an executor's files lie below its worker's folders. Only names: agent, slots and executors agree on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_PREFIX = "executor-"


def executor_folder(scratch: Path, name: str) -> Path:
    """The scratch of one executor; it goes with the executor."""
    return scratch / f"{_PREFIX}{name}"


def executor_folders(scratch: Path) -> Iterator[Path]:
    """The scratch of all executors, those that are gone included."""
    return scratch.glob(f"{_PREFIX}*/")


def executor_logs(logs: Path) -> Iterator[Path]:
    """What all executors' processes wrote, those that are gone included."""
    return logs.glob(f"{_PREFIX}*.log")


def executor_log(logs: Path, name: str) -> Path:
    """What one executor's process wrote."""
    return logs / f"{_PREFIX}{name}.log"
