"""Parquet: cut at row groups from footers, read by DuckDB's own reader from a file on this machine.

A remote file becomes one first: ``blockcache`` brings the column chunks that are needed into a sparse file.
"""

from __future__ import annotations

import atexit
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gristmill.errors import InputError
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.rows.types import arrow_schema, cast_table, duckdb_export_list
from gristmill.settings import load_settings
from gristmill.storage.blockcache import CachedFile, block_cache
from gristmill.storage.filesystem import Entry, Filesystem
from gristmill.storage.footers import FOOTERS, MAGIC, Footer, FooterSummary
from gristmill.storage.formats.parquet_scan import Scan
from gristmill.storage.formats.plan import FormatPlan, one_schema, whole_piece
from gristmill.storage.formats.reader import SplitReader, one_batch
from gristmill.storage.listing import Listed
from gristmill.storage.local import changed
from gristmill.storage.packing import SPLIT_BYTES, Weighed, group_cuts, scan_bytes
from gristmill.storage.parallel import in_parallel
from gristmill.storage.parquet_types import durations_of
from gristmill.storage.stores import Stores

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 122_880
ALL_FOOTERS = 10_000
"""Up to so many files every footer is read at planning."""
SAMPLED_FOOTERS = 2_000
_BLOOM_BYTES = 1 << 20
"""Of a Bloom filter whose length the footer does not tell."""
_PIECES_OF_A_SCAN = 256


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """For batches, of all readers of the process; relations use the caller's. It knows footers that it has read."""
    import duckdb  # here: who plans reads footers only

    con = duckdb.connect(config={"threads": 1})
    con.execute("SET GLOBAL parquet_metadata_cache = true")
    atexit.register(_connection.cache_clear)  # else its binding calls it a leak, on the user's screen
    return con


