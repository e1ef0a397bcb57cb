"""Windows without PARTITION BY, spread: by ranges of the first term of their ORDER BY, or as an aggregate of all rows.

``sum(x) OVER ()`` is an aggregate that every row is joined with. A running total or rank is computed in each range of
the order and raised by what the ranges before it add up to, which takes only their totals. The ranges come from a
sample of the values and change nothing but the balance. ``window_formulas`` has what is computed from these,
``window_neighbours`` frames of so many rows; other functions stay windows over all rows in one task. Runs after all
rules that move operators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill.plan.schema import Column
from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    JoinKind,
    Limit,
    OrderTerm,
    Project,
    Relation,
    Shared,
    Sort,
    Window,
    column,
)
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call, columns_in, enclosed, is_aggregate, is_volatile, substituted
from gristmill_sql.rules.rewriting import bottom_up
from gristmill_sql.rules.window_formulas import as_formula
from gristmill_sql.rules.window_neighbours import reach_of, with_neighbours

if TYPE_CHECKING:
    from gristmill_sql.estimate import Estimator
    from gristmill_sql.options import CompileOptions
    from gristmill_sql.rules import Knowledge

_SAMPLED = 4_000
_MAX_RANGES = 64
_NUMBERING = (exp.RowNumber, exp.Rank, exp.DenseRank)
_RUNNING = (exp.Sum, exp.Count, exp.Min, exp.Max)


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
    by_order: dict[tuple[exp.Expr, Callable[..., Relation]] | None, list[Item]] = {}
    for item in node.items:
        if item not in whole:
            by_order.setdefault(_way(item.value), []).append(item)
    if whole:
        relation = _with_totals(relation, whole, knowledge)
    for way, items in by_order.items():
        if way is None:
            relation = Window(relation, (), tuple(items))
        else:
            relation = way[1](relation, way[0], tuple(items), knowledge)
    return Project(relation, tuple(Item(c, column(c.name)) for c in node.columns))


def _way(window: exp.Expr) -> tuple[exp.Expr, Callable[..., Relation]] | None:
    """The order of a function that can be spread, and how; None for what one task computes."""
    order = window.args.get("order")
    if order is None or not order.expressions or not columns_in(order):
        return None
    if _is_running(window):
        return order, _in_ranges
    if _is_first(window):
        return order, _with_first
    return (order, _in_runs) if reach_of(window) else None


def _by_formulas(node: Window, formulas: dict[Item, tuple[tuple[Item, ...], Item]], knowledge: Knowledge) -> Relation:
    """The functions that formulas read, spread, and the formulas over them."""
    simple = [item for item in node.items if item not in formulas]
    parts = [part for made, _ in formulas.values() for part in made]
    relation = _spread(Window(node.input, (), (*simple, *parts)), knowledge)
    kept = (Item(c, column(c.name)) for c in (*node.input.columns, *(i.column for i in simple)))
    everything = {item.column: item for item in (*kept, *(final for _, final in formulas.values()))}
    return Project(relation, tuple(everything[c] for c in node.columns))


def _in_ranges(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    return _Ranges(relation, order, items, knowledge).relation()


def _in_runs(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """Rows numbered by their order, then cut into runs that also have their neighbours."""
    names = knowledge.names
    number = names.item("number", exp.Window(this=exp.RowNumber(), order=copied(order)))
    estimator = knowledge.estimator
    runs = knowledge.partitions(estimator.bytes_(relation))
    size = int(estimator.rows(relation)) // runs + 1
    numbered = _Ranges(relation, order, (number,), knowledge).relation()
    return with_neighbours(numbered, number.column, items, size, knowledge)


def _with_first(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """first_value of a frame that begins with the first of all rows: that row's values beside every row."""
    rows = knowledge.share("all_rows", relation)
    again, names = knowledge.read(rows)
    terms = tuple(
        OrderTerm(substituted(t.this, names), bool(t.args.get("desc")), bool(t.args.get("nulls_first")))
        for t in order.expressions
    )
    first = Limit(Sort(again, terms), 1)
    values = tuple(Item(i.column, substituted(i.value.this.this, names)) for i in items)
    return Join(JoinKind.INNER, rows, Project(first, values))


