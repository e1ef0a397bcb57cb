"""Python values to a typed Arrow array: what a Python fragment yielded, or a literal a user gave.

The kernel calls it for each column of each batch of records. Values of one plain type take a fast path; the rest is
unified by the same rules as schemas. Nothing is pickled.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from gristmill.errors import TypeConflict
from gristmill.rows.carriers import carrier, logical_of
from gristmill.rows.casting import cast_array
from gristmill.rows.logical import Decimal
from gristmill.rows.unifying import unify_types

_INT64 = range(-(2**63), 2**63)
_PLAIN: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    dt.date: pa.date32(),
    dt.time: pa.time64("us"),
}


class Map(dict[Any, Any]):
    """The value of a MAP, whose keys differ from row to row: a dict that stays a MAP where other dicts are structs."""


def infer(values: Sequence[object], place: str) -> pa.Array:
    """The values as one typed array.

    int is BIGINT, or DECIMAL(38,0) where one needs over 64 bits; int and float together DOUBLE; a tuple is a struct
    ``_0, _1, ...``, a list a list, a dict a struct of its keys, or a MAP where none of them is a str; None is NULL.
    Raises TypeConflict, which names ``place`` and the number of the record (from 0), for what cannot be one column.
    """
    kinds = set(map(type, values)) - {type(None)}
    try:
        return _infer(values, kinds, place)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise TypeConflict(f"the values fit no column type: {error}", place=place) from error


def _infer(values: Sequence[Any], kinds: set[type], place: str) -> pa.Array:
    if not kinds:
        return pa.nulls(len(values))
    if len(kinds) > 1:
        return _infer_mixed(values, kinds, place)
    kind = next(iter(kinds))
    if (plain := _PLAIN.get(kind)) is not None:
        return pa.array(values, plain)
    if (build := _BUILDERS.get(kind)) is not None:
        return build(values, place)
    return _infer_unknown(values, kind, place)


def _infer_mixed(values: Sequence[Any], kinds: set[type], place: str) -> pa.Array:
    import pyarrow.compute as pc

    if kinds == {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    parts: list[tuple[type, pa.Array]] = []
    for kind in sorted(kinds, key=lambda each: _first(values, each)):
        chosen = [value if type(value) is kind else None for value in values]
        parts.append((kind, _infer(chosen, {kind}, place)))
    target = logical_of(pa.field("", parts[0][1].type))
    for kind, part in parts[1:]:
        together = unify_types(target, logical_of(pa.field("", part.type)))
        if together is None:
            raise _conflict(values, kinds, kind, place)
        target = together
    wanted = carrier(target)
    merged = [cast_array(part, wanted, place) for _, part in parts]
    return pc.coalesce(*merged)


def _first(values: Sequence[Any], kind: type) -> int:
    return next(at for at, value in enumerate(values) if type(value) is kind)


def _integers(values: Sequence[Any], place: str) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):
        exact = [None if value is None else decimal.Decimal(value) for value in values]
    widest = max(abs(value) for value in values if value is not None)
    if widest >= 10**38:
        at = next(at for at, value in enumerate(values) if value is not None and abs(value) >= 10**38)
        raise TypeConflict(
            "the integer has more than 38 digits", place=f"{place}, record {at}", remedy="Yield it as str or float."
        )
    return pa.array(exact, carrier(Decimal(38, 0)))


def _decimals(values: Sequence[Any], place: str) -> pa.Array:
    inferred = pa.array(values)
    if pa.types.is_decimal256(inferred.type):
        raise TypeConflict("the decimals need more than 38 digits together", place=place, remedy="Round, or use float.")
    return inferred


def _tuples(values: Sequence[Any], place: str) -> pa.Array:
    widths = {len(value) for value in values if value is not None}
    if len(widths) > 1:
        first = len(next(value for value in values if value is not None))
        at = next(at for at, value in enumerate(values) if value is not None and len(value) != first)
        raise TypeConflict(
            f"a tuple of {len(values[at])} after tuples of {first}",
            place=f"{place}, record {at}",
            remedy="Yield tuples of one length, or lists.",
        )
    return _struct(values, [(f"_{at}", at) for at in range(widths.pop())], place)


def _dicts(values: Sequence[Any], place: str) -> pa.Array:
    names = dict.fromkeys(name for value in values if value is not None for name in value)
    strangers = [name for name in names if not isinstance(name, str)]
    if strangers and len(strangers) == len(names):
        return _maps(values, place)
    if strangers:
        raise TypeConflict(f"dicts have str keys, and the key {strangers[0]!r}, which is not a str", place=place)
    return _struct(values, [(name, name) for name in names], place)


def _struct(values: Sequence[Any], members: list[tuple[str, Any]], place: str) -> pa.Array:
    get: Callable[[Any, Any], Any] = lambda value, key: value.get(key) if type(value) is dict else value[key]  # noqa: E731
    columns = [
        infer([None if value is None else get(value, key) for value in values], f"{place}.{name}")
        for name, key in members
    ]
    fields = [pa.field(name, column.type) for (name, _), column in zip(members, columns, strict=True)]
    missing = pa.array([value is None for value in values], pa.bool_())
    if not fields:
        return pa.array([None if value is None else {} for value in values], pa.struct([]))
    return pa.StructArray.from_arrays(columns, fields=fields, mask=missing)


def _maps(values: Sequence[Any], place: str) -> pa.Array:
    there = [value for value in values if value is not None]
    keys = infer([key for value in there for key in value], f"{place}, keys")
    if keys.null_count:
        raise TypeConflict("a MAP has the key None", place=place)
    items = infer([item for value in there for item in value.values()], f"{place}, values")
    return pa.MapArray.from_arrays(_offsets(values), keys, items)


def _lists(values: Sequence[Any], place: str) -> pa.Array:
    items = infer([item for value in values if value is not None for item in value], f"{place}[]")
    return pa.ListArray.from_arrays(_offsets(values), items)


def _offsets(values: Sequence[Any]) -> pa.Array:
    """Where each list begins among all items, and the end of the last; that of a NULL is NULL."""
    offsets: list[int | None] = []
    end = 0
    for value in values:
        offsets.append(None if value is None else end)
        end += 0 if value is None else len(value)
    offsets.append(end)
    return pa.array(offsets, pa.int32())


def _timestamps(values: Sequence[Any], place: str) -> pa.Array:
    zoned = [value.tzinfo is not None for value in values if value is not None]
    if stranger := next((v for v in values if v is not None and (v.tzinfo is not None) != zoned[0]), None):
        at = next(at for at, value in enumerate(values) if value is stranger)
        raise TypeConflict("some timestamps have a time zone and some have none", place=f"{place}, record {at}")
    fine = any(getattr(value, "unit", "us") == "ns" for value in values)  # pandas' own: what a TIMESTAMP_NS comes as
    return pa.array(values, pa.timestamp("ns" if fine else "us", "UTC" if zoned[0] else None))


def _intervals(values: Sequence[Any], place: str) -> pa.Array:
    spans = [
        None if v is None else pa.MonthDayNano([0, v.days, (v.seconds * 10**6 + v.microseconds) * 1000]) for v in values
    ]
    return pa.array(spans, pa.month_day_nano_interval())


def _uuids(values: Sequence[Any], place: str) -> pa.Array:
    return pa.array([None if value is None else value.bytes for value in values], pa.uuid())


_BUILDERS: dict[type, Callable[[Sequence[Any], str], pa.Array]] = {
    int: _integers,
    decimal.Decimal: _decimals,
    tuple: _tuples,
    list: _lists,
    dict: _dicts,
    Map: _maps,
    dt.datetime: _timestamps,
    dt.timedelta: _intervals,
    pa.MonthDayNano: lambda values, _: pa.array(values, pa.month_day_nano_interval()),
    uuid.UUID: _uuids,
    bytearray: lambda values, place: pa.array([None if v is None else bytes(v) for v in values], pa.binary()),
}

_AS_THEY_ARE = (dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID)
"""Types that cannot be made from a value of theirs, as they can from str or int."""


def _infer_unknown(values: Sequence[Any], kind: type, place: str) -> pa.Array:
    """numpy scalars, subclasses of plain types (namedtuples, IntEnum, str enums): as what they stand for."""
    if hasattr(values[_first(values, kind)], "item"):
        return infer([None if value is None else value.item() for value in values], place)
    for base in kind.__mro__[1:]:
        if base in _AS_THEY_ARE:
            return _infer(values, {base}, place)
        if base in _PLAIN or base in _BUILDERS:
            return infer([None if value is None else base(value) for value in values], place)
    raise TypeConflict(
        f"a value of type {kind.__qualname__} fits no column",
        place=f"{place}, record {_first(values, kind)}",
        remedy="Yield numbers, str, bytes, dates, lists, tuples or dicts of them.",
    )


def _conflict(values: Sequence[Any], kinds: set[type], kind: type, place: str) -> TypeConflict:
    others = ", ".join(sorted(each.__qualname__ for each in kinds - {kind}))
    return TypeConflict(
        f"a value of type {kind.__qualname__} in a column of {others}",
        place=f"{place}, record {_first(values, kind)}",
        remedy="Yield one type, or declare the column's type.",
    )
