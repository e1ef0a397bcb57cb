"""The logical types of a Parquet file's columns, as DuckDB reads them.

An Arrow schema, made from a footer, has no word for some of Parquet's logical types, and DuckDB knows none of Arrow's.
Called by ``footers`` and by Parquet's reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from gristmill.plan.schema import Column, Schema
from gristmill.rows.carriers import parts_of, rebuilt
from gristmill.rows.logical import Logical, Scalar, parse
from gristmill.rows.types import schema_of

_ARROW_SCHEMA = b"ARROW:schema"
_TOLD = {
    "UUID": ("BLOB", "UUID"),
    "JSON": ("VARCHAR", "JSON"),
    "INTERVAL": ("BLOB", "INTERVAL"),
    "TIME": ("TIME", "TIME WITH TIME ZONE"),
}
"""What Arrow makes of these types of Parquet (TIME: where it is adjusted to UTC), and what they are."""

_INTERVALS = {
    "s": "to_seconds({})",
    "ms": "to_milliseconds({})",
    "us": "to_microseconds({})",
    "ns": "to_microseconds({} // 1000)",
}


def parquet_schema(metadata: Any) -> Schema:
    """The columns of a footer, which is pyarrow's. Raises TypeConflict for a type without a logical type."""
    columns = schema_of(metadata.schema.to_arrow_schema())
    stored = [metadata.schema.column(at) for at in range(len(metadata.schema))]
    kinds = [parse(column.type) for column in columns]
    if sum(map(_leaves, kinds)) != len(stored):
        return columns
    hinted = _ARROW_SCHEMA in (metadata.metadata or {})
    leaves = iter(stored)
    told = [_told(kind, leaves, hinted=hinted) for kind in kinds]
    return tuple(Column(column.name, str(kind)) for column, kind in zip(columns, told, strict=True))


def durations_of(metadata: Any) -> dict[str, str]:
    """Columns that Arrow stored as whole numbers of a unit of time, with the SQL that makes intervals of ``{}``.

    An interval has microseconds: what is finer is cut off.
    """
    if _ARROW_SCHEMA not in (metadata.metadata or {}):
        return {}
    fields = metadata.schema.to_arrow_schema()
    return {field.name: _INTERVALS[field.type.unit] for field in fields if pa.types.is_duration(field.type)}


def _leaves(kind: Logical) -> int:
    return sum(map(_leaves, parts_of(kind))) or 1


def _told(kind: Logical, leaves: Iterator[Any], *, hinted: bool) -> Logical:
    """The type with what its stored columns, in their order, say of its parts.

    DuckDB reads milliseconds and INT96 as microseconds; an Arrow schema in the file is believed.
    """
    if parts_of(kind):
        return rebuilt(kind, lambda part: _told(part, leaves, hinted=hinted))
    stored = next(leaves)
    raw, name = _TOLD.get(_logical_name(stored), ("", ""))
    if str(kind) == raw:
        return Scalar(name)
    micros = str(kind) == "TIMESTAMP_MS" or stored.physical_type == "INT96"
    return Scalar("TIMESTAMP") if micros and not hinted else kind


def _logical_name(stored: Any) -> str:
    if stored.converted_type == "INTERVAL":
        return "INTERVAL"
    name = str(stored.logical_type.type)
    adjusted = name != "TIME" or '"isAdjustedToUTC":true' in stored.logical_type.to_json()
    return name if adjusted else ""
