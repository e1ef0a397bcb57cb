"""Where files of map output lie below a worker's folder. Only names, so that agents know them too: no I/O, no Arrow."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from gristmill.ids import ExchangeId


def run_folder(outputs: Path, run: str) -> Path:
    """The folder of all files that a worker wrote for one run."""
    return outputs / quote(run, safe="")


def exchange_folder(outputs: Path, run: str, exchange: ExchangeId) -> Path:
    """The folder of all files that a worker wrote for one exchange of one run."""
    return run_folder(outputs, run).joinpath(*(quote(part, safe="") for part in (exchange.job, exchange.input)))
