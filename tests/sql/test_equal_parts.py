"""Parts of a query that are equal but for names are computed once, where that is sound and pays."""

import pytest
from sql_checks import Database

from gristmill_sql import CompileOptions, compile_query
from gristmill_sql.algebra import Shared, inputs_of

WHEREVER_SOUND = CompileOptions(partitions=3, single_rows=0, filter_rows=-1)
SHARING = {
    "more than a share of all": "SELECT t.b, sum(uid) AS n FROM t JOIN u ON t.a = u.a GROUP BY t.b "
    "HAVING sum(uid) > (SELECT sum(uid) * 0.1 FROM t JOIN u ON t.a = u.a)",
    "both halves of a union": "SELECT b, count(*) AS n FROM t JOIN u ON t.a = u.a WHERE u.s = 'x' GROUP BY b UNION ALL "
    "SELECT id, max(uid) FROM t JOIN u ON t.a = u.a WHERE u.s = 'x' GROUP BY id",
    "groups": "SELECT x.s FROM (SELECT s, max(uid) AS m FROM u GROUP BY s) x WHERE x.m < "
    "(SELECT avg(m) FROM (SELECT s, max(uid) AS m FROM u GROUP BY s) y)",
    "filters in another order": "SELECT count(*) AS n FROM (SELECT id FROM t WHERE a > 1 AND b < 3) x "
    "JOIN (SELECT id AS i FROM t WHERE b < 3 AND a > 1) y ON x.id = y.i + 1",
    "one within another": "SELECT x.n, y.n, z.n FROM (SELECT count(*) AS n FROM t JOIN u ON t.a = u.a WHERE b > 0) x, "
    "(SELECT max(uid) AS n FROM t JOIN u ON t.a = u.a WHERE b > 0) y, (SELECT sum(id) AS n FROM t WHERE b > 0) z",
}
APART = {
    "other filters": "SELECT count(*) AS n FROM (SELECT id FROM t WHERE a > 1) x "
    "JOIN (SELECT id AS i FROM t WHERE a > 2) y ON x.id = y.i",
    "other kinds of joins": "SELECT x.n, y.n FROM (SELECT count(*) AS n FROM t JOIN u ON t.a = u.a) x, "
    "(SELECT count(*) AS n FROM t LEFT JOIN u ON t.a = u.a) y",
    "other sides of an unequal join": "SELECT x.n, y.n FROM (SELECT count(*) AS n FROM t JOIN u ON t.a > u.a) x, "
    "(SELECT count(*) AS n FROM t JOIN u ON t.a < u.a) y",
}


def _readers(sql: str, database: Database, options: CompileOptions) -> dict[str, int]:
    """How often each shared relation is read."""
    query = compile_query(sql, database.catalog, options).optimized
    found = dict.fromkeys((name for name, _ in query.shared), 0)
    pending = [query.root, *(relation for _, relation in query.shared)]
    while pending:
        node = pending.pop()
        if isinstance(node, Shared):
            found[node.name] += 1
        pending += inputs_of(node)
    return {name: times for name, times in found.items() if name.startswith("equal rows")}


@pytest.mark.parametrize("name", SHARING)
def test_equal_parts_are_computed_once(name: str, oddities: Database) -> None:
    readers = _readers(SHARING[name], oddities, WHEREVER_SOUND)
    assert readers
    assert all(times > 1 for times in readers.values())


@pytest.mark.parametrize("name", APART)
def test_parts_that_differ_stay_apart(name: str, oddities: Database) -> None:
    assert not _readers(APART[name], oddities, WHEREVER_SOUND)


@pytest.mark.parametrize("sql", [*SHARING.values(), *APART.values()], ids=[*SHARING, *APART])
def test_shared_parts_keep_the_answer(sql: str, oddities: Database) -> None:
    oddities.check(sql, [WHEREVER_SOUND])


def test_each_part_with_a_volatile_function_has_values_of_its_own(oddities: Database) -> None:
    sql = "SELECT x.v = y.v AS same FROM (SELECT random() AS v FROM one) x, (SELECT random() AS v FROM one) y"
    assert not _readers(sql, oddities, WHEREVER_SOUND)


def test_small_parts_are_computed_again(oddities: Database) -> None:
    for sql in SHARING.values():
        assert not _readers(sql, oddities, CompileOptions(partitions=3))
