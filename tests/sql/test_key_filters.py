"""Keys of one side of a join filter the other before its rows move, where that is sound and pays."""

import pytest
from sql_checks import Database

from gristmill.plan.fragment import SqlFragment
from gristmill.plan.source import FileSource
from gristmill_sql import CompileOptions, compile_query

WHEREVER_SOUND = CompileOptions(partitions=3, single_rows=0, filter_rows=-1)
QUERIES = {
    "semi": "SELECT id FROM t WHERE a > 1 AND EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.uid > 3)",
    "anti": "SELECT id FROM t WHERE b < 3 AND NOT EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.s <> t.s)",
    "not in": "SELECT id FROM t WHERE b < 3 AND a NOT IN (SELECT a FROM u WHERE s = 'x')",
    "left": "SELECT t.id, w.n FROM t LEFT JOIN (SELECT a, s, count(*) AS n FROM u GROUP BY a, s) w "
    "ON w.a = t.a WHERE t.b = 2",
    "right": "SELECT w.n, t.id FROM (SELECT a, count(*) AS n FROM u GROUP BY a) w RIGHT JOIN t ON w.a = t.a "
    "WHERE t.b = 2",
    "null is a key": "SELECT t.id, w.n FROM t JOIN (SELECT s, count(*) AS n FROM u GROUP BY s) w "
    "ON w.s IS NOT DISTINCT FROM t.s WHERE t.b > 0",
    "correlated aggregate": "SELECT id FROM t WHERE b < (SELECT avg(uid) FROM u WHERE u.a = t.a) AND s = 'x'",
    "correlated count": "SELECT id, (SELECT count(*) FROM u WHERE u.a = t.a AND u.d > 1) AS n FROM t WHERE b = 3",
    "window": "SELECT t.id, w.r FROM t JOIN (SELECT a, uid, rank() OVER (PARTITION BY a ORDER BY uid) AS r FROM u) w "
    "ON w.a = t.a WHERE t.b = 1",
    "window of all": "SELECT t.id, w.r FROM t JOIN (SELECT a, row_number() OVER (ORDER BY uid) AS r FROM u) w "
    "ON w.a = t.a WHERE t.b = 1",
    "limited": "SELECT t.id, w.uid FROM t JOIN (SELECT a, uid FROM u ORDER BY uid LIMIT 9) w ON w.a = t.a "
    "WHERE t.b = 1",
    "union": "SELECT t.id, w.n FROM t JOIN (SELECT a, count(*) AS n FROM (SELECT a FROM u UNION ALL SELECT a FROM one) "
    "GROUP BY a) w ON w.a = t.a WHERE t.b = 1",
    "keys of a part": "SELECT t.id, w.n FROM t JOIN one ON t.a = one.a JOIN (SELECT a, s, count(*) AS n FROM u "
    "GROUP BY a, s) w ON w.a = t.a AND w.s = t.s",
    "grouping sets": "SELECT t.id, w.n FROM t JOIN (SELECT a, s, count(*) AS n FROM u GROUP BY ROLLUP (a, s)) w "
    "ON w.a IS NOT DISTINCT FROM t.a WHERE t.b = 1",
    "padded": "SELECT t.id, w.n FROM t JOIN (SELECT u.a, count(*) AS n FROM t o LEFT JOIN u ON o.id = u.uid "
    "GROUP BY u.a) w ON w.a = t.a WHERE t.b = 1",
    "three alike": "SELECT t.id, u.uid FROM t JOIN u ON t.a = u.a JOIN one ON one.a = u.a WHERE u.uid > 2",
}


@pytest.mark.parametrize("name", QUERIES)
def test_filters_by_key_keep_the_answer(name: str, oddities: Database) -> None:
    oddities.check(QUERIES[name], [WHEREVER_SOUND])


def _filtered(sql: str, options: CompileOptions, database: Database) -> set[str]:
    """The tables of which map tasks leave rows out by keys."""
    names = {str(path): name for name, path in database.tables.items()}
    inputs = [each for job in compile_query(sql, database.catalog, options).chain.jobs for each in job.inputs]
    found = set[str]()
    for each in inputs:
        if isinstance(each.source, FileSource) and isinstance(each.map, SqlFragment):
            found |= {names[uri] for uri in each.source.uris if "SEMI JOIN side" in each.map.sql}
    return found


@pytest.mark.parametrize("name", ["anti", "left", "right", "correlated aggregate", "window"])
def test_rows_are_left_out_before_they_move(name: str, oddities: Database) -> None:
    assert "u" in _filtered(QUERIES[name], WHEREVER_SOUND, oddities)


@pytest.mark.parametrize("name", ["window of all", "limited"])
def test_rows_that_others_count_on_stay(name: str, oddities: Database) -> None:
    assert "u" not in _filtered(QUERIES[name], WHEREVER_SOUND, oddities)


def test_nothing_is_left_out_by_key_where_little_would_be_spared(oddities: Database) -> None:
    assert _filtered(QUERIES["correlated aggregate"], CompileOptions(partitions=3), oddities) == set()
