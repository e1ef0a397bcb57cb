"""What a fragment reads: a split of files, or rows that another fragment or an exchange gives.

Each can be had as records (for Python maps), as a stream of batches, and as a relation (for SQL). The fragments do
not ask where rows come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from gristmill.kernel.records import Chunk, is_pairs, row_chunks, stream_chunks
from gristmill.kernel.streams import Spool, Stream
from gristmill.plan.schema import Schema
from gristmill.plan.source import Format
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, duckdb_cast_list
from gristmill.storage.reading import SplitReader

Seen = Callable[[int], None]
"""Told how many rows were read."""


class Input(Protocol):
    """Rows under a name, to be read once."""

    name: str
    origin: str
    """What the rows are called in messages."""

    def chunks(self) -> Iterator[Chunk]:
        """The rows as records for a map function."""
        ...

    def stream(self) -> Stream:
        """The rows as batches."""
        ...

    @property
    def broken(self) -> BaseException | None:
        """What reading the rows raised, where a library did not pass it on."""
        ...

    def relation(self, con: duckdb.DuckDBPyConnection, several: bool) -> str:
        """SQL text to stand in FROM, with logical types. ``several``: a query may scan it more than once."""
        ...


class SplitInput:
    """The rows of a split."""

    def __init__(self, name: str, reader: SplitReader, seen: Seen) -> None:
        self.name = name
        self._reader = reader
        self._seen = seen
        pieces = reader.split.pieces
        later = [piece for piece in pieces if piece.start and piece.first_row is None]
        self._named = {piece.uri: f"{piece.uri}@{piece.start}" for piece in later}
        self.origin = pieces[0].uri + (f" and {len(pieces) - 1} more" if len(pieces) > 1 else "") if pieces else name

    def chunks(self) -> Iterator[Chunk]:
        """See Input. Lines are keyed by the file's URI, rows by (URI, row number), pairs by their key."""
        if self._reader.source.format is Format.TEXT:
            yield from self._lines()
            return
        pairs = self._reader.source.format is Format.PAIRS
        for uri, first, batch in self._reader.located():
            self._seen(batch.num_rows)
            yield from row_chunks(batch, self._named.get(uri, uri), first, uri, pairs and is_pairs(batch.schema))

    def _lines(self) -> Iterator[Chunk]:
        for uri, first, lines in self._reader.records():
            self._seen(len(lines))
            yield Chunk(self._named.get(uri, uri), first, list(lines), key=uri)

    def stream(self) -> Stream:
        """See Input."""
        return Stream(self._counted(), self.origin, arrow_schema(self._reader.schema()))

    def _counted(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader.batches():
            self._seen(batch.num_rows)
            yield batch

    @property
    def broken(self) -> BaseException | None:
        """See Input."""
        return None

    def relation(self, con: duckdb.DuckDBPyConnection, several: bool) -> str:
        """See Input. It can be scanned again whatever ``several`` says."""
        return self._reader.relation(con, None)


class StreamInput:
    """Rows that come as a stream. ``file`` is how its records are named, ``key`` what keys rows for map functions.

    ``spool_path`` and ``memory_bytes`` are for queries that scan the rows more than once.
    """

    def __init__(self, name: str, stream: Stream, file: str, key: str, spool_path: Path, memory_bytes: int) -> None:
        self.name = name
        self.origin = stream.origin
        self._stream = stream
        self._file = file
        self._key = key
        self._spool = Spool(spool_path, memory_bytes)

    def chunks(self) -> Iterator[Chunk]:
        """See Input."""
        return stream_chunks(self._stream, self._file, self._key)

    def stream(self) -> Stream:
        """See Input."""
        return self._stream

    def relation(self, con: duckdb.DuckDBPyConnection, several: bool) -> str:
        """See Input."""
        schema = self._stream.schema
        given = self._spool.fill(self._stream) if several else self._stream.reader()
        return registered(con, f"gm_rows_{self.name}", given, schema)

    @property
    def broken(self) -> BaseException | None:
        """See Input."""
        return self._stream.broken

    @property
    def bytes_spilled(self) -> int:
        """Bytes that were written to disk to be read again."""
        return self._spool.bytes_spilled


def registered(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table | pa.RecordBatchReader, schema: Schema) -> str:
    """Registers Arrow rows and gives the FROM text that turns their carriers into logical types."""
    con.register(name, rows)
    return f"(SELECT {duckdb_cast_list(schema)} FROM {quote_name(name)})"
