"""Exact quantiles, medians and modes of all rows, spread: rows are counted by value first.

A value's place in the order is then a running total over the values (which ``global_windows`` spreads), and only the
few values around the wanted place go on. A quantile ``p/s`` stays what it is when ``p`` rows below it and ``s - p``
above it are left out, any number of times: so DuckDB's own function computes it, from at most ``2 s`` rows.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from gristmill.plan.schema import Column
from gristmill.rows.logical import quote_name
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
    Unnest,
    Window,
    column,
)
from gristmill_sql.copies import copied
from gristmill_sql.expressions import bare_call, enclosed, substituted
from gristmill_sql.literals import data_type
from gristmill_sql.rules.global_windows import fits_one_task
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_QUANTILES = (exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.Median)
_MAX_STEPS = 2_000
"""Quantiles of a finer step than one in so many would leave too many rows for a last merge."""
_Over = tuple[exp.Expr, exp.Expr | None, bool]
"""What values a call is over: its argument, its FILTER, and whether each counts only once."""


def spread_quantiles(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with such aggregates over all rows computed from counted values, unless one task has few rows."""

    def change(node: Relation) -> Relation:
        if not isinstance(node, Aggregate) or node.keys or fits_one_task(node, knowledge.estimator, knowledge.options):
            return node
        return _Split(node, knowledge).relation()

    return bottom_up(relation, change)


class _Split:
    """One aggregate of all rows, as single rows side by side."""

    def __init__(self, node: Aggregate, knowledge: Knowledge) -> None:
        self._node = replace(node, calls=tuple(_without_order(call) for call in node.calls))
        self._knowledge = knowledge
        self._names = knowledge.names
        self._placed: dict[_Over, Shared] = {}

    def relation(self) -> Relation:
        """The aggregate's one row."""
        found = [call for call in self._node.calls if _is_counted(call)]
        others = [call for call in self._node.calls if call not in found]
        if not found:
            return self._node
        of_one = not others and len({_over(call) for call in found}) == 1
        rows = self._node.input if of_one else self._knowledge.share("rows", self._node.input)
        results = [self._one(call, rows) for call in found]
        if others:
            again, names = self._read(rows)
            results.append(Aggregate(again, (), tuple(Item(c.column, substituted(c.value, names)) for c in others)))
        return functools.reduce(lambda left, right: Join(JoinKind.INNER, left, right), results)

    def _read(self, rows: Relation) -> tuple[Relation, dict[str, exp.Expr]]:
        return self._knowledge.read(rows) if isinstance(rows, Shared) else (rows, {})

    def _one(self, call: Item, rows: Relation) -> Relation:
        """One call as a relation of one row."""
        key = _over(call)
        if key not in self._placed:
            self._placed[key] = self._places(rows, *key)
        function = bare_call(call.value)
        if isinstance(function, exp.Mode):
            return self._most_frequent(call, self._placed[key])
        wanted = _parameters(function)
        if not isinstance(_given(function), exp.Array):
            return self._near(call.column, function, wanted[0], self._placed[key])
        return self._listed(call, function, wanted, self._placed[key])

    def _places(self, rows: Relation, argument: exp.Expr, condition: exp.Expr | None, once: bool) -> Shared:
        """Each value once (NULL left out), the number of its rows, that of rows up to its last, and that of all."""
        counted, value, count = self._counted(rows, argument, condition, once)
        spec = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        order = exp.Order(expressions=[exp.Ordered(this=column(value.name), nulls_first=False)])
        running = exp.Window(this=exp.Sum(this=column(count.name)), order=order, spec=spec)
        last = self._names.item("last", running)
        again, names = self._knowledge.read(counted)
        total = self._names.item("total", exp.Sum(this=copied(names[count.name])))
        joined = Join(JoinKind.INNER, Window(counted, (), (last,)), Aggregate(again, (), (total,)))
        return self._knowledge.share("places", joined)

    def _counted(
        self, rows: Relation, argument: exp.Expr, condition: exp.Expr | None, once: bool
    ) -> tuple[Shared, Column, Column]:
        again, names = self._read(rows)
        over = substituted(argument, names)
        (type_,) = self._names.types([over])
        key = Item(self._names.column("value", type_), over)
        kept: list[exp.Expr] = [exp.Not(this=exp.Is(this=enclosed(over), expression=exp.Null()))]
        if condition is not None:
            kept.append(substituted(condition, names))
        one = exp.Cast(this=exp.Literal.number(1), to=data_type("BIGINT"))
        count = self._names.item("count", one if once else exp.Count(this=exp.Star()))
        grouped: Relation = Aggregate(Filter(again, tuple(kept)), (key,), () if once else (count,))
        if once:
            grouped = Project(grouped, (Item(key.column, column(key.column.name)), count))
        return self._knowledge.share("values", grouped), key.column, count.column

    def _near(self, given: Column, function: exp.Expr, wanted: exp.Literal, places: Shared) -> Relation:
        """A quantile by the rows around its place."""
        again, names = self._knowledge.read(places)
        value, count, last, total = (names[c.name].name for c in places.columns)
        text = _copies(Fraction(wanted.name), quote_name(count), quote_name(last), quote_name(total))
        copies = self._names.item("copies", parse_one(text, read="duckdb"))
        passed = Item(next(c for c in again.columns if c.name == value), column(value))
        some = exp.GT(this=column(copies.column.name), expression=exp.Literal.number(0))
        near = Filter(Project(again, (passed, copies)), (some,))
        each = exp.Explode(this=exp.func("range", column(copies.column.name)))
        repeated = Limit(Unnest(near, (self._names.item("copy", each),)), 2 * Fraction(wanted.name).denominator + 2)
        return Aggregate(repeated, (), (Item(given, _with_one(function, column(value), wanted)),))

    def _listed(self, call: Item, function: exp.Expr, wanted: list[exp.Literal], places: Shared) -> Relation:
        """Several quantiles, each by itself, as a list; NULL where there are no rows."""
        element = call.column.type.removesuffix("[]")
        ones = [self._near(self._names.column("quantile", element), function, literal, places) for literal in wanted]
        values = [column(one.columns[0].name) for one in ones]
        nothing = exp.Is(this=copied(values[0]), expression=exp.Null())
        listed = exp.Case(ifs=[exp.If(this=nothing, true=exp.Null())], default=exp.Array(expressions=values))
        joined = functools.reduce(lambda left, right: Join(JoinKind.INNER, left, right), ones[1:], ones[0])
        return Project(joined, (Item(call.column, listed),))

    def _most_frequent(self, call: Item, places: Shared) -> Relation:
        """The value of most rows; of several such the least."""
        again, names = self._knowledge.read(places)
        value, count = (names[c.name] for c in places.columns[:2])
        order = (OrderTerm(count, desc=True, nulls_first=False), OrderTerm(value, desc=False, nulls_first=False))
        return Aggregate(Limit(Sort(again, order), 1), (), (Item(call.column, exp.First(this=copied(value))),))


