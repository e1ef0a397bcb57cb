"""Random queries over random databases: every one that DuckDB answers has the same answer as a chain of jobs.

``GRISTMILL_FUZZ`` is how many databases are tried, ``GRISTMILL_FUZZ_SEED`` which: the same ones each time, so that a
change is not refused for what it has nothing to do with, unless told otherwise (``make fuzz`` tries many, and others
each time). A failure prints the seed, the tables and the query, as small as hypothesis can make them.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from fuzz_tables import Shape, databases
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st
from sql_checks import Database, same
from sql_operators import functions, operators, statistics
from sql_rarities import Limited, limited, rarities
from sql_reference import Reference, Result
from sql_statements import partitions_of, queries
from sql_twins import twins

from gristmill_sql import CompileOptions, compile_query

DATABASES = int(os.environ.get("GRISTMILL_FUZZ", "300"))
SEED = int(os.environ.get("GRISTMILL_FUZZ_SEED", "20261122"))
QUERIES = 7
"""Queries for each database of the comparison with DuckDB: 2,100 in all unless told otherwise."""
pytestmark = pytest.mark.timeout(max(1200, 6 * DATABASES))
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]


@st.composite
def spreads(draw: st.DrawFn) -> tuple[CompileOptions, int]:
    """Options of the planner, and into how many tasks each file is cut."""
    small = draw(st.sampled_from([0, 300, 1 << 20]))
    by_keys = draw(st.sampled_from([-1, 300_000]))
    options = CompileOptions(
        partitions=draw(st.integers(1, 7)), broadcast_bytes=small, single_rows=small, filter_rows=by_keys
    )
    return options, draw(st.integers(1, 4))


@pytest.fixture(autouse=True)
def _seed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print(f"GRISTMILL_FUZZ_SEED={SEED}")


def _described(shape: Shape) -> None:
    for table, rows in zip(shape.tables, shape.statements, strict=True):
        note(f"CREATE TABLE {table.name} AS {rows};")


@settings(max_examples=DATABASES, deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_random_queries_equal_duckdb(data: st.DataObject) -> None:
    _equal_duckdb(data, queries)


@settings(max_examples=max(1, DATABASES // 6), deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_operators_and_functions_equal_duckdb(data: st.DataObject) -> None:
    """Operators without parentheses, functions, aggregates, types and clauses that few use."""
    rare = (operators, functions, statistics, rarities, rarities, rarities)
    _equal_duckdb(data, lambda shape: st.one_of([each(shape) for each in rare]))


@settings(max_examples=max(1, DATABASES // 40), deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_limits_with_ties_give_some_of_the_rows(data: st.DataObject) -> None:
    """As many rows as DuckDB gives, with the values that it orders by, and each of them one of all rows."""
    shape = data.draw(databases())
    _described(shape)
    with tempfile.TemporaryDirectory() as folder:
        database = shape.build(Path(folder))
        for _ in range(QUERIES):
            query = data.draw(limited(shape))
            options, splits = data.draw(spreads())
            note(f"{query.sql};\n-- {options}, splits={splits}")
            if _is_answered(database, query.whole) and _is_answered(database, query.keys):
                _some_of_the_rows(database, query, _answer(database, query.sql, options, splits))


@settings(max_examples=max(1, DATABASES // 10), deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_what_stands_twice_equals_duckdb(data: st.DataObject) -> None:
    """Tables and parts that a query has more than once, which a plan may read or compute once."""
    _equal_duckdb(data, twins)


@settings(max_examples=max(1, DATABASES // 6), deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_a_predicate_splits_rows_in_three(data: st.DataObject) -> None:
    """Ternary logic partitioning (Rigger and Su, OOPSLA 2020): rows where it is true, false or NULL are all rows."""
    shape = data.draw(databases())
    _described(shape)
    values, source, predicate = data.draw(partitions_of(shape))
    note(f"SELECT {values} FROM {source} -- {predicate}")
    whole = f"SELECT {values} FROM {source}"
    parts = [f"{whole} WHERE {term}" for term in (predicate, f"NOT ({predicate})", f"({predicate}) IS NULL")]
    with tempfile.TemporaryDirectory() as folder:
        database = shape.build(Path(folder))
        _same_answer(data, database, " UNION ALL ".join(parts), whole)


@settings(max_examples=max(1, DATABASES // 6), deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_filtering_counts_what_the_predicate_holds_for(data: st.DataObject) -> None:
    """NoREC (Rigger and Su, ESEC/FSE 2020): what filters may be planned in many ways, what is selected in few."""
    shape = data.draw(databases())
    _described(shape)
    _, source, predicate = data.draw(partitions_of(shape))
    note(f"{source} -- {predicate}")
    filtered = f"SELECT count(*) AS n FROM {source} WHERE {predicate}"
    selected = f"SELECT count(CASE WHEN p THEN 1 END) AS n FROM (SELECT ({predicate}) AS p FROM {source})"
    with tempfile.TemporaryDirectory() as folder:
        database = shape.build(Path(folder))
        _same_answer(data, database, filtered, selected)


@settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
@seed(SEED)
@given(data=st.data())
def test_duckdb_binds_every_predicate_that_is_drawn(data: st.DataObject) -> None:
    """Types meet where the grammar can know them: the binder refuses nothing, be it that a value overflows."""
    shape = data.draw(databases())
    _described(shape)
    values, source, predicate = data.draw(partitions_of(shape))
    with tempfile.TemporaryDirectory() as folder:
        database = shape.build(Path(folder))
        database.connection.execute(f"DESCRIBE SELECT {values} FROM {source} WHERE {predicate}")


def _equal_duckdb(data: st.DataObject, statements: Callable[[Shape], st.SearchStrategy[str]]) -> None:
    """Several statements over one database, each spread in some way: those that DuckDB answers have its answer."""
    shape = data.draw(databases())
    _described(shape)
    with tempfile.TemporaryDirectory() as folder:
        database = shape.build(Path(folder))
        for _ in range(QUERIES):
            sql = data.draw(statements(shape))
            options, splits = data.draw(spreads())
            note(f"{sql};\n-- {options}, splits={splits}")
            if _is_answered(database, sql):
                database.check(sql, [options], splits)


def _some_of_the_rows(database: Database, query: Limited, answer: Result) -> None:
    keys = database.expected(query.keys)
    if query.is_ordered:
        same(Result(keys.names, keys.types, [row[:1] for row in answer.rows]), keys, ordered=True)
    assert len(answer.rows) == (len(keys.rows) if query.is_ordered else keys.rows[0][0])
    assert not Counter(map(repr, answer.rows)) - Counter(map(repr, database.expected(query.whole).rows))


def _same_answer(data: st.DataObject, database: Database, one: str, other: str) -> None:
    """Both queries have one answer, if DuckDB has any: what it alone takes is a failure as well."""
    if _is_answered(database, one) and _is_answered(database, other):
        answers = [_answer(database, sql, *data.draw(spreads())) for sql in (one, other)]
        same(*answers, ordered=False)


def _is_answered(database: Database, sql: str) -> bool:
    """Whether DuckDB answers a query; else the note says why not."""
    try:
        database.expected(sql)
    except duckdb.Error as refusal:
        note(f"refused: {refusal}")
        return False
    return True


def _answer(database: Database, sql: str, options: CompileOptions, splits: int) -> Result:
    return Reference(splits).run(compile_query(sql, database.catalog, options).chain)
