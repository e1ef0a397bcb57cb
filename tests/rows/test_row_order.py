"""Sorting and grouping agree with DuckDB on every type, with NULLs, NaN, -0.0 and ties."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.plan.schema import Column, SortKey
from gristmill.rows.ordering import group_starts, sort_indices
from gristmill.rows.types import arrow_schema, cast_table, duckdb_cast_list, duckdb_export_list, schema_of

VALUES = {
    "BOOLEAN": "[true, false]",
    "TINYINT": "[-128, 127, 0]",
    "INTEGER": "[-5, 7, 2147483647]",
    "BIGINT": "[-9223372036854775808, 9223372036854775807, 0, 1]",
    "UBIGINT": "[18446744073709551615, 0, 9223372036854775808]",
    "HUGEINT": "[170141183460469231731687303715884105727, -1, 0, 18446744073709551616, -18446744073709551617]",
    "UHUGEINT": "['340282366920938463463374607431768211455', '0', '9', '10']",
    "FLOAT": "['nan'::FLOAT, -0.0, 0.0, 'inf'::FLOAT, '-inf'::FLOAT, 1.5]",
    "DOUBLE": "['nan'::DOUBLE, -0.0, 0.0, 'inf'::DOUBLE, '-inf'::DOUBLE, 1e-310]",
    "DECIMAL(9,2)": "[-1.5, 1.25, 0]",
    "DECIMAL(38,3)": "[-12345678901234567890123456789012345.5, 1.25, 12345678901234567890123456789012345.5]",
    "VARCHAR": "['', 'a', 'a' || chr(0), 'ab', 'abcdefgh', 'abcdefghi', 'abcdefgh' || chr(0), 'Z', 'ä', '\U0001f600']",
    "BLOB": "['\\x00'::BLOB, ''::BLOB, '\\xFF'::BLOB, 'abcdefghi'::BLOB]",
    "BIT": "['1', '01', '0', '11111111', '000000001']",
    "UUID": "['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000001']",
    "DATE": "['2020-01-01', 'infinity', '-infinity', '0001-01-01']",
    "TIME": "['00:00:00', '24:00:00', '12:00:00']",
    "TIME WITH TIME ZONE": "['01:02:03+05:30', '01:02:03-05:30', '10:00:00+00', '09:00:00-01']",
    "TIMESTAMP": "['2020-01-01', 'infinity', '-infinity']",
    "TIMESTAMP WITH TIME ZONE": "['2020-01-01 00:00:00+02', '2020-01-01 00:00:00-02']",
    "INTERVAL": "['30 days', '1 month', '1 day', '24 hours', '-1 day']",
    "ENUM('z', 'a', 'm')": "['a', 'z', 'm']",
    "STRUCT(a INTEGER, b VARCHAR)": "[{'a': 1, 'b': 'x'}, {'a': NULL, 'b': 'x'}, {'a': 1, 'b': NULL}, {'b': 'y'}]",
    "INTERVAL[]": "[['30 days'], ['1 month'], ['1 day'], ['24 hours'], ['-1 day']]",
    "BIT[]": "[['1'], ['01'], ['0'], ['11111111'], ['000000001']]",
    "STRUCT(a INTEGER, b STRUCT(c INTERVAL))[]": "[[{'a': 0, 'b': {'c': '1 day'}}], [{'b': {'c': '24 hours'}}]]",
    "INTEGER[]": "[[1], [], [1, 2], [NULL], [1, NULL]]",
    "DOUBLE[2]": "[['0.0', '1'], ['-0.0', '1'], ['nan', '0']]",
    "MAP(VARCHAR, INTEGER)": "[MAP {'a': 1}, MAP {'a': 2}, MAP {'b': 0}]",
    "UNION(n INTEGER, s VARCHAR)": "[1, 's'::UNION(n INTEGER, s VARCHAR), 7]",
}


def rows_of(con: duckdb.DuckDBPyConnection, logical: str) -> pa.Table:
    con.execute("SELECT setseed(0.5)").fetchall()
    query = f"""SELECT v, (row_number() OVER ())::INTEGER AS n FROM (
        SELECT unnest({VALUES[logical]}::{logical.replace('"', "")}[]) AS v, unnest(range(4)) FROM range(3)
        UNION ALL SELECT NULL, 0 FROM range(3) ORDER BY random())"""
    relation = con.sql(query)
    schema = tuple(Column(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True))
    return cast_table(con.sql(f"SELECT {duckdb_export_list(schema)} FROM ({query})").to_arrow_table(), schema)


@pytest.mark.parametrize("nulls_first", [False, True])
@pytest.mark.parametrize("desc", [False, True])
@pytest.mark.parametrize("logical", VALUES)
def test_rows_sort_as_duckdb_sorts_them(logical: str, desc: bool, nulls_first: bool) -> None:
    con = duckdb.connect(config={"threads": 1})
    table = rows_of(con, logical)
    con.register("given", table)
    direction = f"{'DESC' if desc else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
    wanted = con.sql(
        f"SELECT n FROM (SELECT {duckdb_cast_list(schema_of(table.schema))} FROM given) ORDER BY v {direction}, n"
    )
    ours = table.take(pa.array(sort_indices(table, (SortKey("v", desc, nulls_first), SortKey("n")))))
    assert ours.column("n").to_pylist() == [row[0] for row in wanted.fetchall()]


@pytest.mark.parametrize("logical", VALUES)
def test_groups_are_as_duckdb_groups_them(logical: str) -> None:
    con = duckdb.connect(config={"threads": 1})
    table = rows_of(con, logical)
    table = table.take(pa.array(sort_indices(table, (SortKey("v"),))))
    con.register("given", table)
    distinct = con.sql(f"SELECT v FROM (SELECT {duckdb_cast_list(schema_of(table.schema))} FROM given) GROUP BY v")
    assert len(group_starts(table, ["v"])) == len(distinct.to_arrow_table())


cells = st.one_of(st.none(), st.integers(-3, 3))
texts = st.one_of(st.none(), st.text("ab\0", max_size=20))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, texts, st.floats(width=32))), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_several_keys_sort_stably_in_turn(
    rows: list[tuple[int | None, str | None, float]], desc: tuple[bool, ...]
) -> None:
    schema = arrow_schema((Column("a", "BIGINT"), Column("b", "VARCHAR"), Column("c", "DOUBLE")))
    table = pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=schema)
    order = tuple(SortKey(name, down) for name, down in zip("abc", desc, strict=True))
    indices = list(range(len(rows)))
    for key in reversed(order):
        alone = sort_indices(table.take(pa.array(indices, pa.int64())), (key,))
        indices = [indices[at] for at in alone]
    assert list(sort_indices(table, order)) == indices


@pytest.mark.parametrize("distinct", [3, 5000])
def test_long_equal_texts_and_long_prefixes_sort_right(distinct: int) -> None:
    values = [f"https://example.org/some/long/path/{number % distinct:05}" for number in range(10_000)]
    values[17] = None
    table = pa.table({"v": values})
    ours = [values[at] for at in sort_indices(table, (SortKey("v", desc=True),))]
    assert ours == [*sorted((value for value in values if value is not None), reverse=True), None]


def test_a_dotted_path_names_a_field_of_a_struct() -> None:
    table = pa.table({"s": [{"a": {"b": 2}}, None, {"a": {"b": 1}}], "s.a": [1, 2, 3]})
    assert list(sort_indices(table, (SortKey("s.a.b"),))) == [2, 0, 1]
    assert list(sort_indices(table, (SortKey("s.a", desc=True),))) == [2, 1, 0]


def test_slices_and_chunks_sort_like_whole_columns() -> None:
    base = pa.array(np.random.default_rng(1).integers(0, 50, 500))
    text = pa.array([f"k{value}" for value in base.to_pylist()])
    table = pa.table({"n": base, "t": text})
    chunked = pa.concat_tables([table.slice(3, 100), table.slice(103, 200), table.slice(303)])
    for by in ("n", "t"):
        assert list(sort_indices(chunked, (SortKey(by),))) == list(
            sort_indices(table.slice(3).combine_chunks(), (SortKey(by),))
        )


def test_no_rows_and_no_keys_are_fine() -> None:
    assert list(sort_indices(pa.table({"a": pa.array([], pa.int64())}), (SortKey("a"),))) == []
    assert list(sort_indices(pa.table({"a": [2, 1]}), ())) == [0, 1]
    assert list(group_starts(pa.table({"a": [2, 1]}), ())) == [0]
    assert list(group_starts(pa.table({"a": []}), ("a",))) == []


def test_an_unknown_key_names_the_columns_there_are() -> None:
    with pytest.raises(InvalidPlan, match=r"'c'(.|\n)*a, b"):
        sort_indices(pa.table({"a": [1], "b": [2]}), (SortKey("c"),))
