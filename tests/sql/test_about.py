"""DESCRIBE, SUMMARIZE, SHOW TABLES: what DuckDB answers, and what the tables are that a query may name."""

from pathlib import Path

import duckdb
import pytest

import gristmill as gm
from gristmill.errors import InvalidQuery

_ALL = """
SELECT i::TINYINT AS a, i::BIGINT AS big, if(i % 3 = 0, NULL, 'x' || i) AS "s p", i::DECIMAL(9,2) AS d, i / 4 AS f,
       DATE '2020-01-01' + i::INTEGER AS day, TIMESTAMP '2020-01-01' + to_hours(i) AS at, i % 2 = 0 AS b,
       [i] AS l, {'q': i} AS st, NULL::INTEGER AS n, 'x'::BLOB AS bl, TIME '01:00:00' AS tm
FROM range(12) t(i)
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tables")
    duckdb.sql(_ALL).write_parquet(str(folder / "t.parquet"))
    (folder / "semi.csv").write_text("x;y\n1;2\n")
    return {"t": str(folder / "t.parquet"), "u": str(folder / "semi.csv")}


@pytest.mark.parametrize("spread", [False, True], ids=["whole", "spread"])
@pytest.mark.parametrize(
    "about",
    [
        "DESCRIBE t",
        "DESC SELECT a, s.* FROM t AS s WHERE a > 3;",
        "DESCRIBE FROM t SELECT count(*) AS n, max(d)",
        "SUMMARIZE t",
        "SUMMARIZE SELECT a, f, n FROM t WHERE false",
        'SUMMARIZE (SELECT "s p", sum(big) AS total FROM t GROUP BY ALL)',
    ],
)
def test_what_a_query_is_like_is_what_duckdb_says(about: str, spread: bool, tables: dict[str, str]) -> None:
    database = duckdb.connect()
    database.execute(f"CREATE VIEW t AS FROM '{Path(tables['t'])}'")
    theirs = database.execute(about)
    ours = gm.sql(about, tables={"t": tables["t"]}, partitions=3 if spread else None).arrow()
    assert ours.column_names == [column[0] for column in theirs.description]
    assert [tuple(row.values()) for row in ours.to_pylist()] == theirs.fetchall()


def test_a_view_can_be_described(tables: dict[str, str]) -> None:
    rows = gm.sql("CREATE VIEW v AS SELECT a + 1 AS b FROM t; DESCRIBE v", tables=tables).arrow().to_pylist()
    assert [(row["column_name"], row["column_type"]) for row in rows] == [("b", "TINYINT")]


@pytest.mark.parametrize("word", ["DESCRIBE", "SUMMARIZE"])
def test_files_can_be_described_by_path(word: str, tables: dict[str, str]) -> None:
    rows = gm.sql(f"{word} '{tables['t']}'").arrow().to_pylist()
    assert [row["column_name"] for row in rows][:3] == ["a", "big", "s p"]


def test_tables_are_shown(tables: dict[str, str]) -> None:
    assert gm.sql("SHOW TABLES", tables=tables).arrow().to_pydict() == {"name": ["t", "u"]}
    assert gm.sql("SHOW TABLES").arrow().to_pydict() == {"name": []}


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DESCRIBE tt", r"there is no table tt[\s\S]*did you mean: t\?"),
        ("DESCRIBE SELECT b1 FROM t", r"Referenced column \"b1\" not found"),
        ("SUMMARIZE nothing", r"there is no table nothing"),
        ("EXPLAIN SELECT 1", r"line 1:1: EXPLAIN is no statement here[\s\S]*--explain"),
        ("SHOW ALL TABLES", r"SHOW is not supported"),
    ],
)
def test_what_cannot_be_asked_is_refused(sql: str, reason: str, tables: dict[str, str]) -> None:
    with pytest.raises(InvalidQuery, match=reason):
        gm.sql(sql, tables=tables).arrow()
