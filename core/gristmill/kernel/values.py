"""Arrow columns as Python values, as user functions get them: tuples are tuples again, and no value costs a scalar.

The opposite direction is ``rows.types.infer`` (what functions yield becomes Arrow).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.errors import TypeConflict
from gristmill.rows.carriers import logical_of
from gristmill.rows.inference import Map

_WIDE_INTEGER = 38
"""Digits of the decimal in which integers over 64 bits travel."""


def values_of(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of one column: NULL is None, a struct ``_0, _1, …`` a tuple, any other struct a dict.

    DECIMAL(38,0), which is how wide integers travel, gives int; a MAP is a ``Map``. Raises TypeConflict for what Python
    has no value for.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    types = pa.types
    if types.is_struct(kind):
        return _structs(array)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(array)
    if types.is_map(kind):
        return _maps(array)
    if types.is_time64(kind) and kind.unit == "ns":
        return _times(array)
    if types.is_decimal(kind) and kind.scale == 0 and kind.precision == _WIDE_INTEGER:
        return [None if value is None else int(value) for value in array.to_pylist()]
    plain = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if types.is_string(kind) or types.is_binary(kind) or (plain and not array.null_count):
        return array.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def rows_of(columns: Sequence[pa.Array | pa.ChunkedArray], names: Sequence[str]) -> list[dict[str, Any]]:
    """A dict for each row."""
    if not columns:
        return []
    lists = [values_of(column) for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def is_tuple(kind: pa.DataType) -> bool:
    """Whether a struct stands for a Python tuple: its fields are ``_0, _1, …``."""
    return bool(
        pa.types.is_struct(kind)
        and kind.num_fields
        and all(kind.field(at).name == f"_{at}" for at in range(kind.num_fields))
    )


def _structs(array: pa.StructArray) -> list[Any]:
    kind = array.type
    if not kind.num_fields:
        return array.to_pylist()  # type: ignore[no-any-return]
    parts = [values_of(part) for part in array.flatten()]
    names = [kind.field(at).name for at in range(kind.num_fields)]
    found: list[Any] = list(zip(*parts, strict=True))
    if not is_tuple(kind):
        found = [dict(zip(names, row, strict=True)) for row in found]
    return _with_nulls(found, array)


def _lists(array: pa.Array) -> list[Any]:
    items = values_of(pc.list_flatten(array))
    lengths = pc.list_value_length(array).fill_null(0).to_pylist()
    found: list[Any] = []
    at = 0
    for length in lengths:
        found.append(items[at : at + length])
        at += length
    return _with_nulls(found, array)


def _maps(array: pa.MapArray) -> list[Any]:
    pairs = pa.StructArray.from_arrays([array.keys, array.items], names=["_0", "_1"])
    found = _lists(pa.ListArray.from_arrays(array.offsets, pairs, mask=array.is_null()))
    try:
        return [None if value is None else Map(value) for value in found]
    except TypeError as error:
        raise TypeConflict(
            f"the keys of {logical_of(pa.field('', array.type))} cannot be those of a dict: {error}",
            place="a Python function's rows",
            remedy="Take its entries apart with SQL (map_entries), or read batches.",
        ) from error


def _times(array: pa.Array) -> list[Any]:
    try:
        return array.cast(pa.time64("us")).to_pylist()  # type: ignore[no-any-return]
    except pa.ArrowInvalid as error:
        raise TypeConflict(
            "times of Python have no nanoseconds",
            place="a Python function's rows",
            remedy="Cast the column to TIME with SQL, or read batches.",
        ) from error


def _with_nulls(found: list[Any], array: pa.Array) -> list[Any]:
    if array.null_count:
        for at in pc.indices_nonzero(array.is_null()).to_pylist():
            found[at] = None
    return found
