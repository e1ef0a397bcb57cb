"""Queries that run whole in the calling process: the same answers and types, and the tier that EXPLAIN names."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sql_checks import Database, same
from sql_reference import Result
from test_queries import QUERIES

import gristmill as gm
from gristmill.coordinator import planning, whole
from gristmill.errors import FragmentError, InvalidQuery, OutputExists
from gristmill.rows.types import duckdb_cast_list

NUMBERS = pa.table({"n": range(1000), "k": [i % 7 for i in range(1000)]})


@pytest.mark.parametrize("query", QUERIES)
def test_a_whole_query_equals_duckdb(query: str, oddities: Database) -> None:
    sql = query.partition("--")[0].rstrip()
    asked, expected = gm.sql(sql, tables=oddities.tables), oddities.expected(sql)
    assert tuple(column.type for column in asked.schema) == expected.types
    with duckdb.connect() as connection:
        rows = connection.from_arrow(asked.arrow()).project(duckdb_cast_list(asked.schema)).fetchall()
    same(Result((), (), rows), Result((), (), expected.rows), ordered=False)


def test_explain_names_the_tier_and_why() -> None:
    query, tables = "SELECT k, sum(n) FROM t GROUP BY k", {"t": NUMBERS}
    assert "1 job, whole, in this process (" in gm.sql(query, tables=tables).explain()
    assert (
        "worker processes on this machine (asked for)" in gm.sql(query, tables=tables, force_distributed=True).explain()
    )
    assert "whole" not in gm.sql(query, tables=tables, partitions=2).explain()


def test_what_is_large_for_the_memory_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "WHOLE_OF_MEMORY", 0)
    assert gm.sql("SELECT sum(n) AS s FROM t", tables={"t": NUMBERS}).whole is None


def test_only_the_columns_that_are_named_count(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"small": range(1000), "large": [os.urandom(1000) for _ in range(1000)]}), tmp_path / "t.parquet"
    )
    tables = {"t": tmp_path / "t.parquet"}
    sizes = [gm.sql(query, tables=tables)._read.bytes_ for query in ("SELECT sum(small) FROM t", "SELECT * FROM t")]
    assert sizes[0] < 10_000
    assert sizes[1] > 1_000_000


def test_names_and_types_are_those_of_the_spread_form() -> None:
    query = "SELECT k, k, sum(n) AS s FROM t GROUP BY k ORDER BY k"
    here = gm.sql(query, tables={"t": NUMBERS})
    spread = gm.sql(query, tables={"t": NUMBERS}, partitions=2)
    assert here.schema == spread.schema
    assert here.arrow().equals(spread.arrow().combine_chunks())


def test_a_column_of_nothing_but_nulls_has_a_type() -> None:
    assert gm.sql("SELECT NULL AS x, 1 AS y").arrow().schema.types == [pa.int32(), pa.int32()]


def test_a_table_without_row_groups(tmp_path: Path) -> None:
    pq.ParquetWriter(tmp_path / "t.parquet", NUMBERS.schema).close()
    tables = {"t": tmp_path / "t.parquet"}
    assert gm.sql("SELECT count(*) AS c, max(n) AS m FROM t", tables=tables).rows() == [{"c": 0, "m": None}]


def test_rows_are_committed_to_an_output(tmp_path: Path) -> None:
    query = gm.sql("SELECT k, count(*) AS c FROM t GROUP BY k", tables={"t": NUMBERS})
    result = query.write(str(tmp_path / "out"))
    assert [(part.partition, part.rows) for part in result.manifest.parts] == [(0, 7)]
    assert sorted(row["c"] for row in result.rows()) == [142] * 1 + [143] * 6
    with pytest.raises(OutputExists):
        query.write(str(tmp_path / "out"))


def test_a_query_that_fails_leaves_no_output(tmp_path: Path) -> None:
    query = gm.sql("SELECT n, error('no') AS e FROM t", tables={"t": NUMBERS})
    with pytest.raises(FragmentError, match="no"):
        query.write(str(tmp_path / "out"))
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix == ".parquet" or "staged" in path.parts] == []


def test_a_result_beyond_memory_lies_in_a_file_as_long_as_somebody_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "KEPT_BYTES", 0)
    monkeypatch.setenv("GRISTMILL_LOCAL_DIR", str(tmp_path))
    result = gm.sql("SELECT n FROM t ORDER BY n DESC", tables={"t": NUMBERS}).run()
    assert len(list(tmp_path.glob("gristmill-*/rows.arrow"))) == 1
    assert result.arrow().column("n").to_pylist() == list(range(999, -1, -1))
    del result
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_is_too_large_for_memory_after_all_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Iterator[pa.RecordBatch]:
        raise duckdb.OutOfMemoryException("no more")

    monkeypatch.setattr(whole.WholeStep, "rows", refused)
    assert gm.sql("SELECT sum(n) AS s FROM t", tables={"t": NUMBERS}).rows() == [{"s": 499500}]


def test_errors_have_their_place() -> None:
    with pytest.raises(InvalidQuery, match="nn"):
        gm.sql("SELECT nn FROM t", tables={"t": NUMBERS}).arrow()
    with pytest.raises(FragmentError, match="line 1") as failed:
        gm.sql("SELECT CAST('x' || n AS INTEGER) AS i FROM t", tables={"t": NUMBERS}).arrow()
    assert failed.value.place.startswith("query, line 1")


def test_files_that_came_after_explain_are_read(tmp_path: Path) -> None:
    pq.write_table(NUMBERS, tmp_path / "a.parquet")
    query = gm.sql("SELECT count(*) AS c FROM t", tables={"t": f"{tmp_path}/*.parquet"})
    query.explain()
    pq.write_table(NUMBERS, tmp_path / "b.parquet")
    assert query.rows() == [{"c": 2000}]


def test_ctrl_c_ends_a_whole_query() -> None:
    script = """
import gristmill as gm
say = lambda progress: print(progress.state, flush=True)
gm.sql("SELECT count(*) FROM range(100000000000) a", progress=say).arrow()
"""
    command = ["env", "--default-signal=INT", sys.executable, "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any("running" in line for line in process.stdout)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=20)
    assert "cancelled" in said
    assert "gristmill.errors.Cancelled" in error
