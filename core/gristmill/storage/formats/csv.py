"""CSV: byte ranges cut between records, parsed by pyarrow, values of the planned types."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.csv

from gristmill.errors import InputError
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import arrow_schema
from gristmill.storage.compression import codec_of
from gristmill.storage.csvcuts import Cut, safe_cuts
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.formats.inferred import DECLARE, fitted, sampled_schema, settled
from gristmill.storage.formats.plan import FormatPlan, whole_piece
from gristmill.storage.formats.reader import SplitReader
from gristmill.storage.formats.text import byte_pieces
from gristmill.storage.lines import BLOCK_BYTES, bad_utf8, blocks, content_reads, range_reads
from gristmill.storage.listing import Listed
from gristmill.storage.packing import SPLIT_BYTES, Weighed, even_cuts
from gristmill.storage.parallel import in_parallel
from gristmill.storage.readable import refuse_binary
from gristmill.storage.stores import Stores

_SAMPLE_BYTES = 4 << 20
_HEADER_BYTES = 64 << 10
_OTHER_DELIMITERS = ";\t|,"


def plan_csv(files: Sequence[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Ranges that begin at records.

    Where quoted values may hold newlines, a local file is scanned for places that lie outside quotes, and a remote
    one is not cut.
    """

    def look(listed: Listed) -> pa.Schema | None:
        filesystem = stores.filesystem(listed.entry.uri)
        refuse_binary(listed.entry, filesystem, "csv")
        return _sample(listed, source, filesystem)

    schema = sampled_schema(files, source, place, look)
    pieces = in_parallel(lambda listed: _pieces(listed, source, stores.filesystem(listed.entry.uri)), files)
    return FormatPlan(schema, [piece for each in pieces for piece in each])


def _sample(listed: Listed, source: FileSource, filesystem: Filesystem) -> pa.Schema | None:
    piece = whole_piece(listed)
    names = None if source.header else _names(piece, source, filesystem)
    with _parser(piece, source, filesystem, names, None, _SAMPLE_BYTES) as reader:
        schema = settled(reader.schema)
    if source.header:
        _refuse_other_delimiter(schema.names, piece)
    return schema


def _refuse_other_delimiter(names: list[str], piece: FileRange) -> None:
    """Raises InputError for a header of one column that is several, by another delimiter than the one it is read with:
    its rows would be wrong in silence."""
    other = next((each for each in _OTHER_DELIMITERS if len(names) == 1 and each in names[0]), None)
    if other is None:
        return
    raise InputError(
        f"its header is one column, {names[0]!r}: values seem to be separated by {other!r}",
        place=piece.uri,
        remedy=f"Set the delimiter to {other!r} (SQL: read_csv('...', delim = {other!r})), or declare the schema.",
    )


def _pieces(listed: Listed, source: FileSource, filesystem: Filesystem) -> list[Weighed]:
    path = filesystem.local_path(listed.entry.uri)
    if codec_of(listed.entry.uri) is not None or not source.newlines:
        return byte_pieces(listed, source)
    wanted = even_cuts(listed.entry.bytes_, source.split_bytes or SPLIT_BYTES)
    cuts = safe_cuts(path, wanted[1:-1], source.quote, source.delimiter) if path is not None else []
    ends = [*cuts, Cut(listed.entry.bytes_, None)]
    pieces, start = [], Cut(0, 0)
    for end in ends:
        first_row = start.records - (1 if source.header and start.at else 0) if start.records is not None else None
        piece = replace(whole_piece(listed, start=start.at, end=end.at), first_row=first_row)
        pieces.append(Weighed(piece, end.at - start.at))
        start = end
    return pieces


class CsvReader(SplitReader):
    """Rows of byte ranges."""

    def schema(self) -> Schema:
        """The planned schema."""
        if self.source.schema is None:
            raise InputError("a CSV split is read with its planned schema", place=self.split.pieces[0].uri)
        return self.source.schema

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """Batches of about a mebibyte of text."""
        schema = self.chosen(columns)
        for piece in self.split.pieces:
            filesystem = self.unchanged(piece)
            number = piece.first_row or 0
            for batch in self._parsed(piece, schema, filesystem):
                yield piece.uri, number, fitted(batch, piece, schema)
                number += batch.num_rows

    def _parsed(self, piece: FileRange, schema: Schema, filesystem: Filesystem) -> Iterator[pa.RecordBatch]:
        if piece.start == piece.end:
            return
        names = _names(piece, self.source, filesystem)
        types = self._types(piece, schema, names)
        with _parser(piece, self.source, filesystem, names, types, BLOCK_BYTES) as reader:
            yield from _checked(reader, piece, self.source, filesystem)

    def _types(self, piece: FileRange, schema: Schema, names: list[str]) -> dict[str, pa.DataType]:
        hive = {name for name, _ in piece.partition}
        types = {}
        for column, field in zip(schema, arrow_schema(schema), strict=True):
            if column.name in names:
                types[column.name] = field.type if _parses(field.type) else pa.string()
            elif column.name not in hive and not self.source.unify:
                raise InputError(
                    f"column {column.name!r} is missing",
                    place=piece.uri,
                    remedy=did_you_mean(column.name, names) or "Set unify (SQL: union_by_name = true): NULL then.",
                )
        return types or {names[0]: pa.string()}


