"""SQL fragments: over files and exchanges, types kept, the same every time, and errors that point into the query."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plans import columns, files, job, pairs, parquet, pylists, python, script, sql, text
from sequential import run_chain, run_job

from gristmill.errors import FragmentError, GristmillError, InputError
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, SideInput
from gristmill.plan.source import FileSource, Format
from gristmill.rows.types import schema_of
from gristmill.storage.stores import Stores


def failure(tmp_path: Path, plan: JobPlan) -> GristmillError:
    """The error of the job."""
    with pytest.raises(GristmillError) as caught:
        run_job(plan, tmp_path)
    return caught.value


def test_map_and_reduce_over_parquet(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 2, 1], "b": [10, 20, 30]}), pa.table({"a": [2], "b": [5]}))
    plan = job(
        source,
        sql("SELECT a, sum(b) AS b FROM input GROUP BY a ORDER BY a"),
        sql("SELECT a, sum(b) AS b FROM rows GROUP BY a ORDER BY a"),
        key=["a"],
        partitions=4,
    )
    assert sorted(pylists(run_job(plan, tmp_path).table)) == [(1, 40), (2, 25)]


@pytest.mark.parametrize("format_", [Format.CSV, Format.JSON, Format.TEXT])
def test_a_map_sees_its_rows_as_input_and_under_its_name(tmp_path: Path, format_: Format) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    content = {Format.CSV: "a,b\n1,x\n", Format.JSON: '{"a": 1, "b": "x"}\n', Format.TEXT: "1,x\n"}[format_]
    (folder / f"f.{format_}").write_text(content)
    query = "SELECT * FROM input UNION ALL SELECT * FROM rows"
    table = run_job(job(files(folder, format_), sql(query)), tmp_path).table
    assert table.num_rows == 2
    assert table.schema.names == (["key", "value"] if format_ is Format.TEXT else ["a", "b"])


def test_a_join_of_two_inputs(tmp_path: Path) -> None:
    orders = parquet(tmp_path / "o", pa.table({"orderkey": [1, 2], "custkey": ["x", "y"]}))
    lines = parquet(tmp_path / "l", pa.table({"orderkey": [1, 1, 2], "price": [1.5, 2.0, 4.0]}))
    plan = JobPlan(
        "revenue",
        (JobInput("o", orders, None, ("orderkey",)), JobInput("l", lines, None, ("orderkey",))),
        reduce=sql("SELECT custkey, sum(price) AS revenue FROM o JOIN l USING (orderkey) GROUP BY custkey"),
        partitions=3,
    )
    assert sorted(pylists(run_job(plan, tmp_path).table)) == [("x", 3.5), ("y", 4.0)]


def test_an_input_may_be_read_twice_in_one_query(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 2, 3]}))
    query = sql("SELECT l.a, r.a AS b FROM rows l JOIN rows r ON l.a = r.a + 1 ORDER BY 1")
    assert pylists(run_job(job(source, None, query, key=["a"], partitions=1), tmp_path).table) == [(2, 1), (3, 2)]


def test_rows_larger_than_memory_are_read_twice_from_disk(tmp_path: Path) -> None:
    table = pa.table({"a": range(1_000_000), "b": range(1_000_000), "c": range(1_000_000)})
    source = replace(parquet(tmp_path / "in", table), split_bytes=None)
    query = sql("SELECT count(*) AS n, (SELECT max(a) FROM rows) AS most FROM rows")
    plan = job(source, None, query, key=["a"], partition=ExchangeKind.SINGLE, partitions=1)
    ran = run_job(plan, tmp_path, memory_bytes=1)
    assert pylists(ran.table) == [(1_000_000, 999_999)]
    assert ran.results[-1].bytes_spilled > 0


TYPES = [
    "HUGEINT", "UHUGEINT", "DECIMAL(15,2)", "TIMETZ", "TIMESTAMPTZ", "UUID", "INTERVAL", "BIT", "ENUM('a', 'b')",
    "STRUCT(x INTEGER, y VARCHAR[])", "MAP(VARCHAR, DATE)", "INTEGER[3]", "BLOB", "USMALLINT", "TIMESTAMP_NS",
]  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_logical_types_pass_through_exchanges(tmp_path: Path, type_: str) -> None:
    source = text(tmp_path / "in", "x\n")
    plan = job(
        source,
        sql(f"SELECT 1 AS k, CAST(NULL AS {type_}) AS v FROM input"),
        sql("SELECT typeof(v) AS t FROM rows"),
        key=["k"],
        partitions=1,
    )
    assert pylists(run_job(plan, tmp_path).table) == duckdb.sql(f"SELECT typeof(NULL::{type_})").fetchall()


def test_python_and_sql_mix(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a b a\n")
    words = python(lambda name, line: ((word, 1) for word in line.split()))
    plan = job(source, words, sql("SELECT key, sum(value)::BIGINT AS n FROM rows GROUP BY key"), partitions=1)
    assert sorted(pylists(run_job(plan, tmp_path / "1").table)) == [("a", 2), ("b", 1)]
    split = sql("SELECT unnest(string_split(value, ' ')) AS key, 1 AS value FROM input")
    total = python(lambda key, values: [(key, sum(values))])
    assert pylists(run_job(job(source, split, total, partitions=1), tmp_path / "2").table) == [("a", 2), ("b", 1)]


def test_a_combine_in_sql_shrinks_what_is_shuffled(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1] * 500 + [2] * 500, "n": [1] * 1000}))
    sums = "SELECT a, sum(n)::BIGINT AS n FROM {} GROUP BY a"
    plan = job(source, None, sql(sums.format("rows")), key=["a"], combine=sql(sums.format("input")), partitions=2)
    ran = run_job(plan, tmp_path)
    assert sorted(pylists(ran.table)) == [(1, 500), (2, 500)]
    assert ran.results[0].rows_out == 2


def test_a_combine_in_sql_must_give_its_columns(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 1]}))
    plan = job(source, None, sql("FROM rows"), key=["a"], combine=sql("SELECT count(*) AS n FROM input"), partitions=1)
    error = failure(tmp_path, plan)
    assert "gives the columns n" in error.reason


def test_side_inputs_are_relations(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 2]}))
    names = parquet(tmp_path / "names", pa.table({"a": [1], "name": ["one"]}))
    plan = job(
        source, sql("SELECT a, name FROM input LEFT JOIN names USING (a)"), side_inputs=(SideInput("names", names),)
    )
    assert pylists(run_job(plan, tmp_path).table) == [(1, "one"), (2, None)]


def test_a_side_input_from_another_job(tmp_path: Path) -> None:
    from gristmill.plan.source import JobSource

    source = parquet(tmp_path / "in", pa.table({"a": [1, 2, 3]}))
    most = job(source, sql("SELECT max(a) AS most FROM input"), name="most")
    compare = job(
        source, sql("SELECT a, most FROM input, top WHERE a < most"), name="compare",
        side_inputs=(SideInput("top", JobSource("most")),),
    )  # fmt: skip
    assert pylists(run_chain(ChainPlan((most, compare)), tmp_path).table) == [(1, 3), (2, 3)]


@pytest.mark.parametrize("query", ["SELECT a FROM input", "PIVOT (SELECT a FROM input) ON a USING count(*)"])
def test_one_text_over_other_rows_has_other_columns(tmp_path: Path, query: str) -> None:
    for number, values in enumerate(([1, 1], ["x", "y"], [1, 1], [2, 3])):
        rows = pa.table({"a": values})
        ran = run_job(job(parquet(tmp_path / f"in{number}", rows), sql(query)), tmp_path / f"run{number}")
        alone = duckdb.connect().register("input", rows).sql(query).to_arrow_table()
        assert ran.table.schema.names == alone.schema.names
        assert pylists(ran.table) == [tuple(row.values()) for row in alone.to_pylist()]


def test_rows_keep_the_order_of_the_query_and_of_the_input(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": list(range(5000, 0, -1))}))
    assert run_job(job(source, sql("FROM input")), tmp_path / "1").table.column("a").to_pylist() == [
        *range(5000, 0, -1)
    ]
    small = parquet(tmp_path / "small", pa.table({"a": [2, 3, 1]}))
    ordered = job(small, sql("SELECT a FROM input ORDER BY a"))
    assert run_job(ordered, tmp_path / "2").table.column("a").to_pylist() == [1, 2, 3]


def test_a_query_without_rows_still_has_its_schema(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1]}))
    none = sql("SELECT a, 'x' AS b FROM input WHERE a > 1")
    plan = job(source, none, sql("SELECT b, sum(a) AS s FROM rows GROUP BY b"), key=["a"], partitions=2)
    table = run_job(plan, tmp_path).table
    assert table.num_rows == 0
    assert schema_of(table.schema) == columns(b="VARCHAR", s="HUGEINT")


BROKEN = [
    ("SELECT a,\n  nosuch FROM input", "line 2, column 3", "nosuch"),
    ("SELECT a FROM FROM input", "line 1, column 15", "syntax error"),
    ("SELECT nosuch(a) FROM input", "line 1, column 8", "nosuch"),
    ("SELECT * FROM elsewhere", "line 1, column 15", "elsewhere"),
    ("SELECT a::VARCHAR || 'x',\n\n CAST('x' AS INTEGER) FROM input", "line 3", "Could not convert"),
    ("SELECT 1 AS a; SELECT 2 AS a", "", "SELECT and SELECT"),
    ("CREATE TABLE t AS SELECT 1", "", "CREATE"),
    ("SELECT a, a FROM input", "", "two columns named 'a'"),
    ("SELECT * FROM read_csv('/etc/passwd')", "", "disabled by configuration"),
    ("SELECT * FROM read_text('/etc/hostname')", "", "disabled by configuration"),
    ("SET threads = 8", "", "SET"),
]


@pytest.mark.parametrize(("query", "place", "reason"), BROKEN, ids=[each[0][:30] for each in BROKEN])
def test_errors_point_into_the_query(tmp_path: Path, query: str, place: str, reason: str) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1]}))
    error = failure(tmp_path, job(source, sql(query)))
    assert isinstance(error, FragmentError)
    assert "job job, map of rows, SQL" in error.place
    assert place in error.place
    assert reason in error.reason


def test_local_variables_are_no_tables(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1]}))
    table = pa.table({"secret": [1]})
    error = failure(tmp_path, job(source, sql("SELECT * FROM table_of_the_caller")))
    assert table.num_rows
    assert "does not exist" in error.reason


def test_an_error_of_a_function_upstream_stays_what_it_is(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")

    def raises(name: str, line: str) -> Any:
        raise ValueError("no")
        yield

    first = job(source, python(raises), name="first")
    second = job("first", sql("SELECT * FROM input"), name="second")
    with pytest.raises(FragmentError, match="ValueError: no"):
        run_chain(ChainPlan((first, second)), tmp_path)


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": list(range(1000))}))
    path = tmp_path / "in" / "000.parquet"
    content = bytearray(path.read_bytes())
    content[10:200] = bytes(190)
    plan = job(source, sql("SELECT sum(a) AS s FROM input"))
    path.write_bytes(bytes(content))
    error = failure(tmp_path, plan)
    assert isinstance(error, InputError)
    assert "000.parquet" in str(error)


def test_bad_text_below_a_query_is_an_input_error(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "fine\n")
    (tmp_path / "in" / "000.txt").write_bytes(b"fine\n\xff\n")
    error = failure(tmp_path, job(source, sql("SELECT count(*) AS n FROM input")))
    assert isinstance(error, InputError)
    assert "000.txt, byte 5" in error.place


def test_stored_pairs_are_columns_key_and_value(tmp_path: Path) -> None:
    source = pairs(tmp_path / "in", pa.table({"key": ["a"], "value": [1]}))
    assert pylists(run_job(job(source, sql("SELECT key, value + 1 AS v FROM input")), tmp_path).table) == [("a", 2)]


def test_sql_commands_and_python_in_one_chain(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "b\na\n")
    upper = script(
        "import json,sys\nfor line in sys.stdin:\n r=json.loads(line)\n"
        " print(json.dumps({'key': r['value'].upper(), 'value': 1}))"
    )
    first = job(source, upper, name="first")
    second = job("first", sql("SELECT key, value + 1 AS value FROM input"), name="second")
    third = job("second", None, python(lambda key, values: [(key, sum(values))]), name="third", partitions=1)
    assert pylists(run_chain(ChainPlan((first, second, third)), tmp_path).table) == [("A", 2), ("B", 2)]


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("SELECT sum(small)::BIGINT AS n FROM input", "small"),
        ("SELECT sum(s)::BIGINT AS n FROM (SELECT small AS s, large, other FROM rows)", "small"),
        ("SELECT (SELECT sum(other) FROM rows)::BIGINT AS n, max(small) AS m FROM input", "small and other"),
        ("SELECT large FROM input WHERE 1 = 0", ""),
        ("SELECT * FROM input", "small and other and large"),
    ],
)
def test_only_the_columns_that_a_query_reads_are_fetched(
    tmp_path: Path, query: str, read: str, *, remote: bool
) -> None:
    rows = 20_000
    table = pa.table(
        {
            "small": pa.array(range(rows), pa.int64()),
            "other": pa.array((n * n for n in range(rows)), pa.int64()),
            "large": [f"{n:064}" for n in range(rows)],
        }
    )
    written = tmp_path / "in" / "rows.parquet"
    written.parent.mkdir()
    pq.write_table(table, written, use_dictionary=False, compression=None)
    stores = Stores()
    uri = f"memory://{uuid.uuid4().hex}/rows.parquet" if remote else str(written)
    if remote:
        stores.filesystem(uri).put(uri, written.read_bytes())
    ran = run_job(job(FileSource((uri,), Format.PARQUET), sql(query)), tmp_path)
    group = pq.read_metadata(written).row_group(0)
    size = {group.column(at).path_in_schema: group.column(at).total_compressed_size for at in range(3)}
    wanted = sum(size[name] for name in read.split(" and ") if name)
    footer_bytes = 64 << 10
    assert wanted <= ran.results[0].bytes_in
    if remote or ("large" in query) == ("large" in read):  # of local files the columns that a query names count
        assert ran.results[0].bytes_in <= wanted + footer_bytes + min(size.values())
    assert pylists(ran.table) == duckdb.sql(f"WITH rows AS (FROM input) {query}", connection=_over(table)).fetchall()


def _over(table: pa.Table) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("input", table)
    return con
