"""Samples: as many rows as asked for, by chance, and with one seed always the same."""

from pathlib import Path

import duckdb
import pytest
from sql_checks import Database
from sql_reference import Reference

from gristmill_sql import CompileOptions, compile_query

ROWS = 20_000
OPTIONS = CompileOptions(partitions=3, broadcast_bytes=0, single_rows=0)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("samples") / "n.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i, i % 10 AS ten, 1 AS one FROM range({ROWS}) r(i)) TO '{path}'")
    return Database({"n": Path(path)})


def _rows(sql: str, database: Database) -> list[tuple[object, ...]]:
    return Reference().run(compile_query(sql, database.catalog, OPTIONS).chain).rows


@pytest.mark.parametrize("values", ["i", "ten", "one"])
def test_a_share_is_about_that_share_even_of_equal_rows(values: str, numbers: Database) -> None:
    rows = _rows(f"SELECT {values} FROM n TABLESAMPLE bernoulli(10%) REPEATABLE (5)", numbers)
    assert ROWS * 0.08 < len(rows) < ROWS * 0.12


def test_every_row_has_the_same_chance(numbers: Database) -> None:
    rows = _rows(
        "SELECT ten, count(*) FROM (SELECT i, ten FROM n USING SAMPLE 30% (bernoulli, 1)) GROUP BY ten", numbers
    )
    assert len(rows) == 10
    assert all(500 < int(str(count)) < 700 for _, count in rows)


def test_so_many_rows_are_so_many_different_ones(numbers: Database) -> None:
    rows = _rows("SELECT i FROM n USING SAMPLE reservoir(500 ROWS) REPEATABLE (3)", numbers)
    assert len(rows) == len(set(rows)) == 500
    assert 8_000 < sum(int(str(i)) for (i,) in rows) / 500 < 12_000


def test_one_seed_is_one_choice(numbers: Database) -> None:
    sql = "SELECT i FROM n TABLESAMPLE reservoir(50 ROWS) REPEATABLE ({})"
    assert _rows(sql.format(3), numbers) == _rows(sql.format(3), numbers)
    assert _rows(sql.format(3), numbers) != _rows(sql.format(4), numbers)


def test_tasks_with_equal_rows_draw_independently(tmp_path: Path) -> None:
    path = tmp_path / "twice.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i % 1000 AS i FROM range(2000) r(i)) TO '{path}'")
    sql = "SELECT i, count(*) FROM twice TABLESAMPLE bernoulli(50%) REPEATABLE (7) GROUP BY i"
    chain = compile_query(sql, Database({"twice": path}).catalog, OPTIONS).chain
    times = [count for _, count in Reference(splits=2).run(chain).rows]
    assert 400 < times.count(1) < 600  # of the two tasks one alone has drawn it; equal draws would give none
