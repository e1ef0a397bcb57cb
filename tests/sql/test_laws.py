"""Laws of every answer: it does not depend on partitions, splits, broadcasts, join order, row order or workers."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sql_checks import Database, same
from sql_reference import Reference, Result

import gristmill as gm
from gristmill_sql import CompileOptions, compile_query

QUERIES = {
    "join": "SELECT x.s, count(*) AS n, sum(y.m) AS m, max(z.a) AS a FROM {x}, {y}, {z} "
    "WHERE x.a = y.a AND y.a = z.a AND x.b > -4 GROUP BY x.s",
    "outer join": "SELECT x.id, y.uid, z.s FROM ({x} JOIN {z} ON x.a = z.a) LEFT JOIN u y ON y.a = z.a AND y.uid > 9 "
    "WHERE x.id < 30",
    "windows": "SELECT x.id, y.uid, lag(x.b) OVER (ORDER BY x.id, y.uid) AS l, "
    "ntile(5) OVER (ORDER BY x.id, y.uid) AS t, "
    "sum(y.uid) OVER (PARTITION BY x.a ORDER BY x.id, y.uid) AS s FROM {x}, {y} WHERE x.a = y.a",
    "quantiles": "SELECT median(x.b), quantile_disc(y.uid, [0.1, 0.7]), count(DISTINCT x.s), stddev(x.b) "
    "FROM {x}, {y} WHERE x.a = y.a",
    "subqueries": "SELECT x.id FROM {x}, {z} WHERE x.a = z.a AND (x.a, x.s) NOT IN (SELECT a, s FROM u WHERE uid > 20) "
    "AND x.b <= ALL (SELECT uid FROM u WHERE u.s = x.s)",
    "sets": "(SELECT a, s FROM t EXCEPT ALL SELECT a, s FROM u WHERE uid < 9) UNION ALL SELECT x.a, y.s FROM {x}, {y} "
    "WHERE x.a = y.a INTERSECT SELECT a, s FROM u",
    "grouping sets": "SELECT x.s, y.a, count(DISTINCT x.b) AS n, sum(y.uid) FILTER (WHERE x.flag) AS m, grouping(x.s) "
    "FROM {x}, {y} WHERE x.a = y.a GROUP BY CUBE (x.s, y.a)",
    "nested": "SELECT x.id, w.m, v.e FROM {x}, {y}, LATERAL (SELECT max(uid) AS m FROM u q WHERE q.a < x.a) w, "
    "unnest(x.l) v(e) WHERE x.a = y.a AND y.uid < 12",
    "nearest": "SELECT x.id, z.uid, v.uid AS n FROM ({x} JOIN {z} ON x.a = z.a) ASOF LEFT JOIN u v "
    "ON x.a = v.a AND x.day >= v.day",
    "aggregates by key": "SELECT x.id, y.uid FROM {x}, {y} WHERE x.a = y.a AND x.b < 2 "
    "AND y.uid > (SELECT avg(uid) - 9 FROM u WHERE u.a = x.a AND u.s = x.s) "
    "AND NOT EXISTS (SELECT * FROM t w WHERE w.a = y.a AND w.id <> x.id AND w.b > 3)",
    "ordered": "SELECT x.id, y.uid FROM {x}, {y} WHERE x.a = y.a ORDER BY x.b DESC, x.id, y.uid LIMIT 40 OFFSET 3",
}
TABLES = {"x": "t x", "y": "u y", "z": "u z"}


def _orders(query: str) -> list[str]:
    """The query with the tables of its FROM in each order."""
    names = [name for name in TABLES if f"{{{name}}}" in query]
    return [
        query.format(**{name: TABLES[chosen] for name, chosen in zip(names, order, strict=True)})
        for order in itertools.permutations(names)
    ]


def _answer(database: Database, sql: str, options: CompileOptions, splits: int) -> tuple[Result, bool]:
    compiled = compile_query(sql, database.catalog, options)
    return Reference(splits).run(compiled.chain), compiled.ordered


@pytest.fixture(scope="module")
def shuffled(oddities: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The same tables with their rows in another order."""
    folder = tmp_path_factory.mktemp("shuffled")
    with duckdb.connect() as connection:
        for name, path in oddities.tables.items():
            order = "hash(id)" if name == "t" else "ALL DESC"
            rows = f"FROM '{path}' ORDER BY {order}"
            connection.execute(f"COPY ({rows}) TO '{folder}/{name}.parquet' (FORMAT parquet)")
    return Database({name: folder / f"{name}.parquet" for name in oddities.tables})


@pytest.mark.parametrize("name", QUERIES)
def test_answer_does_not_depend_on_how_rows_are_spread(name: str, oddities: Database) -> None:
    sql = _orders(QUERIES[name])[0]
    expected = oddities.expected(sql)
    for partitions, bytes_, splits, by_keys in ((1, 1 << 20, 1, 0), (3, 0, 4, 0), (7, 300, 1, -1), (3, 1 << 20, 4, -1)):
        options = CompileOptions(partitions=partitions, broadcast_bytes=bytes_, single_rows=0, filter_rows=by_keys)
        actual, ordered = _answer(oddities, sql, options, splits)
        same(actual, expected, ordered=ordered)


@pytest.mark.parametrize("name", QUERIES)
def test_answer_does_not_depend_on_the_order_of_joins_or_rows(
    name: str, oddities: Database, shuffled: Database
) -> None:
    texts = _orders(QUERIES[name])
    expected = oddities.expected(texts[0])
    options = CompileOptions(partitions=3, broadcast_bytes=300, single_rows=0)
    for sql, database in [*((text, oddities) for text in texts[1:3]), (texts[0], shuffled)]:
        actual, ordered = _answer(database, sql, options, 3)
        same(actual, expected, ordered=ordered)


@pytest.fixture(scope="module")
def sessions() -> Iterator[tuple[gm.Session, gm.Session]]:
    """Worker processes, one and three of them."""
    with gm.Session(workers=1, idle_s=60) as one, gm.Session(workers=3, idle_s=60) as three:
        yield one, three


@pytest.mark.parametrize("name", QUERIES)
def test_answer_does_not_depend_on_workers(
    name: str, oddities: Database, sessions: tuple[gm.Session, gm.Session]
) -> None:
    sql = _orders(QUERIES[name])[0]
    sql = sql if name == "ordered" else f"{sql} ORDER BY ALL"
    tables: dict[str, Path] = oddities.tables
    answers = [session.sql(sql, tables=tables, force_distributed=True, partitions=3).arrow() for session in sessions]
    assert answers[0].equals(answers[1])
    assert answers[0].num_rows == len(oddities.expected(sql).rows)
