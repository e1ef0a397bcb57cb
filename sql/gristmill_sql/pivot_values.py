"""PIVOT without its list of values: a first query finds the distinct values, which then stand in the list.

Called by ``parse``. The columns of a result must be known before its rows are planned, so that the first query has run
when the second one is bound; between the two the data may change, as with any two queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill_sql.copies import all_in, copied, text_of
from gristmill_sql.diagnose import Span, invalid
from gristmill_sql.literals import data_type

Ask = Callable[[str], Sequence[str]]
"""Runs a query of one column of texts and gives its rows."""

MAX_VALUES = 10_000


def fill_pivots(sql: str, tree: exp.Expr, ask: Ask | None, place: Callable[[exp.Expr], Span | None]) -> bool:
    """Gives each PIVOT in a freshly parsed tree its values; whether any lacked them. Raises InvalidQuery.

    One whose rows have no values stays as it is: it has no columns but those that it groups by.
    """
    pivots = all_in(tree, exp.Pivot) if "pivot" in sql.casefold() else []
    lacking = [pivot for pivot in pivots if _lacks_values(pivot)]
    for pivot in reversed(lacking):  # inner ones first
        listed = [_listed(sql, pivot, each, ask, place) for each in pivot.expressions]
        if all(each.expressions for each in listed):
            pivot.set("expressions", listed)
    return bool(lacking)


def _lacks_values(pivot: exp.Pivot) -> bool:
    if pivot.args.get("unpivot") or pivot.args.get("fields"):
        return False
    return not all(_is_list(each) for each in pivot.expressions)


def _is_list(node: exp.Expr) -> bool:
    """Whether a term is a column with its values; ``a % 2 IN (0, 1)`` is an expression with values of its own."""
    operators = exp.Binary | exp.Not | exp.Neg | exp.Predicate
    return isinstance(node, exp.In) and not isinstance(node.this, operators)


def _listed(
    sql: str, pivot: exp.Pivot, term: exp.Expr, ask: Ask | None, place: Callable[[exp.Expr], Span | None]
) -> exp.Expr:
    """The term with its values, none of them if there are none."""
    if _is_list(term):
        return term
    if ask is None:
        reason = "PIVOT without IN: its columns would depend on the data"
        raise invalid(sql, reason, at=place(term), remedy=f"list the values: ON {text_of(term)} IN (...)")
    try:
        values = ask(_values_query(pivot, term))
    except InvalidQuery as fault:  # its place is in a query that the user did not write
        raise invalid(sql, fault.reason, at=place(term)) from None
    if len(values) > MAX_VALUES:
        reason = f"PIVOT would have {len(values)} columns by {text_of(term)}"
        raise invalid(sql, reason, at=place(term), remedy=f"up to {MAX_VALUES} are possible; list those to be seen")
    text = exp.Cast(this=copied(term), to=data_type("VARCHAR"))
    return exp.In(this=text, expressions=[exp.Literal.string(value) for value in values])


def _values_query(pivot: exp.Pivot, term: exp.Expr) -> str:
    """The query of a term's distinct values, in their order, with the WITH clauses of the queries around it."""
    value = exp.Paren(this=copied(term))
    there = exp.Not(this=exp.Is(this=copied(value), expression=exp.Null()))
    query = exp.select(exp.alias_(value, "v")).distinct().from_(copied(pivot.this)).where(there)
    rows = exp.select("CAST(v AS VARCHAR) AS v").from_(query.subquery("pivoted")).order_by("pivoted.v")
    clauses = [w for node in _ancestors(pivot) if (w := node.args.get("with_")) is not None]
    definitions = [copied(cte) for clause in reversed(clauses) for cte in clause.expressions if not _holds(cte, pivot)]
    if definitions:
        recursive = any(clause.args.get("recursive") for clause in clauses)
        rows.set("with_", exp.With(expressions=definitions, recursive=recursive))
    return text_of(rows)


def _holds(tree: exp.Expr, node: exp.Expr) -> bool:
    """Whether it is this very node, not one that reads the same."""
    return any(each is node for each in tree.walk())


def _ancestors(node: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = [node]
    while (parent := found[-1].parent) is not None:
        found.append(parent)
    return found
