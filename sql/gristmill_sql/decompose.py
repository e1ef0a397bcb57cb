"""Aggregate calls cut in two: what a map task can compute of its rows, and how a reducer puts that together.

Only calls whose two halves give exactly DuckDB's own result and type are cut (sums and averages of doubles up to the
order of additions). All others see their raw rows in one place. See docs/sql.md for the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp, parse_one

from gristmill_sql.algebra import Item, column
from gristmill_sql.expressions import bare_call
from gristmill_sql.names import Names
from gristmill_sql.oracle import Unbindable, quote

_ALONE = (
    exp.Count,
    exp.Sum,
    exp.Min,
    exp.Max,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.BitwiseAndAgg,
    exp.BitwiseOrAgg,
    exp.BitwiseXorAgg,
)
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


@dataclass(frozen=True, slots=True)
class Halves:
    """``partial`` are calls over rows, ``final`` is the value over the partial columns of a group."""

    partial: tuple[Item, ...]
    final: Item


def distinct_values(call: exp.Expr) -> tuple[exp.Expr, ...] | None:
    """The arguments of an aggregate over DISTINCT values; None for other calls."""
    this = bare_call(call).this
    return tuple(this.expressions) if isinstance(this, exp.Distinct) else None


def halves(call: Item, names: Names) -> Halves | None:
    """The two halves of a call; None if it cannot be cut."""
    function = bare_call(call.value)
    if not isinstance(call.value, exp.Filter) and function is not call.value and not isinstance(function, exp.AnyValue):
        return None
    if isinstance(function.this, exp.Distinct | exp.Order | exp.HavingMax) or _has_more_arguments(function):
        return None
    if isinstance(function, exp.Avg):
        return _average(call, function, names)
    return _alone(call, names) if isinstance(function, _ALONE) else None


def _has_more_arguments(function: exp.Expr) -> bool:
    return bool(function.args.get("expression") or function.args.get("expressions") or function.args.get("count"))


def _alone(call: Item, names: Names) -> Halves | None:
    """A call whose partial result is one column of the call's own type."""
    partial = names.item(call.column.name, call.value)
    try:
        return Halves((partial,), Item(call.column, merged(partial, names).value))
    except Unbindable:
        return None


def merged(partial: Item, names: Names) -> Item:
    """A partial column put together from several partial rows: the same column again."""
    function = bare_call(partial.value)
    value = column(partial.column.name)
    if isinstance(function, exp.Count):
        total = exp.Coalesce(this=exp.Sum(this=value), expressions=[exp.Literal.number(0)])
        return Item(partial.column, _cast(total, "BIGINT"))
    again = type(function)(this=value)
    (type_,) = names.types([again])
    return Item(partial.column, again if type_ == partial.column.type else _cast(again, partial.column.type))


def _average(call: Item, function: exp.Expr, names: Names) -> Halves | None:
    """A sum and a count; the quotient is taken as DuckDB does: of the unscaled sum, by count times scale."""
    (type_,) = names.types([function.this])
    scale = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", type_)
    if type_ not in _INTEGERS and type_ not in ("DOUBLE", "FLOAT") and not scale:
        return None
    total, count = names.items(
        [
            (f"{call.column.name}_sum", _with_function(call.value, exp.Sum(this=function.this.copy()))),
            (f"{call.column.name}_count", _with_function(call.value, exp.Count(this=function.this.copy()))),
        ]
    )
    sums, counts = quote(total.column.name), quote(count.column.name)
    factor = 10 ** int(scale[1]) if scale else 1
    dividend, divisor = f"CAST(SUM({sums}) AS DOUBLE)", f"NULLIF(SUM({counts}), 0)"
    if factor > 1:
        dividend, divisor = f"ROUND({dividend} * {factor})", f"({divisor} * {factor})"
    quotient = parse_one(f"{dividend} / {divisor}", read="duckdb")
    return Halves((total, count), Item(call.column, quotient))


def _with_function(call: exp.Expr, function: exp.Expr) -> exp.Expr:
    """The call with another function under the same FILTER."""
    if isinstance(call, exp.Filter):
        return exp.Filter(this=function, expression=call.expression.copy())
    return function


def _cast(value: exp.Expr, type_: str) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType.build(type_, dialect="duckdb"))
