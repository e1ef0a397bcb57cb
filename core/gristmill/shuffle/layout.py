"""Where files of map output lie below a worker's folder. Only names, so that agents know them too: no I/O, no Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from gristmill.ids import ExchangeId

_DROPPED = ".dropped-"


def run_folder(outputs: Path, run: str) -> Path:
    """The folder of all files that a worker wrote for one run."""
    return outputs / quote(run, safe="")


def dropped_folder(outputs: Path, number: int) -> Path:
    """Where a worker puts the ``number``-th folder that it drops, till its files are gone."""
    return outputs / f"{_DROPPED}{number}"


def dropped_folders(outputs: Path) -> Iterator[Path]:
    """What a worker was dropping when it ended."""
    return outputs.glob(f"{_DROPPED}*/")


def exchange_folder(outputs: Path, run: str, exchange: ExchangeId) -> Path:
    """The folder of all files that a worker wrote for one exchange of one run."""
    return run_folder(outputs, run).joinpath(*(quote(part, safe="") for part in (exchange.job, exchange.input)))
