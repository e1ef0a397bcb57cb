"""Text: a record per line (key: the file's URI, value: the line), or one per file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import arrow_schema
from gristmill.storage.compression import codec_of
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.formats.plan import FormatPlan, whole_piece
from gristmill.storage.formats.reader import SplitReader
from gristmill.storage.lines import blocks, content_reads, lines_array, split_lines, text_of
from gristmill.storage.listing import Listed
from gristmill.storage.packing import COMPRESSED_FACTOR, SPLIT_BYTES, Weighed, even_cuts

TEXT_SCHEMA: Schema = (Column("key", "VARCHAR"), Column("value", "VARCHAR"))


def plan_text(files: Sequence[Listed], source: FileSource) -> FormatPlan:
    """Byte ranges of lines; whole files where a record is a file or the file is compressed."""
    return FormatPlan(TEXT_SCHEMA, [piece for listed in files for piece in byte_pieces(listed, source)])


def byte_pieces(listed: Listed, source: FileSource) -> list[Weighed]:
    """A file of lines as byte ranges of about the wanted size; not cut if compressed or read whole."""
    size = listed.entry.bytes_
    if codec_of(listed.entry.uri) is not None:
        return [Weighed(whole_piece(listed), size * COMPRESSED_FACTOR)]
    if source.whole:
        return [Weighed(whole_piece(listed), size)]
    cuts = even_cuts(size, source.split_bytes or SPLIT_BYTES)
    return [Weighed(whole_piece(listed, start=start, end=end), end - start) for start, end in itertools.pairwise(cuts)]


class TextReader(SplitReader):
    """Lines as strings for Python, and as columns ``key`` and ``value`` for SQL."""

    def schema(self) -> Schema:
        """``key`` and ``value``."""
        return TEXT_SCHEMA

    def records(self) -> Iterator[tuple[str, int, list[str]]]:
        """Lines of each block. With ``whole`` one block of one "line", the file's content."""
        for piece in self.split.pieces:
            filesystem = self.unchanged(piece)
            if self.source.whole:
                yield piece.uri, 0, [_content(piece, filesystem)]
                continue
            number = 0
            for offset, block in blocks(piece, filesystem):
                lines = split_lines(text_of(piece.uri, offset, block))
                yield piece.uri, number, lines
                number += len(lines)

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """Lines of each block as Arrow columns."""
        schema = arrow_schema(self.chosen(columns))
        for piece in self.split.pieces:
            filesystem = self.unchanged(piece)
            number = 0
            for values in self._values(piece, filesystem):
                keys = pa.repeat(pa.scalar(piece.uri), len(values)) if "key" in schema.names else None
                arrays = [keys if name == "key" else values for name in schema.names]
                yield piece.uri, number, pa.RecordBatch.from_arrays(arrays, schema=schema)
                number += len(values)

    def _values(self, piece: FileRange, filesystem: Filesystem) -> Iterator[pa.StringArray]:
        if self.source.whole:
            yield pa.array([_content(piece, filesystem)], pa.string())
            return
        for offset, block in blocks(piece, filesystem):
            yield lines_array(piece.uri, offset, block)


def _content(piece: FileRange, filesystem: Filesystem) -> str:
    return text_of(piece.uri, 0, b"".join(content_reads(piece.uri, filesystem)))