def _parses(kind: pa.DataType) -> bool:
    """Whether pyarrow's CSV reader gives this type; others are read as text and cast."""
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_date32)
    return any(test(kind) for test in plain) or pa.types.is_decimal128(kind) or pa.types.is_timestamp(kind)


def _names(piece: FileRange, source: FileSource, filesystem: Filesystem) -> list[str]:
    """The names of a file's columns: its header, or the schema's, or column0, column1, ….

    Raises InputError for a file without a header line.
    """
    if not source.header and source.schema is not None:
        hive = {name for name, _ in piece.partition}
        return [column.name for column in source.schema if column.name not in hive]
    stream = _head(piece, filesystem)
    options = pa.csv.ReadOptions(use_threads=False, autogenerate_column_names=not source.header)
    try:
        with pa.csv.open_csv(stream, read_options=options, parse_options=_parsing(source)) as reader:
            names = reader.schema.names
    except pa.ArrowException as error:
        raise _refused(piece, error) from error
    return names if source.header else [f"column{i}" for i in range(len(names))]


def _head(piece: FileRange, filesystem: Filesystem) -> pa.BufferReader:
    """The first lines of the piece's file, up to the last newline in 64 KiB."""
    if codec_of(piece.uri) is not None:
        head = next(content_reads(piece.uri, filesystem, _HEADER_BYTES), b"")
    else:
        head = filesystem.read(piece.uri, 0, _HEADER_BYTES)
    cut = head.find(b"\n") + 1
    return pa.BufferReader(head[:cut] if cut and b'"' not in head[:cut] else head)


def _parsing(source: FileSource, columns: int = 0) -> Any:
    """An empty line is no record, but in a file of one column it is a NULL."""
    return pa.csv.ParseOptions(
        delimiter=source.delimiter,
        quote_char=source.quote or False,
        newlines_in_values=source.newlines,
        ignore_empty_lines=columns != 1,
    )


def _parser(
    piece: FileRange,
    source: FileSource,
    filesystem: Filesystem,
    names: list[str] | None,
    types: dict[str, pa.DataType] | None,
    block_bytes: int,
) -> Any:
    """A streaming reader over the piece's records; types None: inferred from the first block."""
    skipped = 1 if names is not None and source.header and piece.start == 0 else 0
    reading = pa.csv.ReadOptions(use_threads=False, block_size=block_bytes, column_names=names, skip_rows=skipped)
    converting = pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types) if types else None,
        null_values=sorted({source.null, ""}),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    stream, parsing = _Stream(_content(piece, source, filesystem)), _parsing(source, len(names or ()))
    try:
        return pa.csv.open_csv(stream, read_options=reading, parse_options=parsing, convert_options=converting)
    except pa.ArrowInvalid as error:
        if stream.empty:
            return _NoRows(names or [])
        raise _unparsed(piece, source, filesystem, error) from error


def _content(piece: FileRange, source: FileSource, filesystem: Filesystem) -> Iterator[bytes]:
    """The bytes of the piece's records."""
    if codec_of(piece.uri) is not None:
        yield from content_reads(piece.uri, filesystem)
    elif source.newlines:
        yield from range_reads(piece, filesystem, piece.start)
    else:
        yield from (block for _, block in blocks(piece, filesystem))


def _checked(
    reader: Iterable[pa.RecordBatch], piece: FileRange, source: FileSource, filesystem: Filesystem
) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except pa.ArrowInvalid as error:
        raise _unparsed(piece, source, filesystem, error) from error


def _unparsed(piece: FileRange, source: FileSource, filesystem: Filesystem, error: Exception) -> InputError:
    """The error for content that does not parse; for what is not UTF-8, with the byte's offset."""
    content = b"".join(_content(piece, source, filesystem)) if "UTF8" in str(error) else b""
    try:
        content.decode()
    except UnicodeDecodeError as bad:
        return bad_utf8(piece.uri, piece.start + bad.start, content[bad.start])
    return _refused(piece, error)


def _refused(piece: FileRange, error: Exception) -> InputError:
    return InputError(str(error).strip(), place=piece.uri, remedy=DECLARE)


class _Stream(io.RawIOBase):
    """Chunks of bytes as a readable file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.empty = True

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.empty = False
        return count


class _NoRows:
    """Stands for the reader of a range without a byte."""

    def __init__(self, names: list[str]) -> None:
        self.schema = pa.schema([(name, pa.string()) for name in names])

    def __enter__(self) -> _NoRows:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(())
