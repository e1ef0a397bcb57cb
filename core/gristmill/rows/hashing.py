"""Which partition a row belongs to: the hash ``gm1``, and DuckDB's own.

``gm1`` is documented in docs/semantics.md ("Partitioning") and never changes, since manifests name it: whoever reads
a job's output may rely on it. It depends on no version of Python, numpy or DuckDB. Keys that are equal after their
types were unified hash equal whatever type each file gave them: all numbers by their nearest double, all instants by
seconds and nanoseconds, text by its UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.errors import InvalidPlan
from gristmill.plan.exchange import HashName
from gristmill.plan.schema import Column
from gristmill.rows.buffers import decimal_halves, fixed_values, is_bytes, null_mask, text_buffers
from gristmill.rows.carriers import carrier, logical_of
from gristmill.rows.casting import cast_array, duckdb_cast_list
from gristmill.rows.duck import query
from gristmill.rows.logical import ArrayOf, ListOf, Logical, MapOf, Scalar, StructOf, UnionOf
from gristmill.rows.ordering import key_column
from gristmill.rows.words import big_endian, struct_parts

Hashes = npt.NDArray[np.uint64]
PartitionIds = npt.NDArray[np.unsignedinteger[Any]]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x6E756C6C_6E756C6C)
_BOOLEAN = np.uint64(0x626F6F6C_626F6F6C)
_TEXT = np.uint64(0x74657874_74657874)
_TIME = np.uint64(0x74696D65_74696D65)
_LIST = np.uint64(0x6C697374_6C697374)
_STRUCT = np.uint64(0x73747263_73747263)
_LONG_BYTES = 1024
_HASHED_ROWS = 1 << 16
"""So many rows at once that what is in between stays in a core's cache."""


def partition_ids(
    batch: pa.RecordBatch | pa.Table, keys: Sequence[str], partitions: int, hash_: HashName = HashName.GM1
) -> PartitionIds:
    """The partition of each row, 0 to ``partitions`` - 1, by the columns (or dotted paths) ``keys``.

    uint8, uint16 or uint32, the smallest that holds them. Raises InvalidPlan for a key that is no column, and for
    DuckDB's hash with a number of partitions that is no power of two.
    """
    kind = np.uint8 if partitions <= 1 << 8 else np.uint16 if partitions <= 1 << 16 else np.uint32
    if partitions == 1:
        return np.zeros(batch.num_rows, np.uint8)
    if hash_ is HashName.DUCKDB:
        if partitions & (partitions - 1):
            raise InvalidPlan(f"{partitions} partitions with DuckDB's hash", remedy="Take a power of two.")
        return (_hashed_by_duckdb(batch, keys) & np.uint64(partitions - 1)).astype(kind)
    # A mask costs less than a remainder, and gives the same for a power of two.
    reduce, by = (np.remainder, partitions) if partitions & (partitions - 1) else (np.bitwise_and, partitions - 1)
    ids = np.empty(batch.num_rows, kind)
    for first in range(0, batch.num_rows, _HASHED_ROWS):
        ids[first : first + _HASHED_ROWS] = reduce(key_hashes(batch.slice(first, _HASHED_ROWS), keys), np.uint64(by))
    return ids


def _hashed_by_duckdb(batch: pa.RecordBatch | pa.Table, keys: Sequence[str]) -> Hashes:
    found = [key_column(batch, key) for key in keys]
    fields = [field.with_name(f"k{at}") for at, (_, field) in enumerate(found)]
    schema = tuple(Column(field.name, str(logical_of(field))) for field in fields)
    terms = ", ".join(column.name for column in schema)
    given = pa.table([column for column, _ in found], schema=pa.schema(fields))
    hashes = query(f"SELECT hash({terms}) FROM (SELECT {duckdb_cast_list(schema)} FROM given)", given)
    as_numpy: Hashes = hashes.column(0).to_numpy()
    return as_numpy


def key_hashes(batch: pa.RecordBatch | pa.Table, keys: Sequence[str]) -> Hashes:
    """The ``gm1`` hash of each row's key, uint64."""
    if not keys:
        return np.zeros(batch.num_rows, np.uint64)
    combined = hash_column(*key_column(batch, keys[0]))
    for key in keys[1:]:
        combined *= _GOLDEN
        combined += hash_column(*key_column(batch, key))
        mix(combined)
    return combined


