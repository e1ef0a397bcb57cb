"""Windows without PARTITION BY, spread: by ranges of the first term of their ORDER BY, or as an aggregate of all rows.

``sum(x) OVER ()`` is an aggregate that every row is joined with. ``window_ranges`` has running totals, ranks and RANGE
frames, ``window_neighbours`` frames of so many rows, ``window_formulas`` what is computed from these; frames of GROUPS
are RANGE frames of the groups' numbers. Other functions stay windows over all rows in one task. Runs after all rules
that move operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Item,
    Join,
    JoinKind,
    Limit,
    OrderTerm,
    Project,
    Relation,
    Sort,
    Window,
    column,
)
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call, columns_in, is_aggregate, is_volatile, substituted
from gristmill_sql.rules.rewriting import bottom_up
from gristmill_sql.rules.window_formulas import as_formula
from gristmill_sql.rules.window_frames import frame_of
from gristmill_sql.rules.window_neighbours import reach_of, with_neighbours
from gristmill_sql.rules.window_ranges import in_ranges, part_of

if TYPE_CHECKING:
    from gristmill_sql.estimate import Estimator
    from gristmill_sql.options import CompileOptions
    from gristmill_sql.rules import Knowledge

_UNORDERED = (exp.Sum, exp.Count, exp.CountIf, exp.Min, exp.Max, exp.Avg, exp.LogicalAnd, exp.LogicalOr)

_Spread = Callable[[Relation, exp.Expr, tuple[Item, ...], "Knowledge"], Relation]
"""Appends functions with one ORDER BY to a relation."""


def spread_global_windows(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with windows over all rows computed by many tasks, where they are more than one should take."""

    def change(node: Relation) -> Relation:
        if not isinstance(node, Window) or node.partition or any(is_volatile(i.value) for i in node.items):
            return node
        if fits_one_task(node, knowledge.estimator, knowledge.options):
            return node
        return _spread(node, knowledge)

    return bottom_up(relation, change)


