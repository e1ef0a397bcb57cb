"""Arrow IPC files, cut at record batches; streams and remote files are read whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from gristmill.errors import InputError
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import schema_of
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.formats.plan import FormatPlan, one_schema, whole_piece
from gristmill.storage.formats.reader import SplitReader, with_partition
from gristmill.storage.listing import Listed
from gristmill.storage.packing import SPLIT_BYTES, Weighed, group_cuts
from gristmill.storage.parallel import in_parallel
from gristmill.storage.stores import Stores

_FILE_MAGIC = b"ARROW1"


def plan_arrow(files: Sequence[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Runs of record batches of local files, whole files otherwise."""

    def look(listed: Listed) -> tuple[Schema, list[Weighed]]:
        piece = whole_piece(listed)
        with _opened(piece, stores.filesystem(piece.uri)) as reader:
            return schema_of(reader.schema), _pieces(listed, reader, source, stores.filesystem(piece.uri))

    found = in_parallel(look, files)
    schemas = [(listed.entry.uri, schema) for listed, (schema, _) in zip(files, found, strict=True)]
    return FormatPlan(one_schema(schemas, source, place), [piece for _, pieces in found for piece in pieces])


def _pieces(listed: Listed, reader: Any, source: FileSource, filesystem: Filesystem) -> list[Weighed]:
    piece, split_bytes = whole_piece(listed), source.split_bytes or SPLIT_BYTES
    cut = isinstance(reader, pa.ipc.RecordBatchFileReader) and filesystem.local_path(piece.uri) is not None
    if not cut or listed.entry.bytes_ <= split_bytes:
        return [Weighed(piece, listed.entry.bytes_)]
    batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
    rows, sizes = [b.num_rows for b in batches], [b.nbytes for b in batches]
    pieces, first_row = [], 0
    for first, last in group_cuts(sizes, split_bytes):
        count = sum(rows[first:last])
        pieces.append(Weighed(replace(piece, first_row=first_row, rows=count), sum(sizes[first:last]), count))
        first_row += count
    return pieces


class ArrowReader(SplitReader):
    """Rows of record batches, without copies where the file is local and not compressed."""

    def schema(self) -> Schema:
        """The source's schema; without one, that of the split's first file."""
        if self.source.schema is not None:
            return self.source.schema
        piece = self.split.pieces[0]
        with _opened(piece, self.filesystem(piece.uri)) as reader:
            return schema_of(reader.schema)

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """The file's own batches."""
        schema = self.chosen(columns)
        for piece in self.split.pieces:
            filesystem = self.unchanged(piece)
            filesystem.usage.add(requests=0, read=piece.end if filesystem.local_path(piece.uri) else 0)
            for number, batch in _batches(piece, filesystem):
                yield piece.uri, number, with_partition(batch, piece, schema)


def _batches(piece: FileRange, filesystem: Filesystem) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(number of its first row, batch) of those that lie in the piece."""
    end = None if piece.rows is None else (piece.first_row or 0) + piece.rows
    number = 0
    with _opened(piece, filesystem) as reader:
        try:
            for batch in _each(reader):
                if number >= (piece.first_row or 0) and (end is None or number < end):
                    yield number, batch
                number += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _refused(piece, error) from error


def _each(reader: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        return (reader.get_batch(i) for i in range(reader.num_record_batches))
    return iter(reader)


def _opened(piece: FileRange, filesystem: Filesystem) -> Any:
    path = filesystem.local_path(piece.uri)
    try:
        source = pa.memory_map(str(path)) if path is not None else pa.BufferReader(filesystem.read(piece.uri))
        is_file = source.read(len(_FILE_MAGIC)) == _FILE_MAGIC
        source.seek(0)
        return pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    except (pa.ArrowException, OSError) as error:
        raise _refused(piece, error) from error


def _refused(piece: FileRange, error: Exception) -> InputError:
    return InputError(
        f"not a whole Arrow IPC file: {str(error).strip()}",
        place=piece.uri,
        remedy="Write it again, or leave it out of the input's pattern.",
    )