def _without_order(call: Item) -> Item:
    """``percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`` as ``quantile_cont(x, 0.5)``; all other calls as they are."""
    is_filtered = isinstance(call.value, exp.Filter)
    within = call.value.this if is_filtered else call.value
    if not isinstance(within, exp.WithinGroup) or not isinstance(within.this, exp.PercentileCont | exp.PercentileDisc):
        return call
    terms = within.expression.expressions
    if len(terms) > 1 or terms[0].args.get("desc") or within.this.args.get("expression"):
        return call
    function = type(within.this)(this=copied(terms[0].this), expression=copied(within.this.this))
    value = exp.Filter(this=function, expression=copied(call.value.expression)) if is_filtered else function
    return Item(call.column, value)


def _is_counted(call: Item) -> bool:
    """Whether a call is computed from counted values."""
    function = bare_call(call.value)
    if not isinstance(call.value, exp.Filter) and function is not call.value:
        return False
    if not isinstance(function, (*_QUANTILES, exp.Mode)) or function.find(exp.Order):
        return False
    return isinstance(function, exp.Mode) or (bool(_parameters(function)) and _is_exact(call, function))


def _over(call: Item) -> _Over:
    this = bare_call(call.value).this
    once = isinstance(this, exp.Distinct)
    condition = call.value.expression.this if isinstance(call.value, exp.Filter) else None
    return (this.expressions[0] if once else this), condition, once


def _given(function: exp.Expr) -> exp.Expr | None:
    return function.args.get("quantile") or function.args.get("expression")


def _parameters(function: exp.Expr) -> list[exp.Literal]:
    """The wanted quantiles; none where they are no plain numbers, or not such that a part of the rows gives them."""
    if isinstance(function, exp.Median):
        return [exp.Literal(this="0.5", is_string=False)]
    given = _given(function)
    wanted = given.expressions if isinstance(given, exp.Array) else [given]
    literals = [each for each in wanted if isinstance(each, exp.Literal) and _is_step(each)]
    return literals if len(literals) == len(wanted) else []


def _is_step(node: exp.Literal) -> bool:
    if node.is_string or not node.name.replace(".", "", 1).isdigit():
        return False  # a DOUBLE, whose products are not exact, or negative
    step = Fraction(node.name)
    return step <= 1 and step.denominator <= _MAX_STEPS


def _is_exact(call: Item, function: exp.Expr) -> bool:
    """Whether interpolation between two values is exact, or its result no more so than DOUBLE is."""
    if not isinstance(function, exp.PercentileCont) or call.column.type.startswith(("DOUBLE", "FLOAT")):
        return True
    denominators = [Fraction(literal.name).denominator for literal in _parameters(function)]
    return all(denominator & (denominator - 1) == 0 for denominator in denominators)


def _copies(step: Fraction, count: str, last: str, total: str) -> str:
    """How often a value stands among the rows around a quantile: those of its rows that are not left out."""
    below, steps = step.numerator, step.denominator
    times = f"GREATEST(0, (CAST({total} AS BIGINT) - 1) // {steps} - 1)"
    begin = f"GREATEST(CAST({last} AS BIGINT) - {count}, {times} * {below})"
    end = f"LEAST(CAST({last} AS BIGINT), CAST({total} AS BIGINT) - {times} * {steps - below})"
    return f"{end} - {begin}"


def _with_one(function: exp.Expr, value: exp.Expr, wanted: exp.Literal) -> exp.Expr:
    """The same function over a column, for one quantile."""
    new = copied(function)
    new.set("this", value)
    for name in ("quantile", "expression"):
        if new.args.get(name):
            new.set(name, copied(wanted))
    return new
