"""What a fragment reads: a split of files, or rows that another fragment or an exchange gives.

Each can be had as records (for Python maps), as a stream of batches, and as a relation (for SQL). The fragments do
not ask where rows come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa

from gristmill.errors import InputError
from gristmill.kernel.columns import one_batch
from gristmill.kernel.records import Chunk, is_pairs, row_chunks, stream_chunks
from gristmill.kernel.streams import Spool, Stream
from gristmill.plan.schema import Schema
from gristmill.plan.source import Format
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, duckdb_cast_list
from gristmill.storage.reading import SplitReader

_UNREAD = ("Failed to read file", "don't know what type", "TProtocolException", "orrupt", "decompression failed")
"""How DuckDB says that a file is damaged: in words of its own, and in those of the libraries that decode pages."""

Seen = Callable[[int], None]
"""Told how many rows were read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be asked about a query before its inputs are opened: the columns that it names of an input of that
    schema (quickly told, and some too many), those that it reads of the input of that name, and whether it scans the
    rows of an input of that schema but once."""

    named: Callable[[Schema], tuple[str, ...]]
    columns: Callable[[str], tuple[str, ...]]
    scanned_once: Callable[[Schema], bool]


class Input(Protocol):
    """Rows under a name, to be read once."""

    name: str
    origin: str
    """What the rows are called in messages."""

    @property
    def schema(self) -> Schema:
        """The columns of the rows."""
        ...

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

    def unreadable(self, reason: str) -> InputError | None:
        """The error about a file of these rows, if ``reason``, which DuckDB gave, is about one."""
        ...

    def relation(self, con: duckdb.DuckDBPyConnection, reading: Reading) -> str:
        """SQL text to stand in FROM, with all columns and their logical types, for the query of ``reading``."""
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

    @property
    def schema(self) -> Schema:
        """See Input."""
        return self._reader.schema()

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
        given = False
        for batch in self._reader.batches():
            self._seen(batch.num_rows)
            given = True
            yield batch
        if not given:  # so that what is written knows its columns
            yield one_batch(arrow_schema(self._reader.schema()).empty_table())

    @property
    def broken(self) -> BaseException | None:
        """See Input."""
        return self._reader.broken

    def unreadable(self, reason: str) -> InputError | None:
        """See Input."""
        if not any(words in reason for words in _UNREAD):
            return None
        uris = [piece.uri for piece in self._reader.split.pieces]
        uri = next((uri for uri in uris if uri.removeprefix("file://") in reason), self.origin)
        return InputError(reason, place=uri, remedy="The file may be corrupt: write it again.")

    def relation(self, con: duckdb.DuckDBPyConnection, reading: Reading) -> str:
        """See Input. It can be scanned again and again. Columns that the query does not read are NULL."""
        if self._reader.split.rows is not None:  # known from footers; DuckDB does not say how far it is
            self._seen(self._reader.split.rows)
        schema = self._reader.schema()
        if self._reader.prunes_columns:
            self._reader.counted = reading.named(schema)
            return self._reader.relation(con)
        read = reading.columns(self.name)
        rows = self._reader.relation(con, read)
        if len(read) == len(schema):
            return rows
        terms = (
            quote_name(column.name)
            if column.name in read
            else f"CAST(NULL AS {column.type}) AS {quote_name(column.name)}"
            for column in schema
        )
        return f"(SELECT {', '.join(terms)} FROM {rows})"


class StreamInput:
    """Rows that come as a stream. ``file`` is how its records are named, ``key`` what keys rows for map functions.

    ``spool``, over the same stream, is for queries that scan the rows more than once.
    """

    def __init__(self, name: str, stream: Stream, file: str, key: str, spool: Spool) -> None:
        self.name = name
        self.origin = stream.origin
        self._stream = stream
        self._file = file
        self._key = key
        self._spool = spool

    @property
    def schema(self) -> Schema:
        """See Input."""
        return self._stream.schema

    def chunks(self) -> Iterator[Chunk]:
        """See Input."""
        return stream_chunks(self._stream, self._file, self._key)

    def stream(self) -> Stream:
        """See Input."""
        return self._stream

    def relation(self, con: duckdb.DuckDBPyConnection, reading: Reading) -> str:
        """See Input. A table where it is small or read again (and DuckDB knows its size), else a stream."""
        schema = self._stream.schema
        rows: pa.Table | pa.RecordBatchReader | None = self._spool.small()
        if rows is None and reading.scanned_once(schema):
            rows = pa.RecordBatchReader.from_batches(self._stream.arrow_schema, self._spool.once())
        return registered(con, f"gm_rows_{self.name}", self._spool.table() if rows is None else rows, schema)

    @property
    def broken(self) -> BaseException | None:
        """See Input."""
        return self._stream.broken

    def unreadable(self, reason: str) -> InputError | None:
        """See Input."""
        return None


def registered(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table | pa.RecordBatchReader, schema: Schema) -> str:
    """Registers Arrow rows and gives the FROM text that turns their carriers into logical types."""
    con.register(name, rows)
    return f"(SELECT {duckdb_cast_list(schema)} FROM {quote_name(name)})"
