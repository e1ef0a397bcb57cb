"""Aggregate calls cut in two: what a map task can compute of its rows, and how a reducer puts that together.

Only calls whose two halves give exactly DuckDB's own result and type are cut (sums and averages of doubles up to the
order of additions). All others see their raw rows in one place. See docs/sql.md for the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp, parse_one

from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, column
from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import bare_call, enclosed, substituted
from gristmill_sql.literals import data_type
from gristmill_sql.names import Names
from gristmill_sql.oracle import Unbindable

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
    exp.CountIf,
    exp.AnyValue,
    exp.First,
    exp.Last,
)
_SPREADS: dict[type[exp.Expr], str] = {
    exp.Stddev: "CASE WHEN {n} > 1 THEN sqrt({s} / ({n} - 1)) END",
    exp.StddevSamp: "CASE WHEN {n} > 1 THEN sqrt({s} / ({n} - 1)) END",
    exp.StddevPop: "sqrt({s} / {n})",
    exp.Variance: "CASE WHEN {n} > 1 THEN {s} / ({n} - 1) END",
    exp.VariancePop: "{s} / {n}",
}
"""Statistics by the number of values and the sum of their squared distances from the mean."""
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


@dataclass(frozen=True, slots=True)
class Halves:
    """``partial`` are calls over rows, ``final`` is the value over the partial columns of a group.

    ``again`` puts several partial rows of a group together to one: the same columns, as calls over themselves.
    """

    partial: tuple[Item, ...]
    final: Item
    again: tuple[Item, ...]


def distinct_values(call: exp.Expr) -> tuple[exp.Expr, ...] | None:
    """The arguments of an aggregate over DISTINCT values; None for other calls."""
    this = bare_call(call).this
    return tuple(this.expressions) if isinstance(this, exp.Distinct) else None


def halves(call: Item, names: Names) -> Halves | None:
    """The two halves of a call; None if it cannot be cut."""
    function = bare_call(call.value)
    if not isinstance(call.value, exp.Filter) and function is not call.value and not isinstance(function, exp.AnyValue):
        return None
    if any(isinstance(part, exp.Distinct | exp.Order | exp.HavingMax) for part in function.iter_expressions()):
        return None
    if isinstance(function, exp.ArgMax | exp.ArgMin) and not function.args.get("count"):
        return _at_extreme(call, function, names)
    if _has_more_arguments(function):
        return None
    if isinstance(function, exp.First | exp.Last) and call.value is not function:
        return None  # a task whose rows the FILTER leaves out has no first value, not NULL for one
    if type(function) in _SPREADS:
        return _spread(call, function, names)
    if isinstance(function, exp.Avg):
        return _average(call, function, names)
    return _alone(call, names) if isinstance(function, _ALONE) else None


def _has_more_arguments(function: exp.Expr) -> bool:
    return bool(function.args.get("expression") or function.args.get("expressions") or function.args.get("count"))


def _alone(call: Item, names: Names) -> Halves | None:
    """A call whose partial result is one column of the call's own type."""
    partial = names.item(call.column.name, call.value)
    try:
        again = merged(partial, names)
    except Unbindable:
        return None
    return Halves((partial,), Item(call.column, again.value), (again,))


def merged(partial: Item, names: Names) -> Item:
    """The column of a count, sum, extreme or their like put together from several rows of it: the same column again."""
    function = bare_call(partial.value)
    value = column(partial.column.name)
    if isinstance(function, exp.Count):
        total = exp.Coalesce(this=exp.Sum(this=value), expressions=[exp.Literal.number(0)])
        return Item(partial.column, _cast(total, partial.column.type))
    again = exp.Sum(this=value) if isinstance(function, exp.CountIf) else type(function)(this=value)
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
            (f"{call.column.name}_sum", _with_function(call.value, exp.Sum(this=copied(function.this)))),
            (f"{call.column.name}_count", _with_function(call.value, exp.Count(this=copied(function.this)))),
        ]
    )
    sums, counts = column(total.column.name), column(count.column.name)
    quotient = substituted(_quotient(10 ** int(scale[1]) if scale else 1), {"total": sums, "count": counts})
    return Halves((total, count), Item(call.column, quotient), (merged(total, names), merged(count, names)))


