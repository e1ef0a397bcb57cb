"""Window functions over all rows that are formulas of simpler ones: ntile, percent_rank, cume_dist, running averages.

Called by ``global_windows``, which spreads what these formulas read: row numbers, ranks, running sums and counts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, column
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call
from gristmill_sql.literals import data_type
from gristmill_sql.rules.window_frames import Border, frame_of

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_INTEGER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER")


def as_formula(item: Item, knowledge: Knowledge) -> tuple[tuple[Item, ...], Item] | None:
    """Simpler window functions and the item over their columns; None for all other functions."""
    window, names = item.value, knowledge.names
    function = window.this
    if not isinstance(window, exp.Window) or not window.args.get("order"):
        return None
    if isinstance(bare_call(function), exp.Avg):
        return _average(item, knowledge)
    if isinstance(function, exp.IgnoreNulls) and isinstance(function.this, exp.Lag | exp.Lead):
        return _nearest(item, knowledge)
    if window.args.get("spec") or function.find(exp.Order):
        return None
    count = ("rows", exp.Window(this=exp.Count(this=exp.Star())))
    match function:
        case exp.Ntile() if buckets := _buckets(function.this):
            parts = names.items([("number", _over(window, exp.RowNumber())), count])
            return parts, Item(item.column, _parsed(_ntile(buckets, *_quoted(parts)), item))
        case exp.PercentRank():
            parts = names.items([("rank", _over(window, exp.Rank())), count])
            rank, rows = _quoted(parts)
            share = f"CASE WHEN {rows} > 1 THEN ({rank} - 1) / ({rows} - 1) ELSE 0 END"
            return parts, Item(item.column, _parsed(share, item))
        case exp.CumeDist():
            parts = names.items([("place", _over(window, exp.Count(this=exp.Star()))), count])
            place, rows = _quoted(parts)
            return parts, Item(item.column, _parsed(f"{place} / {rows}", item))
    return None


def _average(item: Item, knowledge: Knowledge) -> tuple[tuple[Item, ...], Item] | None:
    """A running average: the quotient is taken as DuckDB does, of the unscaled sum."""
    function, frame = item.value.this, frame_of(item.value)
    call = bare_call(function)
    argument = call.this
    if isinstance(argument, exp.Distinct | exp.Order) or not (frame.open_start or frame.open_end):
        return None
    if function is not call and not isinstance(function, exp.Filter):
        return None
    (type_,) = knowledge.names.types([argument])
    decimal = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", type_)
    if type_ not in ("DOUBLE", "FLOAT") and not decimal and not _INTEGER.fullmatch(type_):
        return None
    calls = [("sum", exp.Sum(this=copied(argument))), ("count", exp.Count(this=copied(argument)))]
    parts = knowledge.names.items([(name, _over(item.value, _called_as(function, each))) for name, each in calls])
    total, count = _quoted(parts)
    factor = 10 ** int(decimal[1]) if decimal else 1
    dividend = f"CAST({total} AS DOUBLE)" if factor == 1 else f"ROUND(CAST({total} AS DOUBLE) * {factor})"
    return parts, Item(item.column, _parsed(f"{dividend} / NULLIF({count} * {factor}, 0)", item))


def _called_as(function: exp.Expr, call: exp.Expr) -> exp.Expr:
    """A call with the FILTER of another one."""
    if not isinstance(function, exp.Filter):
        return call
    return exp.Filter(this=call, expression=copied(function.expression))


def _nearest(item: Item, knowledge: Knowledge) -> tuple[tuple[Item, ...], Item] | None:
    """lag and lead that skip NULLs: the last value up to the row before, the first from the row after."""
    call = item.value.this.this
    offset = call.args.get("offset")
    if item.value.args.get("spec") or call.find(exp.Order) or (offset is not None and Border(1, offset).rows != 1):
        return None
    is_lag = isinstance(call, exp.Lag)
    value = (exp.LastValue if is_lag else exp.FirstValue)(this=copied(call.this))
    window = _over(item.value, exp.IgnoreNulls(this=value))
    one = exp.Literal.number(1)
    before = {"start": "UNBOUNDED", "start_side": "PRECEDING", "end": one, "end_side": "PRECEDING"}
    after = {"start": one, "start_side": "FOLLOWING", "end": "UNBOUNDED", "end_side": "FOLLOWING"}
    window.set("spec", exp.WindowSpec(kind="ROWS", **(before if is_lag else after)))
    default = call.args.get("default")
    parts = knowledge.names.items([("nearest", window)])
    found = column(parts[0].column.name)
    final = exp.Coalesce(this=found, expressions=[copied(default)]) if default is not None else found
    return parts, Item(item.column, exp.Cast(this=final, to=data_type(item.column.type)))


def _over(window: exp.Expr, function: exp.Expr) -> exp.Expr:
    """Another function over the same window."""
    new = copied(window)
    new.set("this", function)
    return new


def _buckets(given: exp.Expr) -> int:
    """The constant number of buckets; 0 where it is none, or one that DuckDB refuses."""
    return int(given.name) if isinstance(given, exp.Literal) and given.name.isdigit() else 0


def _ntile(buckets: int, number: str, rows: str) -> str:
    """The first ``rows % buckets`` buckets have a row more than the others."""
    size, larger = f"({rows} // LEAST({buckets}, {rows}))", f"({rows} % LEAST({buckets}, {rows}))"
    early = f"{larger} * ({size} + 1)"
    return (
        f"CASE WHEN {number} <= {early} THEN 1 + ({number} - 1) // ({size} + 1) "
        f"ELSE 1 + {larger} + ({number} - 1 - {early}) // {size} END"
    )


def _quoted(items: tuple[Item, ...]) -> tuple[str, ...]:
    return tuple(quote_name(item.column.name) for item in items)


def _parsed(text: str, item: Item) -> exp.Expr:
    return parse_one(f"CAST({text} AS {item.column.type})", read="duckdb")