def mix(words: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014) on every word, in place."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def hash_column(column: pa.Array, field: pa.Field) -> Hashes:
    """The hash of each value of one column; ``field`` tells its logical type."""
    kind = logical_of(field)
    column = cast_array(column, carrier(kind), field.name)
    if isinstance(kind, UnionOf):
        return _members(_union_parts(column), len(column))
    hashes = _hash_values(column, kind)
    missing = null_mask(column)
    if missing is not None:
        hashes[missing] = _NULL
    return hashes


def _hash_values(column: pa.Array, kind: Logical) -> Hashes:
    match kind:
        case Scalar("NULL"):
            return np.full(len(column), _NULL)
        case Scalar("BOOLEAN"):
            return mix(fixed_flags(column) + _BOOLEAN)
        case Scalar("UHUGEINT"):
            return _hash_doubles(_by_distinct(column, float))
        case Scalar("INTERVAL"):
            return mix(_interval_micros(column) + _TIME)
        case Scalar(name) if name.startswith(("DATE", "TIME")) and not is_bytes(column.type):
            return _hash_times(column, name)
        case StructOf() | Scalar("VARIANT"):
            return _members(struct_parts(column), len(column))
        case ListOf() | ArrayOf() | MapOf():
            return _hash_lists(column)
    return _hash_bytes(column) if is_bytes(column.type) else _hash_doubles(_doubles(column))


def fixed_flags(column: pa.Array) -> Hashes:
    """A BOOLEAN column as 0 and 1."""
    flags: Hashes = pc.cast(column, pa.uint64()).fill_null(0).to_numpy().copy()
    return flags


def _hash_doubles(doubles: npt.NDArray[np.float64]) -> Hashes:
    doubles = doubles + 0.0
    unordered = np.isnan(doubles)
    if unordered.any():
        doubles[unordered] = np.nan
    return mix(doubles.view(np.uint64))


def _doubles(column: pa.Array) -> npt.NDArray[np.float64]:
    """Every number as the double nearest to it."""
    if pa.types.is_decimal(column.type):
        return _decimals_as_doubles(column)
    doubles: npt.NDArray[np.float64] = fixed_values(column).astype(np.float64)
    return doubles


def _decimals_as_doubles(column: pa.Array) -> npt.NDArray[np.float64]:
    low, high = decimal_halves(column)
    unscaled = low.view(np.int64)
    scale = column.type.scale
    wide = high != unscaled >> 63
    if scale:
        wide |= np.abs(unscaled) >= 1 << 53
        wide |= scale > 22
    doubles: npt.NDArray[np.float64] = unscaled.astype(np.float64) / 10.0 ** min(scale, 22)
    for row in np.flatnonzero(wide):
        whole = (int(high[row]) << 64) + int(low[row])
        doubles[row] = whole / 10**scale
    return doubles


def _by_distinct(column: pa.Array, convert: Callable[[Any], float]) -> npt.NDArray[np.float64]:
    codes = pc.dictionary_encode(column.fill_null("0"))
    values = np.array([convert(int(text)) for text in codes.dictionary.to_pylist()], np.float64)
    places: npt.NDArray[np.int32] = codes.indices.to_numpy()
    return values[places]


