"""Types of formats that carry none (CSV, JSON): from a look at the beginning of some files.

Planning looks at up to 16 files of an input, spread evenly over it, a mebibyte or a few of each. A value further on
that does not fit is an InputError when it is read, and says to declare the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from gristmill.errors import InputError, TypeConflict
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import schema_of
from gristmill.storage.formats.plan import one_schema
from gristmill.storage.formats.reader import with_partition
from gristmill.storage.listing import Listed
from gristmill.storage.parallel import in_parallel

SAMPLED_FILES = 16
DECLARE = "Declare the columns' types with the input's schema, or correct the file."


def sampled_schema(
    files: Sequence[Listed], source: FileSource, place: str, look: Callable[[Listed], pa.Schema | None]
) -> Schema:
    """The schema of all files, from ``look`` at some; None from it means that a file has no rows to tell.

    Raises InputError where no file tells and none is declared.
    """
    if source.schema is not None:
        return source.schema
    filled = [listed for listed in files if listed.entry.bytes_ > 0]
    step = max(1, len(filled) // SAMPLED_FILES)
    some = filled[::step][:SAMPLED_FILES]
    found = [
        (listed.entry.uri, schema_of(arrow))
        for listed, arrow in zip(some, in_parallel(look, some), strict=True)
        if arrow is not None
    ]
    if not found:
        raise InputError(
            "no file holds a record, so there are no columns",
            place=files[0].entry.uri,
            remedy="Declare them with the input's schema, if an input without rows is meant.",
        )
    return one_schema(found, source, place)


def fitted(batch: pa.RecordBatch, piece: FileRange, schema: Schema) -> pa.RecordBatch:
    """A parsed batch in the planned types, with Hive columns. Raises InputError where a value does not fit."""
    try:
        return with_partition(batch, piece, schema)
    except TypeConflict as conflict:
        raise InputError(f"{conflict.place}: {conflict.reason}", place=piece.uri, remedy=DECLARE) from conflict


def settled(schema: pa.Schema) -> pa.Schema:
    """Inferred Arrow types as the engine has them: microseconds, UTC, text where nothing but NULLs was seen."""
    fields = [pa.field(field.name, _settled(field.type)) for field in schema]
    return pa.schema([field for field in fields if not _empty_struct(field.type)])


def _settled(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_null(kind) or pa.types.is_binary(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_settled(kind.value_type))
    if pa.types.is_struct(kind):
        parts = [pa.field(part.name, _settled(part.type)) for part in kind]
        return pa.struct([part for part in parts if not _empty_struct(part.type)])
    return kind


def _empty_struct(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) and kind.num_fields == 0)
