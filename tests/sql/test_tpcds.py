"""TPC-DS: every query gives DuckDB's answer when all is shuffled; at least 95 of 99 are spread.

The texts are those of the specification with its default parameters, in DuckDB's dialect.
"""

from pathlib import Path

import pytest
from sql_checks import SPREADS, Database, single_reasons

QUERIES = sorted((Path(__file__).parent / "tpcds").glob("q*.sql"))
IN_ONE_TASK: dict[str, str] = {}
"""Queries that one task must run a part of, and why."""


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_tpcds_query_equals_duckdb(path: Path, tpcds: Database) -> None:
    (compiled,) = tpcds.check(path.read_text(), [SPREADS[1]])
    assert single_reasons(compiled) == [reason for name, reason in IN_ONE_TASK.items() if name == path.stem]


def test_nearly_all_of_tpcds_is_spread() -> None:
    assert len(QUERIES) == 99
    assert len(IN_ONE_TASK) <= 4