def plan_parquet(files: Sequence[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Runs of row groups of about the wanted size, and one schema from footers.

    Of very many files only the large ones' footers and an even sample of the others' are read: the rest are taken
    whole, weighed by the sample, and their columns are looked at when they are read.
    """
    looked_at = _sample(files, source.split_bytes or SPLIT_BYTES)
    entries = [listed.entry for listed in looked_at]
    found = FOOTERS.summaries(entries, stores.filesystem, lambda: load_settings().cache_dir)
    footers = {listed.entry.uri: footer for listed, footer in zip(looked_at, found, strict=True)}
    schema = one_schema([(uri, footer.schema) for uri, footer in footers.items()], source, place)
    if source.format is Format.PAIRS and [c.name for c in schema] != ["key", "value"]:
        raise InputError(
            f"not a file of pairs: its columns are {', '.join(c.name for c in schema)}, not key and value",
            place=files[0].entry.uri,
            remedy="Read it with format parquet.",
        )
    expansion = _expansion(looked_at, found)
    split_bytes = source.split_bytes or scan_bytes(int(expansion * sum(listed.entry.bytes_ for listed in files)))
    pieces = [
        weighed
        for listed in files
        for weighed in _pieces(listed, footers.get(listed.entry.uri), split_bytes, expansion)
    ]
    return FormatPlan(schema, pieces, split_bytes)


def _sample(files: Sequence[Listed], split_bytes: int) -> Sequence[Listed]:
    if len(files) <= ALL_FOOTERS:
        return files
    step = len(files) // SAMPLED_FOOTERS
    return [listed for i, listed in enumerate(files) if i % step == 0 or listed.entry.bytes_ > split_bytes // 8]


def _expansion(files: Sequence[Listed], footers: Sequence[FooterSummary]) -> float:
    """Uncompressed bytes per byte of file."""
    return sum(sum(footer.group_bytes) for footer in footers) / max(1, sum(listed.entry.bytes_ for listed in files))


def _pieces(listed: Listed, footer: FooterSummary | None, split_bytes: int, expansion: float) -> Iterator[Weighed]:
    piece = whole_piece(listed)
    if footer is None:
        yield Weighed(piece, int(listed.entry.bytes_ * expansion))
        return
    first_row = 0
    for first, last in group_cuts(footer.group_bytes, split_bytes):
        rows, bytes_ = sum(footer.group_rows[first:last]), sum(footer.group_bytes[first:last])
        yield Weighed(replace(piece, first_row=first_row, rows=rows), bytes_, rows)
        first_row += rows


class ParquetReader(SplitReader):
    """Rows by DuckDB; columns and row groups that are not needed are not read."""

    def __init__(self, source: FileSource, split: Split, stores: Stores, cache_dir: Path | None) -> None:
        super().__init__(source, split, stores)
        self._cache_dir = cache_dir
        self._schema = source.schema
        self._cached: dict[str, CachedFile] = {}

    def schema(self) -> Schema:
        """The source's schema; without one, that of the split's first file."""
        if self._schema is None:
            piece = self.split.pieces[0]
            hive = tuple(Column(name, "VARCHAR") for name, _ in piece.partition)
            self._schema = (*self._footer(piece).summary.schema, *hive)
        return self._schema

    def _footer(self, piece: FileRange) -> Footer:
        entry = Entry(piece.uri, piece.end, piece.version)
        return FOOTERS.read(entry, self.filesystem(piece.uri), self._cache_dir)

    @property
    def prunes_columns(self) -> bool:
        """See SplitReader: files on this machine are read by DuckDB's own reader as they are."""
        return all(self.filesystem(piece.uri).local_path(piece.uri) is not None for piece in self.split.pieces[:1])

    def relation(self, con: duckdb.DuckDBPyConnection, columns: tuple[str, ...] | None = None) -> str:
        """A SELECT over ``read_parquet``."""
        schema = self.chosen(columns)
        return f"({self._select(self.split.pieces, schema, [column.name for column in schema])})"

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows of the split in one scan."""
        return self._run(self.split.pieces, self.chosen(columns))

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """Rows numbered in their file. Many small files are one scan, cut where the footers say that a file ends."""
        for at in range(0, len(self.split.pieces), _PIECES_OF_A_SCAN):
            pieces = self.split.pieces[at : at + _PIECES_OF_A_SCAN]
            yield from self._cut(pieces, self._run(pieces, self.chosen(columns)))

    def _cut(
        self, pieces: Sequence[FileRange], batches: Iterator[pa.RecordBatch]
    ) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        batch, taken = next(batches, None), 0
        for piece in pieces:
            row = piece.first_row or 0
            end = row + (self._footer(piece).summary.rows if piece.rows is None else piece.rows)
            while row < end:
                if batch is None:
                    raise changed(piece.uri)
                part = batch.slice(taken, end - row)
                yield piece.uri, row, part
                row, taken = row + part.num_rows, taken + part.num_rows
                if taken == batch.num_rows:
                    batch, taken = next(batches, None), 0

    def _run(self, pieces: Sequence[FileRange], schema: Schema) -> Iterator[pa.RecordBatch]:
        import duckdb

        target = arrow_schema(schema)
        placed = tuple(Column(f"c{at}", column.type) for at, column in enumerate(schema))
        names = [column.name for column in placed]
        query = f"SELECT {duckdb_export_list(placed)} FROM ({self._select(pieces, schema, names)})"
        with _connection().cursor() as con:
            try:
                for batch in con.sql(query).to_arrow_reader(BATCH_ROWS):
                    if batch.num_rows:
                        yield _as_carriers(batch, target, schema)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise self._unreadable(pieces, error) from error

    def _unreadable(self, pieces: Sequence[FileRange], error: Exception) -> InputError:
        uris = list(dict.fromkeys(piece.uri for piece in pieces))
        paths = {
            uri: str(self._cached[uri].path) if uri in self._cached else uri.removeprefix("file://") for uri in uris
        }
        place = next((uri for uri, path in paths.items() if path in str(error)), ", ".join(uris[:3]))
        return InputError(str(error).splitlines()[0], place=place, remedy="The file may be corrupt: write it again.")

    def _select(self, pieces: Sequence[FileRange], schema: Schema, names: Sequence[str]) -> str:
        """A query for these columns under these names."""
        return " UNION ALL ".join(scan.select(schema, names) for scan in self._scans(pieces, schema))

    def _scans(self, pieces: Sequence[FileRange], schema: Schema) -> Iterator[Scan]:
        names = tuple(column.name for column in schema)
        each = [(piece, *self._stored(piece)) for piece in pieces]
        for key, run in itertools.groupby(
            each, lambda e: (_group(e[0], e[2]), e[0].partition, e[1], self._durations(e[0]))
        ):
            group, _, stored, durations = key
            taken = [piece for piece, _, _ in run]
            columns = tuple(column.name for column in stored)
            yield Scan(self._paths(taken, names), taken[0], group == "", columns, dict(durations))

    def _durations(self, piece: FileRange) -> tuple[tuple[str, str], ...]:
        footer = self._footer(piece)
        if any(column.type == "INTERVAL" for column in footer.summary.schema):
            return tuple(durations_of(footer.metadata).items())
        return ()

    def _stored(self, piece: FileRange) -> tuple[Schema, bool]:
        """The schema of a piece's file, and whether the piece is all of it. InputError where a column is missing."""
        footer = self._footer(piece).summary
        stored = [column.name for column in footer.schema]
        known = {*stored, *(name for name, _ in piece.partition)}
        lacking = [column.name for column in self.schema() if column.name not in known]
        if lacking and not self.source.unify:
            raise InputError(
                f"column {lacking[0]!r} is missing", place=piece.uri, remedy=did_you_mean(lacking[0], stored)
            )
        return footer.schema, piece.first_row is None or (piece.first_row == 0 and piece.rows == footer.rows)

    def _paths(self, pieces: Sequence[FileRange], columns: tuple[str, ...]) -> tuple[str, ...]:
        """Files on this machine that hold what is needed of the pieces; remote ones are fetched many at once."""
        local = self.filesystem(pieces[0].uri).local_path(pieces[0].uri) is not None
        found = (
            map(self._path, pieces, itertools.repeat(columns))
            if local
            else in_parallel(lambda piece: self._path(piece, columns), pieces)
        )
        return tuple(map(str, found))

    def _path(self, piece: FileRange, columns: tuple[str, ...]) -> Path:
        """A file on this machine that holds what is needed of a piece, in its place."""
        filesystem = self.filesystem(piece.uri)
        if filesystem.local_path(piece.uri) is None:
            return self._cached_copy(piece, columns, filesystem)
        path = self.unchanged(piece).local_path(piece.uri)
        counted = columns if self.counted is None else self.counted
        ranges = needed_ranges(self._footer(piece), piece, counted)
        filesystem.usage.add(read=sum(end - start for start, end in ranges))
        return path or Path(piece.uri)

    def _cached_copy(self, piece: FileRange, columns: tuple[str, ...], filesystem: Filesystem) -> Path:
        cache = block_cache(self._cache_dir)
        if piece.uri not in self._cached:
            self._cached[piece.uri] = cache.open(Entry(piece.uri, piece.end, piece.version))
            cache.evict()
        cached = self._cached[piece.uri]
        footer = self._footer(piece)
        start = piece.end - len(footer.raw)
        if not cached.holds((start, piece.end)):
            cached.write([(0, MAGIC), (start, footer.raw)])
        cached.fill(needed_ranges(footer, piece, columns), filesystem)
        return cached.path


def needed_ranges(footer: Footer, piece: FileRange, columns: tuple[str, ...]) -> list[tuple[int, int]]:
    """The byte ranges of a file that hold these columns of a piece's row groups, with their Bloom filters."""
    found: list[tuple[int, int]] = []
    first_row = 0
    for group, rows in enumerate(footer.summary.group_rows):
        if piece.first_row is None or piece.first_row <= first_row < piece.first_row + (piece.rows or 0):
            found += _group_ranges(footer.metadata.row_group(group), columns)
        first_row += rows
    return found


def _group_ranges(group: Any, columns: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    below, whole = tuple(f"{name}." for name in columns), set(columns)
    for chunk in map(group.column, range(group.num_columns)):
        path = chunk.path_in_schema
        if path in whole or path.startswith(below):
            start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)))
            yield start, start + chunk.total_compressed_size
            if chunk.bloom_filter_offset:
                yield chunk.bloom_filter_offset, chunk.bloom_filter_offset + (chunk.bloom_filter_length or _BLOOM_BYTES)


def _group(piece: FileRange, whole: bool) -> str:
    """Pieces with equal keys may share a scan: all whole files, and no ranges."""
    return "" if whole else f"{piece.uri} {piece.first_row}"


def _as_carriers(batch: pa.RecordBatch, target: pa.Schema, schema: Schema) -> pa.RecordBatch:
    if batch.schema.types == target.types:
        return pa.RecordBatch.from_arrays(batch.columns, schema=target)
    return one_batch(cast_table(pa.Table.from_batches([batch]).rename_columns(target.names), schema))
