"""Parquet: cut at row groups from footers, read by DuckDB's own reader from a file on this machine.

A remote file becomes one first: ``blockcache`` brings the column chunks that are needed into a sparse file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from gristmill.errors import InputError
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, cast_table, duckdb_export_list
from gristmill.storage.filesystem import Entry
from gristmill.storage.footers import Footer, Footers
from gristmill.storage.formats.plan import FormatPlan, one_schema, whole_piece
from gristmill.storage.formats.reader import SplitReader, one_batch
from gristmill.storage.listing import Listed
from gristmill.storage.packing import SPLIT_BYTES, Weighed, group_cuts
from gristmill.storage.stores import Stores

BATCH_ROWS = 122_880
_footers = Footers()


def plan_parquet(files: Sequence[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Runs of row groups of about the wanted size, and one schema from all footers."""
    found = _footers.read_all([listed.entry for listed in files], stores.filesystem)
    schemas = [(listed.entry.uri, footer.schema) for listed, footer in zip(files, found, strict=True)]
    schema = one_schema(schemas, source, place)
    if source.format is Format.PAIRS and [c.name for c in schema] != ["key", "value"]:
        raise InputError(
            f"not a file of pairs: its columns are {', '.join(c.name for c in schema)}, not key and value",
            place=files[0].entry.uri,
            remedy="Read it with format parquet.",
        )
    pieces = [p for listed, footer in zip(files, found, strict=True) for p in _pieces(listed, footer, source)]
    return FormatPlan(schema, pieces)


def _pieces(listed: Listed, footer: Footer, source: FileSource) -> Iterator[Weighed]:
    piece = whole_piece(listed)
    first_row = 0
    for first, last in group_cuts(footer.group_bytes, source.split_bytes or SPLIT_BYTES):
        rows, bytes_ = sum(footer.group_rows[first:last]), sum(footer.group_bytes[first:last])
        yield Weighed(replace(piece, first_row=first_row, rows=rows), bytes_, rows)
        first_row += rows


@dataclass(frozen=True, slots=True)
class _Scan:
    """Pieces that one ``read_parquet`` can read: whole files of one schema and partition, or a range of one file."""

    paths: tuple[str, ...]
    piece: FileRange
    whole: bool
    stored: tuple[str, ...]
    """Columns that the files hold."""


class ParquetReader(SplitReader):
    """Rows by DuckDB; columns and row groups that are not needed are not read."""

    def __init__(self, source: FileSource, split: Split, stores: Stores, cache_dir: Path | None) -> None:
        super().__init__(source, split, stores)
        self._cache_dir = cache_dir
        self._schema = source.schema

    def schema(self) -> Schema:
        """The source's schema; without one, that of the split's first file."""
        if self._schema is None:
            piece = self.split.pieces[0]
            hive = tuple(Column(name, "VARCHAR") for name, _ in piece.partition)
            self._schema = (*self._footer(piece).schema, *hive)
        return self._schema

    def _footer(self, piece: FileRange) -> Footer:
        return _footers.read(Entry(piece.uri, piece.end, piece.version), self.filesystem(piece.uri))

    def relation(self, con: duckdb.DuckDBPyConnection, columns: tuple[str, ...] | None = None) -> str:
        """A SELECT over ``read_parquet``."""
        return f"({self._select(self.split.pieces, self.chosen(columns))})"

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows of the split in one scan."""
        return self._run(self.split.pieces, self.chosen(columns))

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """Rows piece by piece, numbered in their file."""
        for piece in self.split.pieces:
            number = piece.first_row or 0
            for batch in self._run((piece,), self.chosen(columns)):
                yield piece.uri, number, batch
                number += batch.num_rows

    def _run(self, pieces: Sequence[FileRange], schema: Schema) -> Iterator[pa.RecordBatch]:
        target = arrow_schema(schema)
        query = f"SELECT {duckdb_export_list(schema)} FROM ({self._select(pieces, schema)})"
        with duckdb.connect(config={"threads": 1}) as con:
            try:
                for batch in con.sql(query).to_arrow_reader(BATCH_ROWS):
                    if batch.num_rows:
                        yield _as_carriers(batch, target, schema)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise self._unreadable(pieces, error) from error

    def _unreadable(self, pieces: Sequence[FileRange], error: Exception) -> InputError:
        uris = list(dict.fromkeys(piece.uri for piece in pieces))
        place = next((uri for uri in uris if uri.removeprefix("file://") in str(error)), ", ".join(uris[:3]))
        return InputError(str(error).splitlines()[0], place=place, remedy="The file may be corrupt: write it again.")

    def _select(self, pieces: Sequence[FileRange], schema: Schema) -> str:
        return " UNION ALL ".join(_scan_sql(scan, schema) for scan in self._scans(pieces, schema))

    def _scans(self, pieces: Sequence[FileRange], schema: Schema) -> Iterator[_Scan]:
        names = tuple(column.name for column in schema)
        each = [(piece, *self._stored(piece)) for piece in pieces]
        for (_, stored, group), run in itertools.groupby(each, lambda e: (e[0].partition, e[1], _group(e[0], e[2]))):
            taken = [piece for piece, _, _ in run]
            paths = tuple(str(self._path(piece, names)) for piece in taken)
            yield _Scan(paths, taken[0], group == "", stored)

    def _stored(self, piece: FileRange) -> tuple[tuple[str, ...], bool]:
        """Columns of a piece's file, and whether the piece is all of it."""
        if piece.first_row is None and not self.source.unify and self.source.schema is not None:
            return tuple(column.name for column in self.source.schema), True
        footer = self._footer(piece)
        whole = piece.first_row is None or (piece.first_row == 0 and piece.rows == footer.rows)
        return tuple(column.name for column in footer.schema), whole

    def _path(self, piece: FileRange, columns: tuple[str, ...]) -> Path:
        path = self.unchanged(piece).local_path(piece.uri)
        if path is None:
            raise InputError("remote", place=piece.uri)
        return path


def _group(piece: FileRange, whole: bool) -> str:
    """Pieces with equal keys may share a scan: all whole files, and no ranges."""
    return "" if whole else f"{piece.uri} {piece.first_row}"


def _scan_sql(scan: _Scan, schema: Schema) -> str:
    files = ", ".join("'" + path.replace("'", "''") + "'" for path in scan.paths)
    partition = dict(scan.piece.partition)
    terms = ", ".join(_term(column, scan.stored, partition) for column in schema)
    sql = f"SELECT {terms} FROM read_parquet([{files}], hive_partitioning = false)"
    if scan.whole:
        return sql
    first, rows = scan.piece.first_row or 0, scan.piece.rows or 0
    return f"{sql} WHERE file_row_number BETWEEN {first} AND {first + rows - 1}"


def _term(column: Column, stored: tuple[str, ...], partition: dict[str, str | None]) -> str:
    name = quote_name(column.name)
    if column.name in stored:
        return f"CAST({name} AS {column.type}) AS {name}"
    value = partition.get(column.name)
    literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
    return f"CAST({literal} AS {column.type}) AS {name}"


def _as_carriers(batch: pa.RecordBatch, target: pa.Schema, schema: Schema) -> pa.RecordBatch:
    if batch.schema.types == target.types:
        return pa.RecordBatch.from_arrays(batch.columns, schema=target)
    return one_batch(cast_table(pa.Table.from_batches([batch]), schema))
