"""One query for each thing that SQL can say: the answer equals DuckDB's, types included, however it is spread.

queries.sql holds them, in groups; a comment ``-- single`` after a query says that one task must run a part of it,
``-- may be single`` that this depends on sizes.
"""

import re
from pathlib import Path

import pytest
from sql_checks import Database, single_reasons

TEXT = (Path(__file__).parent / "queries.sql").read_text()
QUERIES = [q.strip() for q in re.split(r";[ \t]*\n", re.sub(r"(?m)^--.*\n", "", TEXT)) if q.strip()]


@pytest.mark.parametrize("query", QUERIES)
def test_query_equals_duckdb(query: str, oddities: Database) -> None:
    sql, _, mark = query.partition("--")
    for compiled in oddities.check(sql.rstrip()):
        assert mark == " may be single" or bool(single_reasons(compiled)) == (mark == " single")
