"""Carriers: the Arrow type in which each logical type travels, and the logical type that an Arrow type stands for.

Most types travel as themselves. A type that Arrow or pyarrow cannot hold exactly travels as text (or a wide integer as
decimal128) and is cast back by name; docs/types.md has the table. Nothing here moves data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa

from gristmill.errors import TypeConflict
from gristmill.rows.logical import (
    ArrayOf,
    Decimal,
    Enum,
    ListOf,
    Logical,
    MapOf,
    Scalar,
    StructOf,
    UnionOf,
    parse,
)

TYPE_KEY = b"gristmill.type"
"""Field metadata that holds the logical type, where the Arrow type alone does not tell it."""

_EXTENSION_KEY = b"ARROW:extension:name"

_SCALARS: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIME_NS": pa.time64("ns"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "TIMESTAMPTZ_NS": pa.timestamp("ns", "UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
    "NULL": pa.null(),
}
_BY_ARROW = {carrier: Scalar(name) for name, carrier in _SCALARS.items()}
_CARRIED: dict[str, pa.DataType] = {
    "HUGEINT": pa.decimal128(38, 0),
    "UHUGEINT": pa.string(),
    "TIME WITH TIME ZONE": pa.string(),
    "BIT": pa.string(),
    "BIGNUM": pa.string(),
    "UUID": pa.string(),
    "JSON": pa.string(),
}
_EXTENSIONS: dict[str, tuple[pa.DataType, dict[bytes, bytes]]] = {
    "GEOMETRY": (pa.binary(), {_EXTENSION_KEY: b"geoarrow.wkb", b"ARROW:extension:metadata": b"{}"}),
    "VARIANT": (
        pa.struct([pa.field("metadata", pa.binary(), nullable=False), pa.field("value", pa.binary())]),
        {_EXTENSION_KEY: b"arrow.parquet.variant", b"ARROW:extension:metadata": b""},
    ),
}
_OPAQUE = {"hugeint": "HUGEINT", "uhugeint": "UHUGEINT", "time_tz": "TIME WITH TIME ZONE", "bit": "BIT"}
_NAMED_EXTENSIONS = {
    b"arrow.uuid": "UUID",
    b"arrow.json": "JSON",
    b"arrow.bool8": "BOOLEAN",
    b"geoarrow.wkb": "GEOMETRY",
    b"arrow.parquet.variant": "VARIANT",
}


@lru_cache(maxsize=4096)
def carrier(kind: Logical) -> pa.DataType:
    """The Arrow type in which ``kind`` travels."""
    match kind:
        case Scalar(name):
            return _EXTENSIONS[name][0] if name in _EXTENSIONS else (_SCALARS.get(name) or _CARRIED[name])
        case Decimal(width, scale):
            return pa.decimal128(width, scale)
        case Enum():
            return pa.string()
        case ListOf(item):
            return pa.list_(carrier_field("item", item))
        case ArrayOf(item, size):
            return pa.list_(carrier_field("item", item), size)
        case MapOf(key, value):
            return pa.map_(carrier_field("key", key).with_nullable(False), carrier_field("value", value))
        case StructOf(fields):
            return pa.struct([carrier_field(name, part) for name, part in fields])
        case UnionOf(members):
            return pa.sparse_union([carrier_field(name, part) for name, part in members])


def carrier_field(name: str, kind: Logical) -> pa.Field:
    """A field of the carrier type, with the metadata that tells the logical type where the Arrow type does not."""
    metadata: dict[bytes, bytes] = {}
    if isinstance(kind, Scalar) and kind.name in _EXTENSIONS:
        metadata = _EXTENSIONS[kind.name][1]
    elif not travels_as_itself(kind):
        metadata = {TYPE_KEY: str(kind).encode()}
    return pa.field(name, carrier(kind), metadata=metadata or None)


@lru_cache(maxsize=4096)
def travels_as_itself(kind: Logical) -> bool:
    """Whether DuckDB reads the carrier of ``kind`` back as ``kind``, without a cast."""
    match kind:
        case Scalar(name):
            return name not in _CARRIED
        case Enum():
            return False
        case _:
            return all(travels_as_itself(part) for part in parts_of(kind))


@lru_cache(maxsize=4096)
def exported_as(kind: Logical) -> Logical:
    """The type to which DuckDB casts a column before it leaves as Arrow, so that its carrier comes out.

    HUGEINT stays: DuckDB writes its 16 bytes as they are into a decimal128(38, 0), values beyond 38 digits too, and
    reads them back unchanged.
    """
    match kind:
        case Scalar(name) if name in _CARRIED and name != "HUGEINT":
            return Scalar("VARCHAR")
        case Enum():
            return Scalar("VARCHAR")
        case _:
            return rebuilt(kind, exported_as)


def parts_of(kind: Logical) -> tuple[Logical, ...]:
    """The types that a nested type is made of; none for one without parts."""
    match kind:
        case ListOf(item) | ArrayOf(item, _):
            return (item,)
        case MapOf(key, value):
            return (key, value)
        case StructOf(named) | UnionOf(named):
            return tuple(part for _, part in named)
        case _:
            return ()


def rebuilt(kind: Logical, change: Callable[[Logical], Logical]) -> Logical:
    """``kind`` with ``change`` applied to each of its parts; a type without parts stays."""
    match kind:
        case ListOf(item):
            return ListOf(change(item))
        case ArrayOf(item, size):
            return ArrayOf(change(item), size)
        case MapOf(key, value):
            return MapOf(change(key), change(value))
        case StructOf(fields):
            return StructOf(tuple((name, change(part)) for name, part in fields))
        case UnionOf(members):
            return UnionOf(tuple((name, change(part)) for name, part in members))
        case _:
            return kind


def logical_of(field: pa.Field) -> Logical:
    """The logical type that a field of any Arrow schema stands for.

    Metadata is believed only where the Arrow type is still the carrier of what it says: a column that was cast since
    keeps its metadata, and lies. Raises TypeConflict for an Arrow type that has no logical type.
    """
    metadata = field.metadata or {}
    if declared := metadata.get(TYPE_KEY):
        kind = parse(declared.decode())
        if same_carrier(carrier(kind), field.type):
            return kind
    if known := _NAMED_EXTENSIONS.get(metadata.get(_EXTENSION_KEY, b"")):
        return Scalar(known)
    return _of_type(field.type, field.name)


def same_carrier(wanted: pa.DataType, given: pa.DataType) -> bool:
    """Whether two Arrow types are the same but for the names of list items and map entries."""
    return bool(wanted == given) or _spelled(wanted) == _spelled(given)


def _spelled(kind: pa.DataType) -> object:
    if pa.types.is_map(kind):
        return ("map", _spelled(kind.key_type), _spelled(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return ("array", kind.list_size, _spelled(kind.value_type))
    if pa.types.is_list(kind):
        return ("list", _spelled(kind.value_type))
    if pa.types.is_struct(kind):
        return ("struct", tuple((part.name, _spelled(part.type)) for part in kind))
    return kind


def _of_type(kind: pa.DataType, place: str) -> Logical:
    if (found := _BY_ARROW.get(kind)) is not None:
        return found
    if isinstance(kind, pa.BaseExtensionType):
        return _of_extension(kind, place)
    return _of_parts(kind, place) or _of_variant_form(kind, place)


def _of_parts(kind: pa.DataType, place: str) -> Logical | None:
    if pa.types.is_map(kind):
        return MapOf(logical_of(kind.key_field), logical_of(kind.item_field))
    if pa.types.is_fixed_size_list(kind):
        return ArrayOf(logical_of(kind.value_field), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or _is_list_view(kind):
        return ListOf(logical_of(kind.value_field))
    if pa.types.is_struct(kind):
        return StructOf(tuple((part.name, logical_of(part)) for part in kind))
    if pa.types.is_union(kind):
        parts = [kind.field(at) for at in range(kind.num_fields)]
        return UnionOf(tuple((part.name, logical_of(part)) for part in parts))
    if pa.types.is_dictionary(kind):
        return _of_type(kind.value_type, place)
    if pa.types.is_run_end_encoded(kind):
        return _of_type(kind.value_type, place)
    return None


def _of_variant_form(kind: pa.DataType, place: str) -> Logical:
    """Other spellings of one logical type: large and view strings, other units and widths."""
    types = pa.types
    if types.is_decimal(kind) and kind.precision <= 38:
        return Decimal(kind.precision, max(kind.scale, 0))
    if types.is_timestamp(kind):
        return Scalar("TIMESTAMPTZ_NS" if kind.unit == "ns" else "TIMESTAMP WITH TIME ZONE")
    forms = [
        (types.is_large_string(kind) or types.is_string_view(kind), "VARCHAR"),
        (types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind), "BLOB"),
        (types.is_date(kind), "DATE"),
        (types.is_time(kind), "TIME"),
        (types.is_duration(kind), "INTERVAL"),
        (types.is_float16(kind), "FLOAT"),
    ]
    for matches, name in forms:
        if matches:
            return Scalar(name)
    raise TypeConflict(
        f"the Arrow type {kind} has no logical type",
        place=f"column {place!r}",
        remedy="Cast it before it leaves the fragment.",
    )


def _of_extension(kind: pa.BaseExtensionType, place: str) -> Logical:
    if known := _NAMED_EXTENSIONS.get(kind.extension_name.encode()):
        return Scalar(known)
    if kind.extension_name == "arrow.opaque" and (opaque := getattr(kind, "type_name", "")):
        return Scalar(_OPAQUE.get(opaque, opaque.upper()))
    return _of_type(kind.storage_type, place)


def _is_list_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))
