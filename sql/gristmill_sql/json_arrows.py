"""``j -> 'path'`` as an argument of a function: sqlglot reads it as a lambda, DuckDB as the extraction that it is."""

from __future__ import annotations

import re

from sqlglot import exp, parse_one

from gristmill_sql.copies import all_in, copied


def restore_arrows(sql: str, tree: exp.Expr) -> None:
    """Puts extractions in place of lambdas that the text does not call so, in a freshly parsed tree."""
    if "->" not in sql:
        return
    named = {name.casefold() for name in re.findall(r"\blambda\s+\"?(\w+)", sql, re.IGNORECASE)}
    for node in all_in(tree, exp.Lambda):
        first = _first_operand(node.this)
        parameters = {parameter.name.casefold() for parameter in node.expressions}
        if isinstance(first, exp.Literal) and len(parameters) == 1 and not parameters & named:
            column = exp.column(copied(node.expressions[0]))
            arrow = f"{column.sql(dialect='duckdb')} -> {first.sql(dialect='duckdb')}"
            first.replace(parse_one(arrow, read="duckdb"))
            node.replace(exp.Paren(this=copied(node.this)))


def _first_operand(body: exp.Expr) -> exp.Expr:
    while isinstance(body, exp.JSONExtract | exp.JSONExtractScalar):
        body = body.this
    return body