@lru_cache(maxsize=64)
def _quotient(factor: int) -> exp.Expr:
    """The average of decimals of so many parts, from the columns ``total`` and ``count``."""
    dividend, divisor = "CAST(SUM(total) AS DOUBLE)", "NULLIF(SUM(count), 0)"
    if factor > 1:
        dividend, divisor = f"ROUND({dividend} * {factor})", f"({divisor} * {factor})"
    return parse_one(f"{dividend} / {divisor}", read="duckdb")


def _at_extreme(call: Item, function: exp.Expr, names: Names) -> Halves:
    """arg_min and arg_max: the value beside the extreme, and the extreme; rows with a NULL in either do not count."""
    extreme = exp.Max if isinstance(function, exp.ArgMax) else exp.Min
    value, by = function.this, function.expression
    there: exp.Expr = exp.Not(this=exp.Is(this=enclosed(value), expression=exp.Null()))
    if isinstance(call.value, exp.Filter):
        there = exp.And(this=enclosed(call.value.expression.this), expression=there)
    bound = exp.Filter(this=extreme(this=copied(by)), expression=exp.Where(this=there))
    partial = names.items([(call.column.name, call.value), (f"{call.column.name}_by", bound)])
    at, furthest = partial
    final = type(function)(this=column(at.column.name), expression=column(furthest.column.name))
    return Halves(partial, Item(call.column, final), (Item(at.column, final), merged(furthest, names)))


def _spread(call: Item, function: exp.Expr, names: Names) -> Halves:
    """Variance and its like, put together pair by pair (Chan, Golub and LeVeque 1983)."""
    argument, name = function.this, call.column.name
    square = exp.Mul(this=exp.VariancePop(this=copied(argument)), expression=exp.Count(this=copied(argument)))
    partial = names.items(
        [
            (f"{name}_n", _with_function(call.value, exp.Count(this=copied(argument)))),
            (f"{name}_mean", _cast(_with_function(call.value, exp.Avg(this=copied(argument))), "DOUBLE")),
            (f"{name}_square", replaced(square, lambda node: _filtered(call.value, node))),
        ]
    )
    n, mean, squares = (quote_name(item.column.name) for item in partial)
    state = (
        f"LIST_REDUCE(LIST({{'n': CAST({n} AS DOUBLE), 'm': {mean}, 's': {squares}}}) FILTER (WHERE {n} > 0), "
        "LAMBDA one_, two_ : {'n': one_.n + two_.n, 'm': one_.m + (two_.m - one_.m) * two_.n / (one_.n + two_.n), "
        "'s': one_.s + two_.s + (two_.m - one_.m) * (two_.m - one_.m) * one_.n * two_.n / (one_.n + two_.n)})"
    )
    parts = {part: f"STRUCT_EXTRACT({state}, '{part}')" for part in "nms"}
    final = parse_one(_SPREADS[type(function)].format(**parts), read="duckdb")
    count, *rest = partial
    again = (Item(item.column, parse_one(parts[part], read="duckdb")) for item, part in zip(rest, "ms", strict=True))
    return Halves(partial, Item(call.column, final), (merged(count, names), *again))


def _filtered(call: exp.Expr, node: exp.Expr) -> exp.Expr | None:
    return _with_function(call, copied(node)) if isinstance(node, exp.AggFunc) else None


def _with_function(call: exp.Expr, function: exp.Expr) -> exp.Expr:
    """The call with another function under the same FILTER."""
    if isinstance(call, exp.Filter):
        return exp.Filter(this=function, expression=copied(call.expression))
    return function


def _cast(value: exp.Expr, type_: str) -> exp.Expr:
    return exp.Cast(this=value, to=data_type(type_))
