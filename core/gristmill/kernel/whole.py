"""A query run whole: DuckDB, on several threads, over all files of its tables, in this process.

Called by the coordinator for what is too small to be spread. It has no tasks, and nothing to be tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gristmill.kernel.database import DatabaseSettings
from gristmill.kernel.inputs import Seen, SplitInput
from gristmill.kernel.sides import whole_files
from gristmill.kernel.sql import SqlStep
from gristmill.plan.schema import Schema
from gristmill.plan.source import Format, Split
from gristmill.rows.types import arrow_schema
from gristmill.storage.reading import SplitReader, open_split
from gristmill.storage.splits import PlannedInput
from gristmill.storage.stores import Stores


@dataclass(frozen=True, slots=True)
class WholePlace:
    """Where a query runs whole: how files are reached, where it spills and keeps remote blocks, what it may use."""

    stores: Stores
    spill: Path
    blocks: Path
    memory_bytes: int
    threads: int
    time_zone: str = "UTC"


class WholeStep:
    """One query over whole tables, run once by one thread; others may ask how far it is, and interrupt it.

    ``seen`` is told the rows of the tables that are read.
    """

    def __init__(
        self, sql: str, tables: Mapping[str, PlannedInput], schema: Schema, place: WholePlace, seen: Seen
    ) -> None:
        self._seen = seen
        self._readers = {name: _reader(planned, place) for name, planned in tables.items()}
        folders = {folder for reader in self._readers.values() for folder in _folders(reader, place.stores)}
        settings = DatabaseSettings(
            place.memory_bytes,
            place.spill,
            frozenset({*folders, str(place.blocks)}),
            place.time_zone,
            place.threads,
        )
        self._step = SqlStep(settings, sql, "query", schema)

    def rows(self) -> Iterator[pa.RecordBatch]:
        """The rows of the query, in its order, in the Arrow schema of ``schema``; at least one batch.

        Raises FragmentError for what DuckDB refuses while it runs, InputError for files that cannot be read.
        """
        inputs: list[SplitInput] = []
        empty: dict[str, pa.Table] = {}
        for name, reader in self._readers.items():
            if reader.split.pieces:
                inputs.append(SplitInput(name, reader, self._seen))
            else:
                empty[name] = arrow_schema(reader.schema()).empty_table()
        return self._step.run(inputs, empty)

    def interrupt(self) -> None:
        """Has ``rows`` end with an error soon."""
        self._step.interrupt()


def _reader(planned: PlannedInput, place: WholePlace) -> SplitReader:
    pieces = [piece for split in planned.splits for piece in split.pieces]
    if planned.source.format in (Format.PARQUET, Format.PAIRS):
        pieces = whole_files(pieces)
    return open_split(planned.source, Split(tuple(pieces), planned.bytes_, planned.rows), place.stores, place.blocks)


def _folders(reader: SplitReader, stores: Stores) -> Iterator[str]:
    """The folders of local files: those that SQL may read."""
    for uri in {piece.uri for piece in reader.split.pieces}:
        path = stores.filesystem(uri).local_path(uri)
        if path is not None:
            yield str(path.parent)
