"""PIVOT without IN: a first query finds the values, and the answer is DuckDB's, names included."""

from dataclasses import replace

import pytest
from sql_checks import SPREADS, Database
from sql_reference import Reference

import gristmill as gm
from gristmill.errors import InvalidQuery
from gristmill_sql import compile_query

QUERIES = [
    "PIVOT t ON day USING sum(b) GROUP BY a",
    "PIVOT (SELECT a, b, s, d FROM t WHERE id > 30) ON a, s USING count(*), max(b)",
    "WITH x AS (SELECT * FROM t WHERE b > 0) SELECT * FROM (PIVOT x ON s USING count(*) GROUP BY a) p ORDER BY 1",
    "PIVOT t ON a % 2 IN (0, 1) USING sum(b) GROUP BY s",
    "PIVOT t ON date_trunc('month', day) USING min(m) GROUP BY flag",
    "PIVOT t ON s IN ('x'), a USING sum(b) GROUP BY flag",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_values_are_found_by_a_first_query(sql: str, oddities: Database) -> None:
    def ask(query: str) -> list[str]:
        chain = compile_query(query, oddities.catalog, SPREADS[1]).chain
        return [str(value) for (value,) in Reference().run(chain).rows]

    (compiled,) = oddities.check(sql, [replace(SPREADS[1], ask=ask)])
    assert [c.name for c in compiled.schema] == list(oddities.expected(sql).names)


def test_the_api_runs_the_first_query_itself(oddities: Database) -> None:
    query = gm.sql(QUERIES[2], tables=oddities.tables, partitions=3)
    assert query.arrow().num_rows == len(oddities.expected(QUERIES[2]).rows)


def test_a_wrong_name_is_shown_where_the_user_wrote_it(oddities: Database) -> None:
    with pytest.raises(InvalidQuery, match="nope") as caught:
        gm.sql("PIVOT t ON nope USING sum(b)", tables=oddities.tables).rows()
    assert caught.value.place == "line 1:12"


def test_no_values_are_no_columns(oddities: Database) -> None:
    for options in ({}, {"partitions": 2}):
        made = gm.sql(
            "PIVOT (SELECT a, uid, NULL::VARCHAR AS s FROM u) ON s, a % 2 USING sum(uid) GROUP BY a",
            tables=oddities.tables,
            **options,
        )
        assert sorted(map(tuple, map(dict.items, made.rows()))) == [(("a", n),) for n in range(8)]
        assert gm.sql("PIVOT nothing ON s USING sum(a)", tables=oddities.tables, **options).arrow().column_names == [
            "d"
        ]
