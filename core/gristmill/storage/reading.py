"""Reading: opens a split of an input for a task, whatever its format and store."""

from __future__ import annotations

from pathlib import Path

from gristmill.plan.source import FileSource, Format, Split
from gristmill.storage.formats.arrow import ArrowReader
from gristmill.storage.formats.parquet import ParquetReader
from gristmill.storage.formats.reader import SplitReader
from gristmill.storage.formats.text import TextReader
from gristmill.storage.stores import Stores

__all__ = ["SplitReader", "open_split"]


def open_split(source: FileSource, split: Split, stores: Stores, cache_dir: Path | None = None) -> SplitReader:
    """A reader of the rows of one split.

    ``source.schema`` is the schema of the rows: callers put the planned one there. ``cache_dir`` is where pieces of
    remote Parquet files are kept for all processes of this machine; None: in a temporary folder of this process.
    """
    match source.format:
        case Format.PARQUET | Format.PAIRS:
            return ParquetReader(source, split, stores, cache_dir)
        case Format.TEXT:
            return TextReader(source, split, stores)
        case Format.CSV:
            from gristmill.storage.formats.csv import CsvReader  # Arrow's parsers: most executors never need them

            return CsvReader(source, split, stores)
        case Format.JSON:
            from gristmill.storage.formats.json import JsonReader

            return JsonReader(source, split, stores)
        case Format.ARROW:
            return ArrowReader(source, split, stores)
