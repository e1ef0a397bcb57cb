"""The hash gm1: its published vectors never change, and equal keys hash equal whatever their type."""

from __future__ import annotations

import datetime as dt
import decimal
import math

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.plan.exchange import HashName
from gristmill.plan.schema import Column
from gristmill.rows.hashing import key_hashes, partition_ids
from gristmill.rows.types import arrow_schema, cast_table, duckdb_export_list

VECTORS = {
    "NULL": "6e756c6c6e756c6c",
    "false": "d80863581812b05d",
    "true": "e54be4c2036989ca",
    "0": "0000000000000000",
    "1": "2a20cd80798dae26",
    "-1": "460496b06c9f8487",
    "9007199254740993": "f60a593f9af9c158",
    "1.5::DOUBLE": "e72b41d4576e3468",
    "0.1::DECIMAL(3,1)": "21b06322a3ba6d47",
    "'nan'::DOUBLE": "469bf2dcc1aa179b",
    "'inf'::DOUBLE": "ce5683aaaedc68d0",
    "18446744073709551616::HUGEINT": "a03acd0facab12d1",
    "''": "e41cf4ca16c8ac88",
    "'a'": "268d6762ec0a94ad",
    "'abcdefgh'": "4daa1585905c388b",
    "'abcdefghi'": "345e8851d506e265",
    "'Straße'": "b58711b6bc1b0ab2",
    "repeat('a', 1024)": "436122a6dd26f3c1",
    "repeat('a', 1025)": "80b916409288d9c4",
    "'\\x00'::BLOB": "79992e510b6973cf",
    "DATE '2020-02-29'": "ef0c612b39c744a6",
    "TIMESTAMP '2020-02-29 12:34:56.789012'": "9d3d1335c3b0c5ef",
    "TIME '12:34:56'": "91c81b6e0d600b8c",
    "'12:34:56+02'::TIMETZ": "ca060835f5cc985f",
    "INTERVAL '1 month'": "ca9b43dda9da9a97",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID": "d090e87805116e7f",
    "'0101'::BIT": "0b06acf22d96dc3f",
    "[]::INTEGER[]": "4f51dc74a4d99d8f",
    "[1, NULL, 3]": "fd55d28a1c193434",
    "['a', 'b']": "97420cf2c9a6254c",
    "{'a': 1, 'b': 'x'}": "440d9aee58ff8183",
    "{'a': NULL::INTEGER}": "eb404615008b3b18",
    "MAP {'a': 1}": "6a807ca2e78c85ba",
    "'x'::UNION(n INTEGER, s VARCHAR)": "d420001de2b64a2d",
    "'{\"a\": 1}'::JSON": "a8f3cf2271d21aa7",
}


def hashed(expression: str) -> int:
    """The hash of one value that DuckDB computes from ``expression``."""
    con = duckdb.connect()
    relation = con.sql(f"SELECT {expression} AS v")
    schema = (Column("v", str(relation.types[0])),)
    exported = con.sql(f"SELECT {duckdb_export_list(schema)} FROM (SELECT {expression} AS v)").to_arrow_table()
    return int(key_hashes(cast_table(exported, schema), ["v"])[0])


@pytest.mark.parametrize("expression", VECTORS)
def test_published_vectors_hold(expression: str) -> None:
    assert f"{hashed(expression):016x}" == VECTORS[expression]


def test_several_columns_combine_in_order() -> None:
    table = pa.table({"a": [1], "b": ["x"]})
    assert f"{key_hashes(table, ['a', 'b'])[0]:016x}" == "feb5c47ef017b3f1"
    assert f"{key_hashes(table, ['b', 'a'])[0]:016x}" == "0d4a497e9786eec8"


