"""TPC-H: every query gives DuckDB's answer, however it is spread, and is spread."""

from pathlib import Path

import pytest
from sql_checks import Database, single_reasons

QUERIES = sorted((Path(__file__).parent / "tpch").glob("q*.sql"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_tpch_query_is_spread_and_equals_duckdb(path: Path, tpch: Database) -> None:
    for compiled in tpch.check(path.read_text()):
        assert single_reasons(compiled) == []
