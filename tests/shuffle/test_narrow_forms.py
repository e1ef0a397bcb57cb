"""Narrow forms hold every whole number, NULL and edge of every type, and come back as they were."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.shuffle.narrow import bytes_saved, is_narrow, joined, narrowed, widened_table

REPEAT = 1100
"""So many times each value: a few rows are not narrowed."""
WHOLE = [
    *(pa.int16(), pa.int32(), pa.int64(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.date32(), pa.date64(), pa.time32("ms"), pa.time64("ns"), pa.timestamp("us", "UTC"), pa.duration("s")),
]
RANGES = [0, 1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1]


def limits(kind: pa.DataType) -> tuple[int, int]:
    bits = kind.bit_width
    return (0, 2**bits - 1) if pa.types.is_unsigned_integer(kind) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def column_of(words: list[int | None], kind: pa.DataType) -> pa.Array:
    sign = "u" if pa.types.is_unsigned_integer(kind) else ""
    return pa.array(words * REPEAT, f"{sign}int{kind.bit_width}").view(kind)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(WHOLE), st.integers(0, 3))
def test_whole_numbers_come_back_as_they_were(data: st.DataObject, kind: pa.DataType, skip: int) -> None:
    low, high = limits(kind)
    base = data.draw(st.one_of(st.sampled_from([low, 0, high]), st.integers(low, high)))
    spread = data.draw(st.sampled_from(RANGES))
    inside = st.integers(max(low, base - spread), min(high, base + spread))
    words = data.draw(st.lists(st.one_of(st.none(), inside), min_size=1, max_size=5))
    table = pa.table({"v": column_of(words, kind), "x": np.arange(len(words) * REPEAT) / 2}).slice(skip)
    form = narrowed(table)
    assert widened_table(form, table.schema) == table
    assert form.column("x").type == pa.float64()
    known = [word for word in words if word is not None]
    if known and max(known) - min(known) < 256:
        assert form.schema.field("v").type == pa.uint8()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(-300, 300), st.integers(-(2**63), 2**63 - 1), st.integers(-(10**38) + 1, 10**38 - 1)
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([(15, 2), (18, 0), (38, 10)]),
)
def test_decimals_come_back_as_they_were(unscaled: list[int | None], digits: tuple[int, int]) -> None:
    width, scale = digits
    kept = [n if n is None or abs(n) < 10**width else n % 10**width for n in unscaled]
    values = [None if n is None else Decimal(f"{n}e-{scale}") for n in kept]
    table = pa.table({"d": pa.array(values * REPEAT, pa.decimal128(width, scale))})
    form = narrowed(table)
    assert widened_table(form, table.schema) == table
    assert is_narrow(form.schema) == all(n is None or -(2**63) <= n < 2**63 for n in kept)


def test_chunks_become_one_narrow_column_and_the_bytes_saved_are_told() -> None:
    pieces = [pa.table({"k": np.arange(at, at + 600), "s": ["x"] * 600}) for at in (0, 600, 1200)]
    table = pa.concat_tables(pieces)
    form = narrowed(table)
    assert form.column("k").num_chunks == 1
    assert form.column("k").type == pa.uint16()
    assert bytes_saved(form.schema, table.schema) == 6
    assert widened_table(form, table.schema) == table
    assert narrowed(form) is form


def test_few_rows_stay_wide() -> None:
    table = pa.table({"k": [1, 2, 3]})
    assert narrowed(table) is table


def test_tables_of_one_form_are_joined_and_others_stay_apart() -> None:
    small, large = (narrowed(pa.table({"k": np.arange(2000) + base})) for base in (0, 70_000))
    assert [table.num_rows for table in joined([small, small])] == [4000]
    assert [table.num_rows for table in joined([small, large])] == [2000, 2000]


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("memory", [60_000, 1 << 30])
def test_blocks_of_several_forms_are_read_back_in_order(
    small_exchange: Callable[..., Any], compression: str | None, memory: int
) -> None:
    bases = [0, 10, -5, 70_000, 2**40, -(2**50)]
    tables = [
        pa.table(
            {"k": pa.array(np.arange(3000) % 50 + base), "d": pa.array([Decimal(base)] * 3000, pa.decimal128(20, 2))}
        )
        for base in bases
    ]
    spec = Exchange(ExchangeKind.SINGLE, 1)
    exchange = small_exchange(spec, [pa.concat_tables(tables), *tables], memory_bytes=memory, compression=compression)
    assert exchange.read(0) == pa.concat_tables([*tables, *tables]).combine_chunks()
    assert memory == 60_000 or exchange.outputs[1].bytes_ < tables[0].nbytes / 3
    assert [output.checksum for output in exchange.outputs[1:]] == [
        output.checksum for output in small_exchange(spec, tables).outputs
    ]
