"""JSON lines: an object per line, byte ranges cut at newlines, parsed by pyarrow into the planned types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.json

from gristmill.errors import InputError
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import arrow_schema
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.formats.inferred import DECLARE, fitted, sampled_schema, settled
from gristmill.storage.formats.plan import FormatPlan, whole_piece
from gristmill.storage.formats.reader import SplitReader
from gristmill.storage.formats.text import byte_pieces
from gristmill.storage.lines import blocks, text_of
from gristmill.storage.listing import Listed
from gristmill.storage.readable import refuse_binary
from gristmill.storage.stores import Stores

_SAMPLE_BYTES = 1 << 20


def plan_json(files: Sequence[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Byte ranges. Objects may lack keys, so schemas of samples are always unified."""

    def look(listed: Listed) -> pa.Schema | None:
        filesystem = stores.filesystem(listed.entry.uri)
        refuse_binary(listed.entry, filesystem, "json")
        return _sample(listed, filesystem)

    schema = sampled_schema(files, replace(source, unify=True), place, look)
    return FormatPlan(schema, [piece for listed in files for piece in byte_pieces(listed, source)])


def _sample(listed: Listed, filesystem: Filesystem) -> pa.Schema | None:
    piece = whole_piece(listed, end=min(_SAMPLE_BYTES, listed.entry.bytes_))
    offset, block = next(blocks(piece, filesystem, _SAMPLE_BYTES), (0, b""))
    if not block.strip():
        return None
    return settled(_parse(piece, offset, block, None).schema)


class JsonReader(SplitReader):
    """Rows of byte ranges."""

    def schema(self) -> Schema:
        """The planned schema."""
        if self.source.schema is None:
            raise InputError("a JSON split is read with its planned schema", place=self.split.pieces[0].uri)
        return self.source.schema

    def located(self, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """Batches of a block of lines each."""
        schema = self.chosen(columns)
        for piece in self.split.pieces:
            filesystem = self.unchanged(piece)
            wanted = _parse_schema(schema, piece)
            number = 0
            for offset, block in blocks(piece, filesystem):
                for batch in _parse(piece, offset, block, wanted).to_batches():
                    yield piece.uri, number, fitted(batch, piece, schema)
                    number += batch.num_rows


def _parse(piece: FileRange, offset: int, block: bytes, wanted: pa.Schema | None) -> pa.Table:
    text_of(piece.uri, offset, block)
    parsing: dict[str, Any] = {"explicit_schema": wanted, "unexpected_field_behavior": "ignore"} if wanted else {}
    try:
        return pa.json.read_json(
            pa.BufferReader(block),
            read_options=pa.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pa.json.ParseOptions(**parsing),
        )
    except pa.ArrowException as error:
        raise _refused(piece, offset, block, error) from error


def _refused(piece: FileRange, offset: int, block: bytes, error: Exception) -> InputError:
    place = f"{piece.uri}, from byte {offset}"
    if block.lstrip()[:1] == b"[":
        return InputError(
            "a JSON array; JSON input is an object per line",
            place=piece.uri,
            remedy="Write each object on a line of its own: jq -c '.[]' file.json > file.jsonl",
        )
    return InputError(str(error).strip(), place=place, remedy=DECLARE)


def _parse_schema(schema: Schema, piece: FileRange) -> pa.Schema:
    """Arrow types to parse into: text for those that JSON has no form of, cast afterwards."""
    hive = {name for name, _ in piece.partition}
    return pa.schema([pa.field(f.name, _parse_type(f.type)) for f in arrow_schema(schema) if f.name not in hive])


def _parse_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_parse_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, _parse_type(part.type)) for part in kind])
    native = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_timestamp,
        pa.types.is_decimal128,
    )
    return kind if any(test(kind) for test in native) else pa.string()
