"""What a task gets from a split of any format: rows as an SQL relation, as Arrow batches, or as lines.

``reading.open_split`` picks the class. Readers know storage and Arrow; which fragment asks is not their business.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gristmill.errors import InputError, InternalError
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource, Split
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, cast_table, duckdb_cast_list
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.local import changed, missing
from gristmill.storage.stores import Stores

if TYPE_CHECKING:
    import duckdb

_numbers = itertools.count()


class SplitReader(ABC):
    """Reads one split, rows in the order of pieces and records.

    ``relation`` and ``batches`` may be asked for several times, each reading anew. Errors in files are InputError,
    met when the rows are read.
    """

    def __init__(self, source: FileSource, split: Split, stores: Stores) -> None:
        self.source = source
        self.split = split
        self._filesystems: dict[str, Filesystem] = {}
        self._stores = stores
        self._checked: set[str] = set()
        self.broken: BaseException | None = None
        """What reading raised below a query: DuckDB tells no more than its text."""
        self.counted: tuple[str, ...] | None = None
        """The columns whose bytes count as read where ``relation`` prunes columns; None: those that are asked for."""

    @property
    def prunes_columns(self) -> bool:
        """Whether a query over ``relation`` reads no more columns than it needs, though all were asked for."""
        return False

    @abstractmethod
    def schema(self) -> Schema:
        """Columns of the rows, those of Hive folders last."""

    @abstractmethod
    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """(file URI, number of the batch's first row, batch in ``arrow_schema`` of the columns asked for).

        Rows of Parquet and Arrow files are numbered in the file, from 0; those of CSV and JSON likewise where
        planning counted them (``FileRange.first_row``), else in the piece.
        """

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows as batches in ``arrow_schema``; only the given columns, in schema order, if any are given."""
        return (batch for _, _, batch in self.located(columns))

    def relation(self, con: duckdb.DuckDBPyConnection, columns: tuple[str, ...] | None = None) -> str:
        """SQL text to stand in FROM: all rows in order, with logical types. It may be scanned more than once."""
        schema = self.chosen(columns)
        name = f"gm_split_{next(_numbers)}"
        con.register(name, ArrowStream(arrow_schema(schema), self._watched(columns)))
        return f"(SELECT {duckdb_cast_list(schema)} FROM {quote_name(name)})"

    def _watched(self, columns: tuple[str, ...] | None) -> Callable[[], Iterator[pa.RecordBatch]]:
        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from self.batches(columns)
            except BaseException as error:
                self.broken = error
                raise

        return batches

    def records(self) -> Iterator[tuple[str, int, list[str]]]:
        """Text only: (file URI, number of the first line in the piece, lines), a block of lines at a time."""
        raise InternalError("records() is for text; other formats have rows", place=self.source.format)

    @property
    def bytes_read(self) -> int:
        """Bytes read so far from the files of this split."""
        return sum(filesystem.usage.bytes_read for filesystem in self._filesystems.values())

    @property
    def requests(self) -> int:
        """Requests made so far for this split."""
        return sum(filesystem.usage.requests for filesystem in self._filesystems.values())

    def chosen(self, columns: tuple[str, ...] | None) -> Schema:
        """The columns asked for, in schema order; at least one, since rows must be counted."""
        schema = self.schema()
        if columns is None:
            return schema
        wanted = set(columns)
        return tuple(c for c in schema if c.name in wanted) or schema[:1]

    def filesystem(self, uri: str) -> Filesystem:
        """The store of a piece, with counters of this reader."""
        shared = self._stores.filesystem(uri)
        key = uri.partition("://")[2].partition("/")[0] if shared.local_path(uri) is None else ""
        if key not in self._filesystems:
            self._filesystems[key] = shared.metered()
        return self._filesystems[key]

    def unchanged(self, piece: FileRange) -> Filesystem:
        """The store of a piece, after a look that the file is still the one that was planned with."""
        filesystem = self.filesystem(piece.uri)
        if piece.version and piece.uri not in self._checked:
            entry = filesystem.stat(piece.uri)
            if entry is None:
                raise missing(piece.uri, filesystem.names(piece.uri.rpartition("/")[0]))
            if entry.version != piece.version:
                raise changed(piece.uri)
            self._checked.add(piece.uri)
        return filesystem


class ArrowStream:
    """An Arrow stream that can be opened again and again: each scan by DuckDB calls ``batches`` anew."""

    def __init__(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        self._schema = schema
        self._batches = batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        reader = pa.RecordBatchReader.from_batches(self._schema, self._lazily())
        return reader.__arrow_c_stream__(requested_schema)

    def _lazily(self) -> Iterator[pa.RecordBatch]:
        yield from self._batches()


def with_partition(batch: pa.RecordBatch, piece: FileRange, schema: Schema) -> pa.RecordBatch:
    """``batch`` as ``arrow_schema(schema)`` has it, with the piece's Hive values as columns.

    Raises InputError where a value does not fit its column.
    """
    table = pa.table(dict(zip(batch.schema.names, batch.columns, strict=True)))
    names = {column.name for column in schema}
    for name, value in piece.partition:
        if name in names and name not in batch.schema.names:
            table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), batch.num_rows))
    return one_batch(cast_table(table, schema))


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """A table's rows as one batch."""
    chunks = table.combine_chunks().to_batches()
    return chunks[0] if chunks else pa.RecordBatch.from_pylist([], schema=table.schema)


def unreadable(piece: FileRange, error: Exception, remedy: str = "") -> InputError:
    """The error for content that does not read as its format."""
    return InputError(str(error).strip(), place=piece.uri, remedy=remedy)
