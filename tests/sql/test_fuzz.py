"""Random queries: every one that DuckDB answers has the same answer as a chain of jobs, however it is spread."""

import duckdb
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from sql_checks import Database
from sql_grammar import queries

from gristmill_sql import CompileOptions


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    sql=queries(),
    partitions=st.integers(1, 8),
    broadcast_bytes=st.sampled_from([0, 600, 1 << 20]),
    splits=st.integers(1, 4),
)
def test_random_query_equals_duckdb(
    oddities: Database, sql: str, partitions: int, broadcast_bytes: int, splits: int
) -> None:
    note(sql)
    try:
        oddities.expected(sql)
    except duckdb.Error:
        assume(False)
    options = CompileOptions(partitions=partitions, broadcast_bytes=broadcast_bytes, single_rows=broadcast_bytes)
    oddities.check(sql, [options], splits)
