"""Window functions of a few rows before and after, over all rows: lag, lead, and frames of so many ROWS.

Called by ``global_windows`` with rows that are numbered in the window's order. They are cut into runs of consecutive
numbers, and each run also gets the rows next to it that its frames reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from gristmill.plan.schema import Column
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Filter, Item, Project, Relation, Unnest, Window, column
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call, is_aggregate
from gristmill_sql.rules.window_frames import Border, Frame, frame_of

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_MAX_REACH = 100_000
_IN_FRAMES = (exp.FirstValue, exp.LastValue, exp.NthValue)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many rows before and after its own a function looks at."""

    before: int
    after: int


def reach_of(window: exp.Expr) -> Reach | None:
    """What a window function looks at; None where that is not a constant number of rows."""
    function = bare_call(window.this)
    if function.find(exp.Order):
        return None
    if isinstance(function, exp.Lag | exp.Lead):
        offset = Border(1, function.args.get("offset") or exp.Literal.number(1)).rows
        if function is not window.this or window.args.get("spec") or offset is None or offset > _MAX_REACH:
            return None  # IGNORE NULLS looks as far as it must
        return Reach(offset, 0) if isinstance(function, exp.Lag) else Reach(0, offset)
    return _reach(frame_of(window)) if is_aggregate(function) or isinstance(function, _IN_FRAMES) else None


def _reach(frame: Frame) -> Reach | None:
    start, end = frame.start.rows, frame.end.rows
    if frame.unit != "ROWS" or frame.without not in ("", "CURRENT ROW") or start is None or end is None:
        return None
    return Reach(max(0, -start), max(0, end)) if max(-start, end) <= _MAX_REACH else None


def with_neighbours(
    numbered: Relation, number: Column, items: tuple[Item, ...], run: int, knowledge: Knowledge
) -> Relation:
    """The numbered rows with the functions' columns; a run has so many rows, or as many as a frame reaches."""
    reaches = [reach for item in items if (reach := reach_of(item.value))]
    before, after = max(r.before for r in reaches), max(r.after for r in reaches)
    run = max(run, before + after + 1)
    place = f"({quote_name(number.name)} - 1)"
    runs = f"RANGE(GREATEST(0, {place} - {after}) // {run}, ({place} + {before}) // {run} + 1)"
    of_run = knowledge.names.item("run", exp.Explode(this=parse_one(runs, read="duckdb")))
    copied = Unnest(numbered, (of_run,))
    order = exp.Order(expressions=[exp.Ordered(this=column(number.name), nulls_first=False)])
    key = column(of_run.column.name)
    window = Window(copied, (key,), tuple(Item(i.column, _within(i.value, key, order)) for i in items))
    own = parse_one(f"{place} // {run} = {quote_name(of_run.column.name)}", read="duckdb")
    kept = tuple(Item(c, column(c.name)) for c in (*numbered.columns, *(i.column for i in items)))
    return Project(Filter(window, (own,)), kept)


def _within(window: exp.Expr, run: exp.Expr, order: exp.Order) -> exp.Expr:
    new = copied(window)
    new.set("partition_by", [copied(run)])
    new.set("order", copied(order))
    return new
