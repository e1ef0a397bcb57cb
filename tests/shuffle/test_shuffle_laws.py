"""Laws of the shuffle: whatever batches, memory, compression and partitions, rows and their order are kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.plan.exchange import Exchange, ExchangeKind, HashName
from gristmill.plan.schema import Column, SortKey
from gristmill.rows.hashing import partition_ids
from gristmill.rows.ordering import sort_indices
from gristmill.rows.types import arrow_schema, cast_table

SCHEMA = arrow_schema(
    (Column("k", "BIGINT"), Column("d", "DOUBLE"), Column("s", "VARCHAR"), Column("t", 'STRUCT("_0" BIGINT)'))
)
TIGHT = 20_000
ORDERS = [
    (),
    (SortKey("k"),),
    (SortKey("d", desc=True, nulls_first=True), SortKey("s")),
    (SortKey("s", nulls_first=True),),
    (SortKey("t._0", desc=True),),
]

rows = st.tuples(
    st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([2**62, -(2**62)])),
    st.one_of(st.none(), st.sampled_from([0.0, -0.0, math.nan, math.inf, 1.5, -1.5])),
    st.one_of(st.none(), st.text("abc\0", max_size=12)),
    st.one_of(st.none(), st.builds(lambda n: {"_0": n}, st.one_of(st.none(), st.integers(0, 3)))),
)
maps = st.lists(st.lists(rows, max_size=40), min_size=1, max_size=4)
laws = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tables_of(given_maps: list[list[tuple[Any, ...]]], repeat: int = 1) -> list[pa.Table]:
    """A table for each map, with a last column ``n`` that numbers all rows."""
    tables, number = [], 0
    for given_rows in given_maps:
        columns = list(zip(*given_rows * repeat, strict=True)) or [[]] * len(SCHEMA)
        arrays = [pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        count = len(arrays[0])
        tables.append(
            pa.Table.from_arrays(arrays, schema=SCHEMA).append_column(
                "n", pa.array(range(number, number + count), pa.int64())
            )
        )
        number += count
    return tables


def oracle(tables: list[pa.Table], spec: Exchange, partition: int) -> list[int]:
    """Numbers of the rows that the partition gets, in order."""
    whole = pa.concat_tables(tables).combine_chunks()
    if spec.kind is ExchangeKind.HASH:
        whole = whole.filter(pa.array(partition_ids(whole, spec.keys, spec.partitions, spec.hash) == partition))
    if spec.kind is ExchangeKind.FORWARD:
        whole = tables[partition]
    return whole.take(pa.array(sort_indices(whole, spec.order))).column("n").to_pylist()


@laws
@given(
    maps,
    st.sampled_from([ExchangeKind.HASH, ExchangeKind.SINGLE, ExchangeKind.BROADCAST, ExchangeKind.FORWARD]),
    st.sampled_from(ORDERS),
    st.sampled_from([("k",), ("d",), ("s", "k"), ("t",)]),
    st.sampled_from([1, 3, 300]),
    st.sampled_from([None, "lz4"]),
    st.sampled_from([1, 400]),
)
def test_reading_equals_an_in_memory_oracle(
    small_exchange: Callable[..., Any],
    given_maps: list[list[tuple[Any, ...]]],
    kind: ExchangeKind,
    order: tuple[SortKey, ...],
    keys: tuple[str, ...],
    partitions: int,
    compression: str | None,
    repeat: int,
) -> None:
    tables = tables_of(given_maps, repeat)
    partitions = {ExchangeKind.SINGLE: 1, ExchangeKind.FORWARD: len(tables)}.get(kind, partitions)
    spec = Exchange(kind, partitions, keys, order)
    tight = small_exchange(spec, tables, memory_bytes=TIGHT, compression=compression)
    for partition in range(0, partitions, 1 if partitions < 10 else 61):
        assert tight.read(partition).column("n").to_pylist() == oracle(tables, spec, partition)


@laws
@given(maps, st.sampled_from(ORDERS[1:]), st.sampled_from([1, 2, 7]), st.sampled_from([1, 400]))
def test_ranges_are_in_total_order_and_lose_nothing(
    small_exchange: Callable[..., Any],
    given_maps: list[list[tuple[Any, ...]]],
    order: tuple[SortKey, ...],
    partitions: int,
    repeat: int,
) -> None:
    tables = tables_of(given_maps, repeat)
    spec = Exchange(ExchangeKind.RANGE, partitions, order=order)
    got = [
        number
        for part in small_exchange(spec, tables, memory_bytes=TIGHT).read_all()
        for number in part.column("n").to_pylist()
    ]
    assert got == oracle(tables, spec, 0)


@laws
@given(maps, st.sampled_from(ORDERS), st.sampled_from([ExchangeKind.HASH, ExchangeKind.RANGE]))
def test_memory_and_compression_change_neither_rows_nor_checksum(
    small_exchange: Callable[..., Any],
    given_maps: list[list[tuple[Any, ...]]],
    order: tuple[SortKey, ...],
    kind: ExchangeKind,
) -> None:
    tables = tables_of(given_maps, 400)
    spec = Exchange(kind, 3, ("k",), order or ORDERS[1])
    roomy = small_exchange(spec, tables)
    tight = small_exchange(spec, tables, memory_bytes=TIGHT, compression="lz4")
    assert [o.checksum for o in roomy.outputs] == [o.checksum for o in tight.outputs]
    assert [o.sample for o in roomy.outputs] == [o.sample for o in tight.outputs]
    for left, right in zip(roomy.read_all(), tight.read_all(), strict=True):
        assert left.column("n").equals(right.column("n"))
    if any(table.num_rows for table in tables):
        assert any(file.bytes_spilled for file in tight.written)
    assert not any(tight.folder.glob("spill/*"))
    assert not any(tight.folder.glob("reader/*"))


@pytest.mark.parametrize("order", [(), (SortKey("k"),)])
def test_equal_numbers_meet_whatever_type_each_map_gave_them(
    small_exchange: Callable[..., Any], order: tuple[SortKey, ...]
) -> None:
    numbers = [*range(-50, 50), 2**53 + 1, None]
    tables = [
        pa.table({"k": pa.array(numbers, pa.int64())}),
        pa.table({"k": pa.array([None if n is None else float(n) for n in numbers])}),
        cast_table(pa.table({"k": pa.array(numbers, pa.int64())}), (Column("k", "DECIMAL(30,2)"),)),
        pa.table({"k": pa.array(range(100), pa.uint8())}),
        pa.table({"k": pa.nulls(3)}),
    ]
    exchange = small_exchange(Exchange(ExchangeKind.HASH, 7, ("k",), order), tables)
    parts = [set(part.column("k").to_pylist()) for part in exchange.read_all()]
    assert sum(len(part) for part in parts) == len(set().union(*parts)) == 152
    assert {field.type for part in exchange.read_all() for field in part.schema} == {pa.float64()}


def test_a_map_may_change_the_type_of_its_rows_midway(small_exchange: Callable[..., Any]) -> None:
    spec = Exchange(ExchangeKind.HASH, 3, ("k",), (SortKey("k"),))
    first = pa.table({"k": np.arange(5000), "v": ["x"] * 5000})
    second = pa.table({"k": np.arange(5000) + 0.5, "w": [(1)] * 5000})
    exchange = small_exchange(spec, memory_bytes=TIGHT)
    writer_input = [*first.to_batches(max_chunksize=500), *second.to_batches(max_chunksize=500)]
    exchange.map(_Batches(writer_input, first.schema))
    assert [column.type for column in exchange.outputs[0].schema] == ["DOUBLE", "VARCHAR", "BIGINT"]
    keys = sorted(key for part in exchange.read_all() for key in part.column("k").to_pylist())
    assert keys == [number / 2 for number in range(10_000)]


class _Batches:
    """A table in name only: batches of different types."""

    def __init__(self, batches: list[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = batches
        self.schema = schema

    def to_batches(self, max_chunksize: int) -> list[pa.RecordBatch]:
        return self._batches


def test_duckdbs_hash_keeps_equal_keys_together(small_exchange: Callable[..., Any]) -> None:
    table = pa.table({"k": [f"key {number % 97}" for number in range(5000)]})
    spec = Exchange(ExchangeKind.HASH, 8, ("k",), hash=HashName.DUCKDB)
    parts = [set(part.column("k").to_pylist()) for part in small_exchange(spec, [table, table]).read_all()]
    assert sum(len(part) for part in parts) == 97
    assert sum(bool(part) for part in parts) == 8