def _is_first(window: exp.Expr) -> bool:
    """Whether a function gives the value of the first of all rows."""
    function, spec = window.this, window.args.get("spec")
    if not isinstance(function, exp.FirstValue) or function.find(exp.Order):
        return False
    starts = spec is None or (spec.args.get("start") == "UNBOUNDED" and spec.args.get("start_side") == "PRECEDING")
    ends = spec is None or (spec.args.get("end") or "CURRENT ROW") in ("CURRENT ROW", "UNBOUNDED")
    return starts and ends and not (spec and spec.args.get("exclude"))


def _is_over_all(window: exp.Expr) -> bool:
    return not window.args.get("order") and not window.args.get("spec") and is_aggregate(window.this)


def _is_running(window: exp.Expr) -> bool:
    """Whether a window function's value is what comes before its range, and its value within it."""
    function, frame = window.this, window.args.get("spec")
    if isinstance(function, _NUMBERING):
        return not function.find(exp.Order)
    if isinstance(function, exp.LastValue):  # of the rows up to those that are equal, which lie in the same range
        return frame is None and not function.find(exp.Order)
    if type(function) not in _RUNNING or isinstance(function.this, exp.Distinct | exp.Order):
        return False
    if function.args.get("expressions") or function.args.get("expression"):
        return False
    return frame is None or (
        frame.args.get("start") == "UNBOUNDED"
        and (frame.args.get("end") or "CURRENT ROW") == "CURRENT ROW"
        and str(frame.args.get("kind")).upper() in ("ROWS", "RANGE")
        and not frame.args.get("exclude")
    )


def _with_totals(relation: Relation, items: list[Item], knowledge: Knowledge) -> Relation:
    rows = knowledge.share("all_rows", relation)
    again, names = knowledge.read(rows)
    calls = tuple(Item(i.column, substituted(i.value.this, names)) for i in items)
    return Join(JoinKind.INNER, rows, Aggregate(again, (), calls))


@dataclass(frozen=True, slots=True)
class _Placed:
    """The rows with the number of their range; ``names`` are the values of the original columns in it."""

    relation: Relation
    number: Column
    names: dict[str, exp.Expr]


