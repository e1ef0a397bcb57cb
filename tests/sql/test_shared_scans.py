"""A table that the same keys filter more than once is read once, where that is sound and pays."""

import pytest
from sql_checks import Database

from gristmill.plan.source import FileSource
from gristmill_sql import CompileOptions, compile_query

WHEREVER_SOUND = CompileOptions(partitions=3, single_rows=0, filter_rows=-1)
SHARING = {
    "least of a group": "SELECT sum(u.uid) FROM u JOIN t ON t.a = u.a WHERE t.s = 'x' AND t.b = 1 AND u.d <= "
    "(SELECT min(d) FROM u WHERE u.a = t.a)",
    "below the average of a group": "SELECT sum(u.uid) FROM u JOIN t ON t.a = u.a WHERE t.s = 'x' AND u.uid < "
    "(SELECT 1.5 * avg(uid) FROM u WHERE u.a = t.a)",
    "another and no other": "SELECT id FROM t WHERE b > 0 AND EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.s <> t.s) "
    "AND NOT EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.s <> t.s AND u.uid > 5)",
    "filters of their own": "SELECT sum(u.uid) FROM u JOIN t ON t.a = u.a WHERE t.s = 'x' AND t.b = 1 AND u.d > 0 "
    "AND u.uid < (SELECT 1.5 * avg(uid) FROM u WHERE u.a = t.a AND u.d > 0 AND u.uid > 1)",
}
READING_TWICE = {
    "keys of two readers": "WITH k AS MATERIALIZED (SELECT DISTINCT a, s FROM t WHERE b > 0) "
    "SELECT count(*) AS n FROM u JOIN k AS x ON x.a = u.a JOIN k AS y ON y.s = u.s "
    "WHERE u.uid > (SELECT count(*) FROM u AS v WHERE EXISTS (SELECT * FROM k WHERE k.a = v.a AND k.s = v.s))",
    "padded rows": "SELECT t.id, u.uid FROM t LEFT JOIN u ON u.a = t.a WHERE t.b > 1 AND t.id > "
    "(SELECT min(uid) FROM u WHERE u.s = t.s)",
    "other keys": "SELECT t.id, u.uid FROM t JOIN u ON u.s = t.s WHERE t.b > 1 AND u.uid = "
    "(SELECT min(uid) FROM u WHERE u.a = t.a)",
    "counted before the join": "SELECT t.id, w.n FROM t JOIN (SELECT max(a) AS a, count(*) AS n FROM u GROUP BY s) w "
    "ON w.a = t.a WHERE t.b > 1 AND EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.s <> t.s)",
}


def _scans(sql: str, table: str, database: Database) -> int:
    """How many maps read the table's files."""
    jobs = compile_query(sql, database.catalog, WHEREVER_SOUND).chain.jobs
    sources = [each.source for job in jobs for each in job.inputs]
    uri = str(database.tables[table])
    return sum(isinstance(source, FileSource) and uri in source.uris for source in sources)


@pytest.mark.parametrize("name", SHARING)
def test_one_scan_serves_all_who_need_the_same_keys(name: str, oddities: Database) -> None:
    assert _scans(SHARING[name], "u", oddities) == 1


@pytest.mark.parametrize("name", READING_TWICE)
def test_rows_of_other_keys_are_read_for_themselves(name: str, oddities: Database) -> None:
    assert _scans(READING_TWICE[name], "u", oddities) == 2


@pytest.mark.parametrize("sql", [*SHARING.values(), *READING_TWICE.values()], ids=[*SHARING, *READING_TWICE])
def test_shared_scans_keep_the_answer(sql: str, oddities: Database) -> None:
    oddities.check(sql, [WHEREVER_SOUND])


def test_small_tables_are_read_again(oddities: Database) -> None:
    for sql in SHARING.values():
        compiled = compile_query(sql, oddities.catalog, CompileOptions(partitions=3))
        assert not compiled.optimized.shared
