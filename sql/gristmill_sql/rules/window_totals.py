"""How the value of a window function over all rows follows from its values in ranges of them, and their totals.

Called by ``window_ranges``. A total is an aggregate of a range's rows; those of all ranges on one side of a range are
put together by a window over one row for each range, and its value and that of the range's own rows make the result.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from gristmill.plan.schema import Column
from gristmill_sql.algebra import Item, column
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call, substituted
from gristmill_sql.literals import data_type

NUMBERING = (exp.RowNumber, exp.Rank, exp.DenseRank)
_ADDED = (exp.Sum, exp.Count, exp.CountIf, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr)
"""Aggregates whose value over two sets of rows follows from their values over each."""


def adds_up(function: exp.Expr) -> bool:
    """Whether a function of a frame follows from its values over two halves of the frame."""
    call = bare_call(function)
    if isinstance(function, exp.IgnoreNulls):
        return function.this is call and isinstance(call, exp.FirstValue | exp.LastValue) and not call.find(exp.Order)
    if type(call) not in _ADDED or isinstance(call.this, exp.Distinct | exp.Order):
        return False
    plain = function is call or (isinstance(function, exp.Filter) and function.this is call)
    return plain and not call.args.get("expressions") and not call.args.get("expression")


def total_of(window: exp.Expr, names: Mapping[str, exp.Expr]) -> exp.Expr:
    """What a range's rows amount to for a window function; ``names`` are the values of its columns."""
    function, order = window.this, window.args["order"]
    if isinstance(function, exp.DenseRank):
        fields = [
            exp.PropertyEQ(this=exp.to_identifier(f"term{i}", quoted=True), expression=substituted(term.this, names))
            for i, term in enumerate(order.expressions)
        ]
        return exp.Count(this=exp.Distinct(expressions=[exp.Struct(expressions=fields)]))  # NULLs are values, too
    if isinstance(function, NUMBERING):
        return exp.Count(this=exp.Star())
    if isinstance(function, exp.IgnoreNulls):
        extreme = exp.ArgMin if isinstance(function.this, exp.FirstValue) else exp.ArgMax
        return extreme(this=substituted(function.this.this, names), expression=_sort_key(order, names))
    return substituted(function, names)


def _sort_key(order: exp.Expr, names: Mapping[str, exp.Expr]) -> exp.Expr:
    """One value that orders as all terms of the ORDER BY do."""
    terms: list[exp.Expr] = []
    for term in order.expressions:
        way = "DESC" if term.args.get("desc") else "ASC"
        nulls = "FIRST" if term.args.get("nulls_first") else "LAST"
        terms += [substituted(term.this, names), exp.Literal.string(f"{way} NULLS {nulls}")]
    return exp.Anonymous(this="create_sort_key", expressions=terms)


def collected(function: exp.Expr, total: Item, number: Column, side: int) -> exp.Expr:
    """The totals of all ranges on one side of a range, put together."""
    call, value = bare_call(function), column(total.column.name)
    combine: exp.Expr = exp.Sum(this=value)
    if isinstance(call, exp.Min | exp.Max | exp.LogicalAnd | exp.LogicalOr):
        combine = type(call)(this=value)
    elif isinstance(function, exp.IgnoreNulls):
        combine = exp.IgnoreNulls(this=(exp.LastValue if _is_nearest(call, side) else exp.FirstValue)(this=value))
    spec = exp.WindowSpec(
        kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING"
    )
    order = exp.Order(expressions=[exp.Ordered(this=column(number.name), desc=side > 0 or None)])
    return exp.Window(this=combine, order=order, spec=spec)


def _is_nearest(call: exp.Expr, side: int) -> bool:
    """Whether first_value or last_value of a frame open to that side is the value nearest to the current row."""
    return isinstance(call, exp.LastValue if side < 0 else exp.FirstValue)


def raised(function: exp.Expr, local: exp.Expr, outside: exp.Expr, type_: str, side: int) -> exp.Expr:
    """A value within its range, and what the ranges on that side amount to, as the value over all rows."""
    call = bare_call(function)
    if isinstance(function, exp.IgnoreNulls):
        values = [local, outside] if _is_nearest(call, side) else [outside, local]
        return exp.Coalesce(this=values[0], expressions=values[1:])
    if isinstance(call, exp.Min | exp.Max):
        return exp.func("least" if isinstance(call, exp.Min) else "greatest", local, outside)
    kind: type[exp.Binary] = exp.Add
    if isinstance(call, exp.LogicalAnd | exp.LogicalOr):
        kind = exp.And if isinstance(call, exp.LogicalAnd) else exp.Or
    value = exp.Coalesce(this=kind(this=local, expression=outside), expressions=[copied(local), copied(outside)])
    return exp.Cast(this=value, to=data_type(type_))