_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _hash_times(column: pa.Array, name: str) -> Hashes:
    values = fixed_values(column)
    ticks = values.astype(np.int64)
    per_second = _UNITS.get(getattr(column.type, "unit", ""), 1)
    seconds, rest = np.divmod(ticks, per_second)
    if name == "DATE":
        seconds = ticks * 86_400
    if not name.startswith("TIME") or name.startswith("TIMESTAMP"):
        limits = np.iinfo(values.dtype)
        endless = (values == limits.max) | (values == -limits.max)
        seconds = np.where(endless, np.where(values > 0, 2**62, -(2**62)), seconds)
        rest = np.where(endless, 0, rest)
    hashes = mix(seconds.view(np.uint64) + _TIME)
    nanos = (rest * (10**9 // per_second)).view(np.uint64)
    return mix(hashes + nanos)


def _interval_micros(column: pa.Array) -> Hashes:
    """All of an interval as microseconds, a month as 30 days: DuckDB's intervals are equal when these are."""
    if len(column) == 0:
        return np.empty(0, np.uint64)
    form = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    parts = np.frombuffer(column.buffers()[1], form, len(column), column.offset * 16)
    days = parts["months"].astype(np.int64) * 30 + parts["days"]
    micros: npt.NDArray[np.int64] = days * 86_400_000_000 + parts["nanos"] // 1000
    return micros.view(np.uint64)


def _hash_bytes(column: pa.Array) -> Hashes:
    starts, lengths, data = text_buffers(column)
    hashes = mix(lengths.astype(np.uint64) * _GOLDEN + _TEXT)
    for row in np.flatnonzero(lengths > _LONG_BYTES):
        hashes[row] = _hash_long(hashes[row], data, starts[row], lengths[row])
    rows = np.flatnonzero((lengths > 0) & (lengths <= _LONG_BYTES))
    depth = 0
    while len(rows):
        word = big_endian(data, starts[rows] + 8 * depth, np.minimum(lengths[rows] - 8 * depth, 8))
        hashes[rows] = mix(hashes[rows] * _GOLDEN + word)
        depth += 1
        rows = rows[lengths[rows] > 8 * depth]
    return hashes


def _hash_long(start: np.uint64, data: npt.NDArray[np.uint8], first: int, length: int) -> np.uint64:
    """All words of one long text at once: one after the other would take a second for each megabyte."""
    at = np.arange(0, length, 8)
    words = big_endian(data, first + at, np.minimum(length - at, 8))
    places = np.arange(1, len(words) + 1, dtype=np.uint64) * _GOLDEN
    total = np.sum(mix(words + places), dtype=np.uint64, keepdims=True)
    return np.uint64(mix(np.array([start]) * _GOLDEN + total)[0])


def _members(parts: list[tuple[pa.Array, pa.Field]], rows: int) -> Hashes:
    """Fields that are not NULL, each by its name: a field that another file lacks changes nothing."""
    total = np.full(rows, _STRUCT)
    for part, field in parts:
        name = _hash_bytes(pa.array([field.name]))[0]
        hashes = mix(hash_column(part, field) + name)
        missing = null_mask(part)
        if missing is not None:
            hashes[missing] = 0
        if not pa.types.is_null(part.type):
            total += hashes
    return mix(total)


def _union_parts(column: pa.UnionArray) -> list[tuple[pa.Array, pa.Field]]:
    tags = np.asarray(column.type_codes)
    parts = []
    for at in range(column.type.num_fields):
        rows = pa.array(np.arange(len(column)), mask=tags != column.type.type_codes[at])
        parts.append((column.field(at).take(rows), column.type.field(at)))
    return parts


def _hash_lists(column: pa.Array) -> Hashes:
    items, field, starts, lengths = _list_parts(column)
    places = np.arange(len(items)) - np.repeat(starts, lengths)
    hashed = mix(hash_column(items, field) + (places.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)])
    return mix(sums[starts + lengths] - sums[starts] + lengths.astype(np.uint64) * _GOLDEN + _LIST)


def _list_parts(column: pa.Array) -> tuple[pa.Array, pa.Field, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The items of all lists one after another, their field, and each list's start and length there."""
    if pa.types.is_map(column.type):
        column = column.take(pa.array(np.arange(len(column)))) if column.offset or column.null_count else column
        fields = [column.type.key_field.with_name("key"), column.type.item_field.with_name("value")]
        entries = pa.StructArray.from_arrays([column.keys, column.items], fields=fields)
        counts = np.diff(column.offsets.to_numpy()).astype(np.int64)
        return entries, pa.field("entries", entries.type), np.cumsum(counts) - counts, counts
    lengths = pc.list_value_length(column).fill_null(0)
    counts = lengths.to_numpy().astype(np.int64)
    return column.flatten(), column.type.value_field, np.cumsum(counts) - counts, counts
