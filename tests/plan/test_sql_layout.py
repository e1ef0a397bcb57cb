"""SQL laid out for EXPLAIN: clauses on lines of their own, nothing but white space changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.plan.sql_layout import lay_out


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        (
            "SELECT a, sum(b) FROM t LEFT JOIN u USING (a) WHERE c > 1 GROUP BY a ORDER BY a LIMIT 3",
            [
                "SELECT a, sum(b)",
                "FROM t",
                "LEFT JOIN u USING (a)",
                "WHERE c > 1",
                "GROUP BY a",
                "ORDER BY a",
                "LIMIT 3",
            ],
        ),
        (
            "SELECT a FROM (SELECT a FROM (SELECT b FROM t WHERE c) WHERE d) JOIN u ON a = b",
            [
                "SELECT a",
                "FROM (SELECT a",
                "  FROM (SELECT b",
                "    FROM t",
                "    WHERE c)",
                "  WHERE d)",
                "JOIN u ON a = b",
            ],
        ),
        (
            "SELECT extract(year FROM d), 'x FROM y', \"a WHERE b\", sum(a) OVER (ORDER BY b) FROM t",
            ["SELECT extract(year FROM d), 'x FROM y', \"a WHERE b\", sum(a) OVER (ORDER BY b)", "FROM t"],
        ),
        ("SELECT a IS DISTINCT FROM b, from_unit FROM t", ["SELECT a IS DISTINCT FROM b, from_unit", "FROM t"]),
        ("SELECT 1) FROM (", ["SELECT 1)", "FROM ("]),
    ],
)
def test_each_clause_gets_a_line(sql: str, lines: list[str]) -> None:
    assert lay_out(sql).splitlines() == lines


WORDS = ["SELECT", " ", "FROM", "WHERE", "(", ")", "'", '"', "a", "JOIN", "LEFT"]


@given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_only_white_space_changes(sql: str) -> None:
    assert lay_out(sql).split() == sql.split()
