"""Queries through the engine itself: in the calling process, and in worker processes."""

from pathlib import Path

import duckdb
import pytest
from sql_checks import Database, same
from sql_reference import Result

import gristmill as gm

QUERIES = {path.stem: path for path in sorted((Path(__file__).parent / "tpch").glob("q*.sql"))}


def _run(name: str, database: Database, **options: object) -> None:
    sql = QUERIES[name].read_text()
    query = gm.sql(sql, tables=database.tables, **options)  # type: ignore[arg-type]
    expected = database.expected(sql)
    with duckdb.connect() as connection:
        rows = connection.from_arrow(query.arrow()).fetchall()
    same(Result((), (), rows), Result((), (), expected.rows), ordered=query.compiled.ordered)


@pytest.mark.parametrize("name", QUERIES)
def test_tpch_query_in_the_calling_process(name: str, tpch: Database) -> None:
    _run(name, tpch)


@pytest.mark.parametrize("name", ["q01", "q05", "q15"])
def test_tpch_query_in_worker_processes(name: str, tpch: Database) -> None:
    _run(name, tpch, force_distributed=True, workers=2, partitions=3)
