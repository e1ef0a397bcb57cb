"""DuckDB's own macros that aggregate or unnest (``geomean``, ``json_group_array``, …) as what they stand for.

Called where names are resolved: such a call looks like a function of one row, but it is not one. Other macros are left
to DuckDB, which expands them in the task.
"""

from __future__ import annotations

import functools

import duckdb
from sqlglot import exp, parse_one

from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import is_aggregate
from gristmill_sql.verbatim import Verbatim

_Definition = tuple[tuple[str, ...], exp.Expr]


def expanded_macro(node: exp.Expr) -> exp.Expr | None:
    """What a call stands for; None for what is no call of such a macro."""
    if not isinstance(node, exp.Anonymous) or (name := str(node.this).lower()) not in _definitions():
        return None
    for parameters, body in _definitions()[name]:
        if len(parameters) == len(node.expressions):
            values = dict(zip(parameters, node.expressions, strict=True))
            return exp.Paren(this=replaced(body, functools.partial(_argument, values)))
    return None


def _argument(values: dict[str, exp.Expr], node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Column) and node.name.casefold() in values:
        return exp.Paren(this=copied(values[node.name.casefold()]))
    return None


@functools.cache
def _definitions() -> dict[str, list[_Definition]]:
    """Parameters and body of each macro that does not work row by row, by its lower-case name."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT lower(function_name), parameters, macro_definition FROM duckdb_functions() "
            "WHERE function_type = 'macro' AND schema_name = 'main' ORDER BY ALL"
        ).fetchall()
    bodies = [
        (name, (tuple(p.casefold() for p in given), parse_one(text, read=Verbatim))) for name, given, text in rows
    ]
    found: dict[str, list[_Definition]] = {}
    while more := [pair for pair in bodies if pair[0] not in found and _spans_rows(pair[1][1], found)]:
        for name, definition in more:  # and in the next round the macros that call these
            found.setdefault(name, []).append(definition)
    return found


def _spans_rows(body: exp.Expr, known: dict[str, list[_Definition]]) -> bool:
    return any(
        is_aggregate(node)
        or isinstance(node, exp.Explode | exp.Unnest)
        or (isinstance(node, exp.Anonymous) and str(node.this).lower() in known)
        for node in body.walk()
    )
