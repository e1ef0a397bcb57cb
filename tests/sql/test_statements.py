"""Statements that write: CREATE TABLE AS, INSERT INTO, COPY … TO, and views before a query."""

from pathlib import Path

import pytest
from sql_checks import Database

import gristmill as gm
from gristmill.errors import GristmillError, InvalidQuery


def _run(sql: str, database: Database, **tables: str) -> None:
    gm.sql(sql, tables={**database.tables, **tables}).run()


def _rows(folder: Path, order: str = "1") -> list[dict[str, object]]:
    return gm.sql(f"SELECT * FROM x ORDER BY {order}", tables={"x": f"{folder}/"}).rows()


def test_create_table_as_writes_a_folder(oddities: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(f'CREATE TABLE "{out}/" AS SELECT a, count(*) AS n FROM t WHERE a < 2 GROUP BY a', oddities)
    assert _rows(out) == [{"a": 0, "n": 10}, {"a": 1, "n": 10}]


def test_create_table_never_replaces_unless_told(oddities: Database, tmp_path: Path) -> None:
    table = str(tmp_path / "out") + "/"
    _run("CREATE TABLE made AS SELECT 1 AS a", oddities, made=table)
    with pytest.raises(GristmillError, match="already"):
        _run("CREATE TABLE made AS SELECT 2 AS a", oddities, made=table)
    _run("CREATE OR REPLACE TABLE made(b) AS SELECT 3 AS a", oddities, made=table)
    assert _rows(tmp_path / "out") == [{"b": 3}]


def test_insert_appends_rows_cast_to_the_columns_of_the_table(oddities: Database, tmp_path: Path) -> None:
    table = str(tmp_path / "out") + "/"
    _run("CREATE TABLE made AS SELECT 1::SMALLINT AS a, 'x' AS s, 2.5::DECIMAL(9, 2) AS m", oddities, made=table)
    _run("INSERT INTO made SELECT id, s, 7 FROM t WHERE id = 1", oddities, made=table)
    _run("INSERT INTO made(m, a) VALUES (1.25, 3)", oddities, made=table)
    query = gm.sql("SELECT * FROM made ORDER BY a, m DESC", tables={"made": table})
    assert [c.type for c in query.schema] == ["SMALLINT", "VARCHAR", "DECIMAL(9,2)"]
    assert [(r["a"], r["s"], str(r["m"])) for r in query.rows()] == [
        (1, "y", "7.00"),
        (1, "x", "2.50"),
        (3, None, "1.25"),
    ]


def test_copy_writes_the_format_that_it_names(oddities: Database, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    _run(f"COPY (SELECT id, s FROM t WHERE id < 3 ORDER BY id) TO '{out}'", oddities)
    assert "".join(p.read_text() for p in sorted(out.glob("part-*"))).splitlines()[1:] == ['0,"x"', '1,"y"', '2,""']
    with pytest.raises(GristmillError, match="already"):
        _run(f"COPY one TO '{out}' (FORMAT csv)", oddities)
    _run(f"COPY one TO '{out}' (FORMAT csv, OVERWRITE)", oddities)


def test_copy_makes_folders_of_its_columns(oddities: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(f"COPY (SELECT id, a FROM t WHERE a > 2) TO '{out}' (FORMAT parquet, PARTITION_BY (a))", oddities)
    assert sorted(p.name for p in out.glob("a=*")) == ["a=3", "a=4"]


def test_views_stand_before_a_query(oddities: Database) -> None:
    oddities_sql = "CREATE VIEW v(k) AS SELECT a FROM t; CREATE TEMP VIEW w AS SELECT k + 1 AS k FROM v; "
    query = gm.sql(oddities_sql + "SELECT max(v.k) AS a, max(w.k) AS b FROM v, w", tables=oddities.tables)
    assert query.rows() == [{"a": 4, "b": 5}]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE VIEW v AS SELECT 1", "a view alone does nothing"),
        ("CREATE TABLE nowhere AS SELECT 1", "neither a path nor the name of a table"),
        ("INSERT INTO nowhere SELECT 1", "there is no such table"),
        ("INSERT INTO t(nope) SELECT 1", "it has no column nope"),
        ("INSERT INTO t SELECT 1 AS id, 2, 3, 4.5, 5, 's', now()::DATE, NULL, NULL, true, 1, 2", "it is one file"),
        ("CREATE TABLE IF NOT EXISTS t AS SELECT 1", "IF NOT EXISTS is not supported"),
        ("COPY t TO 'x' (FORMAT orc)", "there is no format orc"),
        ("COPY t TO 'x' (QUOTE '!')", "COPY has no option QUOTE"),
        ("SELECT 1; SELECT 2", "2 statements where one is expected"),
        ("DELETE FROM t", "DELETE is not supported"),
        ("UPDATE t SET a = 1", "UPDATE is not supported"),
    ],
)
def test_what_cannot_be_written_is_told_at_once(sql: str, reason: str, oddities: Database) -> None:
    with pytest.raises(InvalidQuery, match=reason):
        _ = gm.sql(sql, tables=oddities.tables).chain


def test_rows_go_to_one_place(oddities: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidQuery, match="says itself"):
        gm.sql(f"COPY one TO '{tmp_path}/x'", tables=oddities.tables).write(str(tmp_path / "y"))
