"""DataFusion as a third opinion: it gives DuckDB's answers to all of TPC-H and TPC-DS, which are Gristmill's, too.

(``test_tpch`` and ``test_tpcds`` compare Gristmill's with DuckDB's.) Where a comparison of the suites fails, the
verdict stands under it.
"""

from pathlib import Path

import pytest
from sql_checks import Database
from third_opinion import agree, third_opinion, verdict

HERE = Path(__file__).parent
QUERIES = {name: sorted((HERE / name).glob("q*.sql")) for name in ("tpch", "tpcds")}
CASES = [(name, path) for name, paths in QUERIES.items() for path in paths]


@pytest.mark.parametrize(("benchmark", "path"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_datafusion_gives_duckdbs_answer(benchmark: str, path: Path, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(benchmark)
    third = third_opinion(path.read_text(), database.tables)
    assert third is not None
    assert agree(third, database.expected(path.read_text()).rows)


def test_a_verdict_says_who_stands_alone(oddities: Database) -> None:
    sql = "SELECT count(*) AS n FROM t"
    right, wrong = [(60,)], [(61,)]
    for ours, duckdb, said in [
        (right, right, "all three agree"),
        (right, wrong, "DuckDB stands alone"),
        (wrong, right, "we stand alone"),
        (wrong, wrong, "three answers"),
    ]:
        assert verdict(sql, oddities.tables, ours, duckdb).startswith(said)
    assert "does not take" in verdict("SELECT no_such_function(id) FROM t", oddities.tables, right, right)