def split_totals(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with ``f(x) OVER ()`` as aggregates of all rows, which other rules then spread like any."""

    def change(node: Relation) -> Relation:
        if not isinstance(node, Window) or node.partition or any(is_volatile(i.value) for i in node.items):
            return node
        whole = [item for item in node.items if _is_over_all(item.value)]
        if not whole or fits_one_task(node, knowledge.estimator, knowledge.options):
            return node
        rest = tuple(item for item in node.items if item not in whole)
        below = _with_totals(node.input, whole, knowledge)
        joined = Window(below, (), rest) if rest else below
        return Project(joined, tuple(Item(c, column(c.name)) for c in node.columns))

    return bottom_up(relation, change)


def fits_one_task(node: Window | Aggregate, estimator: Estimator, options: CompileOptions) -> bool:
    """Whether the rows of a window or aggregate over all rows are few, or one partition of a shuffle anyway."""
    few = estimator.rows(node.input) <= options.single_rows
    return few or options.partitions_for(estimator.bytes_(node.input)) == 1


def _spread(node: Window, knowledge: Knowledge) -> Relation:
    formulas = {item: made for item in node.items if (made := as_formula(item, knowledge))}
    if formulas:
        return _by_formulas(node, formulas, knowledge)
    relation = node.input
    whole = [item for item in node.items if _is_over_all(item.value)]
    by_order: dict[tuple[exp.Expr, _Spread] | None, list[Item]] = {}
    for item in node.items:
        if item not in whole:
            by_order.setdefault(_way(item.value, knowledge), []).append(item)
    if whole:
        relation = _with_totals(relation, whole, knowledge)
    for way, items in by_order.items():
        if way is None:
            relation = Window(relation, (), tuple(items))
        else:
            relation = way[1](relation, way[0], tuple(items), knowledge)
    return Project(relation, tuple(Item(c, column(c.name)) for c in node.columns))


def _way(window: exp.Expr, knowledge: Knowledge) -> tuple[exp.Expr, _Spread] | None:
    """The order of a function that can be spread, and how; None for what one task computes."""
    order = window.args.get("order")
    if order is None or not order.expressions or not columns_in(order):
        return None
    if part_of(window, *knowledge.names.types([order.expressions[0].this])):
        return order, in_ranges
    frame, function = frame_of(window), window.this
    if isinstance(function, exp.FirstValue | exp.LastValue) and not frame.without and not function.find(exp.Order):
        if isinstance(function, exp.FirstValue) and frame.start.unbounded and frame.end.sign >= 0:
            return order, _with_first
        if isinstance(function, exp.LastValue) and frame.end.unbounded and frame.start.sign <= 0:
            return order, _with_last
    if reach_of(window):
        return order, _in_runs
    numbered = frame.unit == "GROUPS" or (frame.unit == "ROWS" and not frame.without)
    if not numbered or not part_of(_over_numbers(window, column("number")), "BIGINT"):
        return None
    return order, _by_groups if frame.unit == "GROUPS" else _by_rows


def _by_formulas(node: Window, formulas: dict[Item, tuple[tuple[Item, ...], Item]], knowledge: Knowledge) -> Relation:
    """The functions that formulas read, spread, and the formulas over them."""
    simple = [item for item in node.items if item not in formulas]
    parts = [part for made, _ in formulas.values() for part in made]
    relation = _spread(Window(node.input, (), (*simple, *parts)), knowledge)
    kept = (Item(c, column(c.name)) for c in (*node.input.columns, *(i.column for i in simple)))
    everything = {item.column: item for item in (*kept, *(final for _, final in formulas.values()))}
    return Project(relation, tuple(everything[c] for c in node.columns))


def _in_runs(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """Rows numbered by their order, then cut into runs that also have their neighbours."""
    names = knowledge.names
    number = names.item("number", exp.Window(this=exp.RowNumber(), order=copied(order)))
    estimator = knowledge.estimator
    runs = knowledge.partitions(estimator.bytes_(relation))
    size = int(estimator.rows(relation)) // runs + 1
    numbered = in_ranges(relation, order, (number,), knowledge)
    return with_neighbours(numbered, number.column, items, size, knowledge)


def _renumbered(
    relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge, function: exp.Expr
) -> Relation:
    """Frames of rows or groups as frames of a range of their numbers."""
    number = knowledge.names.item("number", exp.Window(this=function, order=copied(order)))
    numbered = in_ranges(relation, order, (number,), knowledge)
    moved = tuple(Item(i.column, _over_numbers(i.value, column(number.column.name))) for i in items)
    return in_ranges(numbered, moved[0].value.args["order"], moved, knowledge)


def _by_rows(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    return _renumbered(relation, order, items, knowledge, exp.RowNumber())


def _by_groups(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    return _renumbered(relation, order, items, knowledge, exp.DenseRank())


def _over_numbers(window: exp.Expr, number: exp.Expr) -> exp.Expr:
    new = copied(window)
    new.set("order", exp.Order(expressions=[exp.Ordered(this=number, nulls_first=False)]))
    new.args["spec"].set("kind", "RANGE")
    return new


def _with_first(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """first_value of frames that begin with the first of all rows: that row's values beside every row."""
    rows = knowledge.share("all_rows", relation)
    again, names = knowledge.read(rows)
    terms = tuple(
        OrderTerm(substituted(t.this, names), bool(t.args.get("desc")), bool(t.args.get("nulls_first")))
        for t in order.expressions
    )
    first = Limit(Sort(again, terms), 1)
    values = tuple(Item(i.column, substituted(i.value.this.this, names)) for i in items)
    return Join(JoinKind.INNER, rows, Project(first, values))


def _with_last(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """last_value of frames that end with the last of all rows."""
    reversed_ = copied(order)
    for term in reversed_.expressions:
        term.set("desc", not term.args.get("desc"))
        term.set("nulls_first", not term.args.get("nulls_first"))
    return _with_first(relation, reversed_, items, knowledge)


def _is_over_all(window: exp.Expr) -> bool:
    """Whether a function is an aggregate of all rows, in whatever order."""
    if not window.args.get("order") and not window.args.get("spec"):
        return is_aggregate(window.this)
    call = bare_call(window.this)
    return frame_of(window).is_everything and isinstance(call, _UNORDERED) and not call.find(exp.Order)


def _with_totals(relation: Relation, items: list[Item], knowledge: Knowledge) -> Relation:
    rows = knowledge.share("all_rows", relation)
    again, names = knowledge.read(rows)
    calls = tuple(Item(i.column, substituted(i.value.this, names)) for i in items)
    return Join(JoinKind.INNER, rows, Aggregate(again, (), calls))
