"""Parameters, dialects, paths and the instant of a query: what a text means before it is planned."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sql_checks import SPREADS, Database, same, single_reasons
from sql_reference import Reference

from gristmill.errors import InvalidQuery
from gristmill_sql import CompileOptions, compile_query


def test_parameters_by_position_are_typed_values(oddities: Database) -> None:
    values = (3, "y", Decimal("12345.5"), date(2024, 1, 5), None, 2.5, True, b"\x00'")
    sql = "SELECT id, ? AS s, ? AS m, ? AS day, ? AS n, ? AS d, ? AS f, ? AS raw FROM t WHERE id < ?"
    params = (*values[1:], values[0])
    query = compile_query(sql, oddities.catalog, CompileOptions(params=params))
    rows = Reference().run(query.chain).rows
    assert [row[1:] for row in rows] == [values[1:]] * 3
    assert [c.type for c in query.schema[1:5]] == ["VARCHAR", "DECIMAL(6,1)", "DATE", "INTEGER"]


def test_parameters_are_never_pasted(oddities: Database) -> None:
    evil = "x' OR '1'='1"
    query = compile_query("SELECT id FROM t WHERE s = $name", oddities.catalog, CompileOptions(params={"name": evil}))
    assert Reference().run(query.chain).rows == []


def test_numbered_parameters_may_repeat(oddities: Database) -> None:
    query = compile_query("SELECT $2 - $1 + $1 AS x", oddities.catalog, CompileOptions(params=(5, 7)))
    assert Reference().run(query.chain).rows == [(7,)]


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT id::TEXT, a IS NOT DISTINCT FROM b AS eq FROM t ORDER BY s NULLS FIRST, id"),
        ("mysql", "SELECT `id`, IFNULL(a, -1) FROM t ORDER BY s, id DESC LIMIT 2, 5"),
        (
            "snowflake",
            "SELECT id, IFF(a > 2, 'x', 'y') AS k FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY id) = 1",
        ),
        ("spark", "SELECT a, COLLECT_LIST(id) AS ids FROM t GROUP BY a"),
        ("tsql", "SELECT TOP 3 [id] FROM t ORDER BY id"),
    ],
)
def test_dialects_are_translated(dialect: str, sql: str, oddities: Database) -> None:
    query = compile_query(sql, oddities.catalog, CompileOptions(dialect=dialect))
    same(Reference().run(query.chain), oddities.expected(query.parsed.text), ordered=query.ordered)


@pytest.mark.parametrize(
    ("dialect", "sql", "meant"),
    [
        (
            "spark",
            "SELECT /*+ BROADCAST(u) */ t.id FROM t JOIN u ON t.a = u.a",
            "SELECT t.id FROM t JOIN u ON t.a = u.a",
        ),
        (
            "spark",
            "SELECT a, s, sum(b) FROM t GROUP BY a, s WITH ROLLUP",
            "SELECT a, s, sum(b) FROM t GROUP BY ROLLUP (a, s)",
        ),
        (
            "spark",
            "SELECT a, s, sum(b) FROM t GROUP BY a, s GROUPING SETS ((a), (s))",
            "SELECT a, s, sum(b) FROM t GROUP BY GROUPING SETS ((a), (s))",
        ),
        (
            "spark",
            "SELECT id, e FROM t LATERAL VIEW explode(CASE WHEN id > 9 THEN l END) x AS e",
            "SELECT id, unnest(l) AS e FROM t WHERE id > 9",
        ),
        (
            "spark",
            "SELECT id, e FROM t LATERAL VIEW OUTER explode(CASE WHEN id > 9 THEN l END) x AS e",
            "SELECT id, unnest(CASE WHEN id > 9 THEN l ELSE [NULL] END) AS e FROM t",
        ),
        (
            "tsql",
            "SELECT t.id, x.n FROM t CROSS APPLY (SELECT COUNT(*) AS n FROM u WHERE u.a = t.a) x",
            "SELECT t.id, (SELECT count(*) FROM u WHERE u.a = t.a) AS n FROM t",
        ),
        (
            "tsql",
            "SELECT t.id, x.uid FROM t OUTER APPLY (SELECT TOP 1 u.uid FROM u WHERE u.a = t.a ORDER BY u.uid) x",
            "SELECT t.id, (SELECT min(uid) FROM u WHERE u.a = t.a) AS uid FROM t",
        ),
        (
            "bigquery",
            "SELECT a, ARRAY_AGG(id ORDER BY id LIMIT 2) AS i FROM t GROUP BY a",
            "SELECT a, list(id ORDER BY id)[1:2] AS i FROM t GROUP BY a",
        ),
        ("postgres", "SELECT generate_series(1, 3) AS g", "SELECT unnest([1, 2, 3]) AS g"),
        ("postgres", "SELECT id FROM t ORDER BY id FETCH FIRST 5 ROWS ONLY", "SELECT id FROM t ORDER BY id LIMIT 5"),
    ],
)
def test_dialects_mean_what_they_say(dialect: str, sql: str, meant: str, oddities: Database) -> None:
    for options in SPREADS:
        query = compile_query(sql, oddities.catalog, replace(options, dialect=dialect))
        assert not single_reasons(query)
        actual, expected = Reference().run(query.chain), oddities.expected(meant)
        assert sorted(map(str, actual.rows)) == sorted(map(str, expected.rows))


def test_a_lateral_view_that_would_mean_something_else_is_refused(oddities: Database) -> None:
    sql = "SELECT id, e FROM t LATERAL VIEW OUTER posexplode(l) x AS p, e"
    with pytest.raises(InvalidQuery, match="posexplode is not supported"):
        compile_query(sql, oddities.catalog, CompileOptions(dialect="spark"))


@pytest.mark.parametrize("form", ["'{}'", "read_parquet('{}')", '"{}"'])
def test_paths_are_tables(form: str, oddities: Database) -> None:
    path = form.format(oddities.tables["u"])
    query = compile_query(f"SELECT count(*), sum(x.uid) FROM {path} AS x", oddities.catalog)
    assert Reference().run(query.chain).rows == [(25, 300)]


def test_now_is_one_instant(oddities: Database) -> None:
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
    sql = "SELECT DISTINCT now() = current_timestamp AS same, current_date AS d, typeof(now()) AS t FROM t"
    query = compile_query(sql, oddities.catalog, CompileOptions(now=moment))
    assert Reference().run(query.chain).rows == [(True, date(2024, 2, 29), "TIMESTAMP WITH TIME ZONE")]


def test_times_of_day_are_those_of_the_one_instant(oddities: Database) -> None:
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
    calls = "localtimestamp, current_localtimestamp(), localtime, current_localtime(), current_time, get_current_time()"
    query = compile_query(f"SELECT DISTINCT {calls} FROM t", oddities.catalog, CompileOptions(now=moment))
    naive = moment.replace(tzinfo=None)
    expected = (naive, naive, naive.time(), naive.time(), moment.timetz(), moment.timetz())
    assert Reference().run(query.chain).rows == [expected]


def test_equal_names_of_a_result_are_numbered(oddities: Database) -> None:
    query = compile_query("SELECT a, b AS a, s AS A FROM t", oddities.catalog)
    assert [c.name for c in query.schema] == ["a", "a_1", "A_2"]


def test_compiling_twice_gives_the_same_chain(oddities: Database) -> None:
    sql = "SELECT t.a, count(DISTINCT u.s), sum(u.m) FROM t JOIN u ON t.a = u.a GROUP BY t.a ORDER BY 2"
    assert compile_query(sql, oddities.catalog).chain == compile_query(sql, oddities.catalog).chain
