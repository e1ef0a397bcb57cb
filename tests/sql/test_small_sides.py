"""Which sides of joins every task computes itself, from files: small ones, whose rows are the same in each of them."""

from pathlib import Path

import pytest

from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format
from gristmill_sql import Catalog, CompileOptions, TableFacts, compile_query

MIB = 1 << 20
SCHEMA = tuple(Column(name, "BIGINT") for name in ("id", "a", "b"))
TABLES = {
    "tiny": TableFacts(SCHEMA, 100, 10_000),
    "small": TableFacts(SCHEMA, 150_000, 8 * MIB),
    "split": TableFacts(SCHEMA, 150_000, 8 * MIB, files=100),
    "large": TableFacts(SCHEMA, 8_000_000, 200 * MIB),
    "huge": TableFacts(SCHEMA, 800_000_000, 20_000 * MIB),
}
SMALL_JOIN = "(SELECT s.a, t.b FROM small s JOIN tiny t ON s.id = t.id WHERE s.b > 3)"


def _sources(table: str) -> FileSource:
    volume = "pvc://disk" if table == "mounted" else "/data"
    return FileSource((f"{volume}/{table}.parquet",), Format.PARQUET)


def _catalog() -> Catalog:
    facts = TABLES | {"mounted": TABLES["tiny"]}
    return Catalog({name: _sources(name) for name in facts}, lambda source, _: facts[Path(source.uris[0]).stem])


def _jobs(sql: str, options: CompileOptions | None = None) -> int:
    return len(compile_query(sql, _catalog(), options).chain.jobs)


def test_a_side_of_small_tables_is_no_job() -> None:
    (job,) = compile_query(f"SELECT l.id, w.b FROM large l JOIN {SMALL_JOIN} w ON l.a = w.a", _catalog()).chain.jobs
    assert {side.source.uris[0] for side in job.side_inputs if isinstance(side.source, FileSource)} == {
        "/data/small.parquet",
        "/data/tiny.parquet",
    }


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT l.id, w.b FROM huge l JOIN {SMALL_JOIN} w ON l.a = w.a",
        "SELECT l.id, w.b FROM large l JOIN split w ON l.a = w.a",
        "SELECT l.id, w.b FROM large l JOIN (SELECT a, b FROM tiny WHERE random() < 0.5) w ON l.a = w.a",
        "SELECT l.id, w.b FROM large l JOIN (SELECT a, sum(b) AS b FROM tiny GROUP BY a) w ON l.a = w.a",
        "SELECT l.id, w.b FROM large l JOIN (SELECT a, b FROM tiny LIMIT 5) w ON l.a = w.a",
        "SELECT l.id, w.b FROM large l JOIN mounted w ON l.a = w.a",
    ],
    ids=["many tasks", "many files", "other rows each time", "groups", "a limit", "on a volume"],
)
def test_other_sides_are_computed_once(sql: str) -> None:
    assert _jobs(sql) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.b, w.n FROM (SELECT a, count(*) AS n FROM large GROUP BY a HAVING count(*) > 5) w "
        "JOIN tiny t ON t.a = w.a",
        "SELECT id FROM tiny WHERE a IN (SELECT a FROM large GROUP BY a HAVING sum(b) > 9)",
        "SELECT id FROM tiny t LEFT JOIN (SELECT a, sum(b) AS b FROM large GROUP BY a) w ON t.a = w.a",
    ],
    ids=["inner", "semi", "left"],
)
def test_a_tiny_table_is_read_where_the_rows_of_the_other_side_are(sql: str) -> None:
    (job,) = compile_query(sql, _catalog(), CompileOptions(partitions=1)).chain.jobs
    assert [side.source.uris for side in job.side_inputs if isinstance(side.source, FileSource)] == [
        ("/data/tiny.parquet",)
    ]


def test_the_preserved_side_stays_in_tasks_of_its_own_where_the_other_lies_in_several() -> None:
    sql = "SELECT id FROM tiny WHERE a IN (SELECT a FROM large GROUP BY a HAVING sum(b) > 9)"
    assert _jobs(sql, CompileOptions(partitions=2)) == 2
