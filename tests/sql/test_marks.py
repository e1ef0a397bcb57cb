"""The marks of what one task runs: SQL's own words for it."""

import pytest
from sql_checks import SPREADS, Database, single_reasons

from gristmill_sql import compile_query

MARKS = [
    ("SELECT corr(a, b), regr_slope(a, b) FROM t", "corr, regr_slope over all rows"),
    ("SELECT histogram(s) FROM t", "histogram over all rows"),
    ("SELECT max(id, 3), list(id) FROM t", "max, array_agg over all rows"),
]


@pytest.mark.parametrize(("sql", "mark"), MARKS)
def test_a_mark_names_functions_as_sql_does(sql: str, mark: str, oddities: Database) -> None:
    assert single_reasons(compile_query(sql, oddities.catalog, SPREADS[1])) == [mark]
