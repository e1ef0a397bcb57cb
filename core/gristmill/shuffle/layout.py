"""Where files of map output lie below a worker's folder. Only names, so that agents know them too: no I/O, no Arrow."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from gristmill.ids import ExchangeId


def exchange_folder(outputs: Path, run: str, exchange: ExchangeId) -> Path:
    """The folder of all files that a worker wrote for one exchange of one run."""
    return outputs.joinpath(*(quote(part, safe="") for part in (run, exchange.job, exchange.input)))