EQUAL = [
    ["1", "1::TINYINT", "1::UBIGINT", "1::HUGEINT", "1::UHUGEINT", "1.0::FLOAT", "1.0::DOUBLE"],
    ["1", "1.00::DECIMAL(5,2)", "1::DECIMAL(38,0)", "1.0::DECIMAL(38,30)"],
    ["-7::BIGINT", "-7.0::DOUBLE", "-7::DECIMAL(38,5)"],
    ["0.1::DOUBLE", "0.1::DECIMAL(3,1)", "0.100::DECIMAL(38,3)"],
    ["0.0::DOUBLE", "-0.0::DOUBLE", "0", "-0.0::FLOAT"],
    ["'nan'::DOUBLE", "-('nan'::DOUBLE)", "'nan'::FLOAT"],
    ["18446744073709551616::HUGEINT", "18446744073709551616::UHUGEINT", "18446744073709551616::DOUBLE"],
    ["9223372036854775808::UBIGINT", "9223372036854775808::HUGEINT", "9223372036854775808::DOUBLE"],
    [f"'2020-01-01'::{kind}" for kind in ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")],
    [f"'1969-12-31 23:59:59.5'::{kind}" for kind in ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS")],
    ["'infinity'::DATE", "'infinity'::TIMESTAMP", "'infinity'::TIMESTAMP_S"],
    ["TIME '01:02:03'", "'01:02:03'::TIME_NS"],
    ["INTERVAL '1 month'", "INTERVAL '30 days'", "INTERVAL '720 hours'"],
    ["'a'", "'a'::ENUM('b', 'a')", "'a'::BLOB"],
    ["[1, NULL]", "[1.0::DOUBLE, NULL]", "[1, NULL]::INTEGER[2]"],
    ["{'a': 1, 'b': 'x'}", "{'b': 'x', 'a': 1.0::DOUBLE}", "{'a': 1, 'b': 'x', 'c': NULL::DATE}"],
    ["NULL", "NULL::INTEGER", "NULL::VARCHAR", "NULL::INTEGER[]", "NULL::STRUCT(a INTEGER)"],
]  # fmt: skip


@pytest.mark.parametrize("expressions", EQUAL, ids=lambda expressions: expressions[0])
def test_keys_that_unify_to_equal_ones_hash_equal(expressions: list[str]) -> None:
    assert len({hashed(expression) for expression in expressions}) == 1


DIFFERENT = [
    "NULL", "''", "0", "false", "true", "[]", "[NULL]", "[[]]", "{'a': NULL}", "{'a': 0}", "{'b': 0}",
    "'a'", "'a' || chr(0)",
    "'aaaaaaaa'", "'aaaaaaaa' || chr(0)", "[1, 2]", "[2, 1]", "[[1], [2]]", "[[1, 2]]", "MAP {'a': 1}", "MAP {'a': 2}",
    "DATE '1970-01-01'", "TIMESTAMP '1970-01-01 00:00:00.000001'", "1e300::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE",
    "1::UNION(n INTEGER, s VARCHAR)", "'1'::UNION(n INTEGER, s VARCHAR)", "INTERVAL '1 day'",
]  # fmt: skip


def test_different_keys_hash_different() -> None:
    assert len({hashed(expression) for expression in DIFFERENT}) == len(DIFFERENT)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_hashes_as_the_double_it_rounds_to(number: int) -> None:
    table = pa.table({"i": pa.array([number], pa.int64()), "d": pa.array([float(number)])})
    decimals = pa.table({"i": pa.array([decimal.Decimal(number)], pa.decimal128(38, 0))})
    assert key_hashes(table, ["i"]) == key_hashes(table, ["d"]) == key_hashes(decimals, ["i"])


nested = st.recursive(
    st.one_of(st.none(), st.text("ab", max_size=9)), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.one_of(st.none(), st.text("ab\0", max_size=20)), max_size=4)), max_size=30
    )
)
def test_a_hash_depends_on_the_value_alone(values: list[list[str | None] | None]) -> None:
    kind = pa.struct([("l", pa.list_(pa.string())), ("m", pa.map_(pa.string(), pa.list_(pa.string())))])
    rows = [None if value is None else {"l": value, "m": [("k", value)]} for value in values]
    table = pa.table({"v": pa.array(rows, kind)})
    whole = key_hashes(table, ["v"])
    for at in range(len(rows)):
        alone = pa.table({"v": pa.array([rows[at]], kind)})
        assert key_hashes(alone, ["v"])[0] == whole[at] == key_hashes(table.slice(at, 1), ["v"])[0]
    for left in range(len(rows)):
        assert {whole[at] for at in range(len(rows)) if rows[at] == rows[left]} == {whole[left]}


@pytest.mark.parametrize("hash_", HashName)
@pytest.mark.parametrize("partitions", [1, 2, 64, 1024])
def test_rows_spread_evenly(hash_: HashName, partitions: int) -> None:
    rows = 1000 * partitions
    for keys in (np.arange(rows), np.arange(rows) * 1024 + 2**40, [f"key{number}" for number in range(rows)]):
        if partitions > 64 and isinstance(keys, list):
            continue
        counts = np.bincount(partition_ids(pa.table({"k": keys}), ["k"], partitions, hash_), minlength=partitions)
        assert counts.min() > 800
        assert counts.max() < 1200


def test_partition_numbers_take_the_smallest_type_that_holds_them() -> None:
    table = pa.table({"k": [1]})
    kinds = [partition_ids(table, ["k"], partitions).dtype for partitions in (1, 256, 257, 65536, 65537)]
    assert kinds == [np.uint8, np.uint8, np.uint16, np.uint16, np.uint32]


def test_duckdbs_hash_is_duckdbs_and_wants_a_power_of_two() -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", "y", None]})
    con = duckdb.connect()
    con.register("given", table)
    wanted = [row[0] & 15 for row in con.sql("SELECT hash(a, b) FROM given").fetchall()]
    assert partition_ids(table, ["a", "b"], 16, HashName.DUCKDB).tolist() == wanted
    with pytest.raises(InvalidPlan, match="power of two"):
        partition_ids(table, ["a"], 6, HashName.DUCKDB)


def test_python_values_hash_by_their_types() -> None:
    when = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    table = pa.table({"t": [when], "d": [dt.date(2020, 1, 1)], "n": [math.nan]})
    assert key_hashes(table, ["t"]) == key_hashes(table, ["d"])
    assert key_hashes(table.append_column("x", pa.array([1])), []) == 0
    assert arrow_schema((Column("t", "TIMESTAMPTZ"),)).field(0).type == pa.timestamp("us", "UTC")