class _Ranges:
    """Window functions with one ORDER BY over all rows."""

    def __init__(self, relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> None:
        self._input = relation
        self._order = order
        self._items = items
        self._knowledge = knowledge
        self._names = knowledge.names
        first = order.expressions[0]
        self._key: exp.Expr = first.this
        self._desc = bool(first.args.get("desc"))
        self._nulls_first = bool(first.args.get("nulls_first"))

    def relation(self) -> Relation:
        """The input with the functions' columns appended."""
        rows = self._knowledge.share("all_rows", self._input)
        bounds = self._knowledge.share("bounds", self._bounds(rows))
        here = self._placed(rows, {}, bounds)
        local = [
            Item(self._names.column(i.column.name, i.column.type), self._within(i.value, here)) for i in self._items
        ]
        window = Window(here.relation, (column(here.number.name),), tuple(local))
        before, number, totals = self._before(rows, bounds)
        same = exp.EQ(this=column(here.number.name), expression=column(number.name))
        joined = Join(JoinKind.INNER, window, before, (same,))
        added = (
            Item(item.column, _raised(item.value.this, column(one.column.name), column(total.name), item.column.type))
            for item, one, total in zip(self._items, local, totals, strict=True)
        )
        return Project(joined, (*(Item(c, column(c.name)) for c in self._input.columns), *added))

    def _bounds(self, rows: Shared) -> Relation:
        """One row: values of the first term that cut the rows into ranges of about the same size."""
        again, names = self._knowledge.read(rows)
        key = self._names.item("key", substituted(self._key, names))
        every = max(1, int(self._knowledge.estimator.rows(self._input)) // _SAMPLED)
        sampled: Relation = Project(again, (key,))
        if every > 1:
            hashed = exp.Mod(this=exp.func("hash", column(key.column.name)), expression=exp.Literal.number(every))
            sampled = Filter(sampled, (exp.EQ(this=hashed, expression=exp.Literal.number(0)),))
        value = self._names.column(key.column.name, key.column.type)
        values = Aggregate(sampled, (Item(value, column(key.column.name)),), ())
        few = Limit(values, 2 * _SAMPLED)
        count = self._count() - 1
        calls = [
            (
                "bound",
                exp.PercentileDisc(
                    this=column(value.name), expression=exp.Literal.number(f"{(i + 1) / (count + 1):.6f}")
                ),
            )
            for i in range(count)
        ]
        return Aggregate(few, (), self._names.items(calls))

    def _count(self) -> int:
        """Into how many ranges the rows are cut."""
        wanted = self._knowledge.partitions(self._knowledge.estimator.bytes_(self._input))
        return min(max(2, wanted), _MAX_RANGES)

    def _placed(self, rows: Relation, names: dict[str, exp.Expr], bounds: Shared) -> _Placed:
        cuts, cut_names = self._knowledge.read(bounds)
        key = self._names.item("key", substituted(self._key, names))
        keyed = rows if key.passes else Project(rows, (*(Item(c, column(c.name)) for c in rows.columns), key))
        joined = Join(JoinKind.INNER, keyed, cuts)
        ahead = (exp.LT if self._desc else exp.GT, column(key.column.name))
        steps = " + ".join(
            f"CAST(COALESCE({ahead[0](this=ahead[1], expression=cut).sql(dialect='duckdb')}, false) AS INTEGER)"
            for cut in cut_names.values()
        )
        number = self._names.column("range", "INTEGER")
        value = exp.Case(
            ifs=[
                exp.If(
                    this=exp.Is(this=column(key.column.name), expression=exp.Null()),
                    true=exp.Literal.number(0 if self._nulls_first else len(cut_names) + 2),
                )
            ],
            default=exp.maybe_parse(f"1 + {steps}", dialect="duckdb"),
        )
        kept = tuple(Item(c, column(c.name)) for c in rows.columns)
        return _Placed(Project(joined, (*kept, Item(number, value))), number, names)

    def _within(self, window: exp.Expr, here: _Placed) -> exp.Expr:
        fresh = copied(window)
        fresh.set("partition_by", [column(here.number.name)])
        return fresh

    def _before(self, rows: Shared, bounds: Shared) -> tuple[Relation, Column, list[Column]]:
        """For each range: its number, and for each function what all ranges before it amount to."""
        again, names = self._knowledge.read(rows)
        there = self._placed(again, names, bounds)
        calls = [self._total(item.value, names) for item in self._items]
        totals = self._names.items([("total", call) for call in calls])
        key = Item(self._names.column("range", "INTEGER"), column(there.number.name))
        ranges = Limit(Aggregate(there.relation, (key,), totals), _MAX_RANGES + 2)
        prefixes = self._names.items(
            [("before", _prefix(i.value.this, t, key.column)) for i, t in zip(self._items, totals, strict=True)]
        )
        return Window(ranges, (), prefixes), key.column, [p.column for p in prefixes]

    def _total(self, window: exp.Expr, names: dict[str, exp.Expr]) -> exp.Expr:
        function = window.this
        if isinstance(function, exp.DenseRank):
            terms = [substituted(term.this, names) for term in self._order.expressions]
            fields = [
                exp.PropertyEQ(this=exp.to_identifier(f"term{number}", quoted=True), expression=term)
                for number, term in enumerate(terms)
            ]
            return exp.Count(this=exp.Distinct(expressions=[exp.Struct(expressions=fields)]))  # NULLs are values, too
        if isinstance(function, (*_NUMBERING, exp.LastValue)):
            return exp.Count(this=exp.Star())
        return substituted(function, names)


def _prefix(function: exp.Expr, total: Item, number: Column) -> exp.Expr:
    """The totals of all ranges before one, put together."""
    combine: exp.Expr = exp.Sum(this=column(total.column.name))
    if isinstance(bare_call(function), exp.Min | exp.Max):
        combine = type(bare_call(function))(this=column(total.column.name))
    spec = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="1", end_side="PRECEDING")
    order = exp.Order(expressions=[exp.Ordered(this=column(number.name))])
    return exp.Window(this=combine, order=order, spec=spec)


def _raised(function: exp.Expr, local: exp.Expr, before: exp.Expr, type_: str) -> exp.Expr:
    """A value within its range, and what comes before that range, as the value over all rows."""
    function = bare_call(function)
    if isinstance(function, exp.LastValue):
        return local
    if isinstance(function, exp.Min | exp.Max):
        return exp.func("least" if isinstance(function, exp.Min) else "greatest", local, before)
    both = exp.Add(this=local, expression=before)
    value: exp.Expr = exp.Coalesce(this=both, expressions=[copied(local), copied(before)])
    return exp.Cast(this=enclosed(value), to=exp.DataType.build(type_, dialect="duckdb", udt=True))
