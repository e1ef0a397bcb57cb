"""ClickBench's 43 queries over generated hits: DuckDB's answers, all of them spread."""

from pathlib import Path

import pytest
from clickbench_data import write_hits
from sql_checks import SPREADS, Database, single_reasons

TEXT = (Path(__file__).parent / "clickbench.sql").read_text().partition("\n")[2]
QUERIES = [query.strip() for query in TEXT.split(";\n") if query.strip()]


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("clickbench") / "hits.parquet"
    write_hits(path)
    return Database({"hits": path})


def test_the_table_has_the_columns_of_clickbench(hits: Database) -> None:
    assert len(QUERIES) == 43
    assert len(hits.expected("FROM hits LIMIT 0").names) == 105


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_clickbench_query_equals_duckdb_and_is_spread(number: int, hits: Database) -> None:
    assert hits.expected(QUERIES[number]).rows, "the data should leave rows to compare"
    (compiled,) = hits.check(QUERIES[number], [SPREADS[1]])
    assert single_reasons(compiled) == []
