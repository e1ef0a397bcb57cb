"""Operators that sqlglot reads in another order than DuckDB: parentheses are written where a statement has a query."""

import pytest

from gristmill_sql.operator_order import written_out
from gristmill_sql.oracle import Oracle


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("SELECT ~ a + b FROM t", "SELECT (~((a + b))) FROM t"),
        ("SELECT a || j -> 'k' FROM t", "SELECT ((a || j) -> 'k') FROM t"),
        ("SELECT 1 IN l || m FROM t", "SELECT contains((l || m), 1) FROM t"),
        ("SELECT list_transform(l, lambda e, i: e ^ i)", "SELECT list_transform(l, lambda e, i: (e ^ i))"),
        ("CREATE TABLE x AS SELECT a ^ -b AS c FROM t", "CREATE TABLE x AS SELECT (a ^ (-(b))) AS c FROM t"),
        ("INSERT INTO x (c) SELECT a & b + 1 FROM t", "INSERT INTO x (c) SELECT (a & (b + 1)) FROM t"),
        ("COPY (SELECT a | 1 << b FROM t) TO 'x'", "COPY (SELECT ((a | 1) << b) FROM t) TO 'x'"),
        (
            "CREATE VIEW v AS SELECT @ a - 1 FROM t; FROM v WHERE s !~ 'x' = p;",
            "CREATE VIEW v AS SELECT (@((a - 1))) FROM t; SELECT * FROM v WHERE ((NOT regexp_matches(s, 'x')) = p);",
        ),
    ],
)
def test_parentheses_say_what_duckdb_reads(sql: str, meant: str) -> None:
    assert written_out(sql, Oracle()) == meant


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a + b * c - d % 2 FROM t WHERE NOT a = b AND s LIKE 'x!' ESCAPE '!' OR a IN (1, 2) AND s <> '~^'",
        "SELECT \"a->b\", $1, $name FROM 's3://bucket/*.parquet' WHERE a || b != '&'",
        "SELECT 'an unclosed ~ text",
        "PIVOT t ON a USING sum(b & 1)",
    ],
)
def test_other_texts_stay_as_they_are(sql: str) -> None:
    assert written_out(sql, Oracle()) == sql
