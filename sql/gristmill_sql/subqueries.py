"""Subqueries of a block become joins of its relation: EXISTS and IN semi and anti joins, scalars left joins.

Every rewriting here keeps SQL's three-valued logic; what would not is refused (see docs/sql.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    JoinKind,
    Limit,
    Project,
    Relation,
    Sort,
    column,
    names_of,
)
from gristmill_sql.copies import copied, replaced
from gristmill_sql.decorrelate import Lifted, free_columns, lift
from gristmill_sql.domain import lift_by_domain
from gristmill_sql.expressions import (
    all_of,
    any_of,
    columns_in,
    columns_of_all,
    enclosed,
    holds,
    is_aggregate,
    unwrapped,
)
from gristmill_sql.literals import typed_text
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.scope import Bound, Scope

if TYPE_CHECKING:
    from gristmill_sql.binder import Binder, Environment

_TOO_MANY_ROWS = (
    "More than one row returned by a subquery used as an expression - scalar subqueries can only return a single row."
)


class SubqueryBinder:
    """Binds the subqueries of one block."""

    def __init__(self, binder: Binder, environment: Environment) -> None:
        self._binder = binder
        self._names = binder.names
        self._environment = environment

    # predicates that are joins

    def as_join(self, relation: Relation, term: exp.Expr, scope: Scope) -> Relation | None:
        """The rows of ``relation`` for which a resolved WHERE term holds, if it is EXISTS or IN (or NOT those)."""
        term, negated = unwrapped(term), False
        while isinstance(term, exp.Not):
            term, negated = unwrapped(term.this), not negated
        if isinstance(term, exp.Exists):
            return self._exists(relation, term, scope, negated=negated)
        if isinstance(term, exp.In) and term.args.get("query"):
            return self._in(relation, term, scope, negated=negated)
        return None

    def _exists(self, relation: Relation, term: exp.Exists, scope: Scope, *, negated: bool) -> Relation:
        rows = _rows_only(self._bound(term.this, scope).relation)
        if isinstance(rows, Aggregate) and not rows.keys:  # it has a row whatever it reads
            return Filter(relation, (exp.false(),)) if negated else relation
        relation, lifted = self._lift(relation, rows)
        right = lifted.relation if lifted.predicates else Limit(lifted.relation, 1)
        return Join(JoinKind.ANTI if negated else JoinKind.SEMI, relation, right, lifted.predicates)

    def _in(self, relation: Relation, term: exp.In, scope: Scope, *, negated: bool) -> Relation:
        bound = self._bound(term.args["query"], scope)
        relation, probes = self._probes(relation, term, scope)
        if not negated:
            relation, lifted = self._lift(relation, bound.relation)
            return Join(JoinKind.SEMI, relation, lifted.relation, (*lifted.predicates, *_equalities(probes, bound)))
        same = all_of(_equalities(probes, bound))
        if not free_columns(bound.relation):
            if len(probes) == 1:
                return self._not_in(relation, probes[0], bound)
            return self._tuple_not_in(relation, same, bound)
        relation, found = self._quantified(relation, same, bound, of_all=False)
        return Filter(relation, (exp.Not(this=exp.Paren(this=found)),))

    def _not_in(self, relation: Relation, probe: exp.Expr, bound: Bound) -> Relation:
        """NOT IN is true if the subquery is empty, or if the probe and every row are not NULL and none is equal."""
        rows = self._binder.share("not_in", bound)
        relation = Join(JoinKind.ANTI, relation, rows.relation, _equalities([probe], rows))
        relation, count, filled = self._counts(relation, bound)
        no_nulls = exp.And(
            this=exp.Not(this=exp.Is(this=copied(probe), expression=exp.Null())),
            expression=exp.EQ(this=count, expression=filled),
        )
        empty = exp.EQ(this=copied(count), expression=exp.Literal.number(0))
        return Filter(relation, (any_of([empty, no_nulls]),))

    def _tuple_not_in(self, relation: Relation, same: exp.Expr, bound: Bound) -> Relation:
        """NOT IN of several values is true where no row is equal, or may be: each comparison is false."""
        keys = tuple(Item(c, column(c.name)) for c in dict.fromkeys(bound.columns))
        maybe = exp.NullSafeNEQ(this=exp.Paren(this=same), expression=exp.false())
        return Join(JoinKind.ANTI, relation, Aggregate(bound.relation, keys, ()), (maybe,))

    def _counts(self, relation: Relation, bound: Bound) -> tuple[Relation, exp.Expr, exp.Expr]:
        """The relation with two columns: the number of a subquery's rows, and of those that are not NULL."""
        rows = self._binder.share("in", bound)
        value = column(rows.columns[0].name)
        calls = self._names.items([("rows", exp.Count(this=exp.Star())), ("not_null", exp.Count(this=value))])
        joined = Join(JoinKind.INNER, relation, Aggregate(rows.relation, (), calls))
        return joined, column(calls[0].column.name), column(calls[1].column.name)

    def _probes(self, relation: Relation, term: exp.In, scope: Scope) -> tuple[Relation, list[exp.Expr]]:
        node = unwrapped(term.this)
        probes = []
        for part in node.expressions if isinstance(node, exp.Tuple) else [node]:
            relation, probe = self.scalars(relation, part, scope)
            probes.append(probe)
        return relation, probes

    # subqueries inside of expressions

    def scalars(self, relation: Relation, value: exp.Expr, scope: Scope) -> tuple[Relation, exp.Expr]:
        """The relation with a column for each subquery in a resolved value, and the value over it."""
        if not holds(value, exp.Query, exp.Any, exp.All):
            return relation, value

        def change(node: exp.Expr) -> exp.Expr | None:
            nonlocal relation
            if isinstance(node, exp.Binary) and isinstance(node.expression, exp.Any | exp.All):
                relation, new = self._compared_with_all(relation, node, scope)
                return new
            if isinstance(node, exp.Any | exp.All) and node.find(exp.Query):
                raise CannotSpread("ANY or ALL with a subquery in this place")
            if isinstance(node, exp.Exists):
                relation, new = self._exists_value(relation, node, scope)
                return new
            if isinstance(node, exp.In) and node.args.get("query"):
                relation, new = self._in_value(relation, node, scope)
                return new
            if isinstance(node, exp.Query):
                relation, new = self._scalar(relation, node, scope)
                return new
            return None

        new_value = replaced(value, change)
        return relation, new_value

    def _scalar(self, relation: Relation, node: exp.Query, scope: Scope) -> tuple[Relation, exp.Expr]:
        bound = self._bound(node, scope)
        shown = bound.columns[0]
        if not free_columns(bound.relation):
            single = bound.relation if _gives_one_row(bound.relation) else self._at_most_one(bound)
            name = shown.name if single is bound.relation else single.columns[0].name
            return Join(JoinKind.INNER, relation, single), column(name)
        if not _gives_one_row(bound.relation):
            return self._correlated_row(relation, bound)
        try:
            lifted = lift(bound.relation, free_columns(bound.relation), self._names, one_row=True)
            empty = self._value_of_empty(bound.relation, shown.name)
        except CannotSpread:
            relation, lifted = lift_by_domain(self._binder, relation, bound.relation)
            return Join(JoinKind.INNER, relation, lifted.relation, lifted.predicates), column(shown.name)
        joined = Join(JoinKind.LEFT, relation, lifted.relation, lifted.predicates)
        if empty is None:
            return joined, column(shown.name)
        marker = next(iter(columns_in(lifted.predicates[0]) & names_of(lifted.relation)))
        missing = exp.Is(this=column(marker), expression=exp.Null())
        return joined, exp.Case(ifs=[exp.If(this=missing, true=empty)], default=column(shown.name))

    def _at_most_one(self, bound: Bound) -> Relation:
        """One row: the subquery's only one, or NULL; more of them is an error, as in DuckDB."""
        rows = Limit(bound.relation, 2)
        return self._checked(rows, bound, ())

    def _checked(self, rows: Relation, bound: Bound, keys: tuple[Item, ...]) -> Project:
        value = bound.columns[0]
        calls = self._names.items(
            [("rows", exp.Count(this=exp.Star())), (value.name, exp.First(this=column(value.name)))]
        )
        count, first = (column(call.column.name) for call in calls)
        failed = exp.Anonymous(this="error", expressions=[exp.Literal.string(_TOO_MANY_ROWS)])
        many = exp.GT(this=count, expression=exp.Literal.number(1))
        checked = exp.Case(ifs=[exp.If(this=many, true=failed)], default=first)
        item = Item(self._names.column(value.name, value.type), checked)
        return Project(Aggregate(rows, keys, calls), (item, *(Item(k.column, column(k.column.name)) for k in keys)))

    def _correlated_row(self, relation: Relation, bound: Bound) -> tuple[Relation, exp.Expr]:
        """A correlated subquery that is not an aggregate: grouped by its correlation, checked where it is used."""
        calls = self._names.items(
            [
                ("rows", exp.Count(this=exp.Star())),
                (bound.columns[0].name, exp.First(this=column(bound.columns[0].name))),
            ]
        )
        outer = free_columns(bound.relation)
        try:
            lifted = lift(bound.relation, outer, self._names)
            whole = Aggregate(Filter(lifted.relation, lifted.predicates), (), calls)
            regrouped = lift(whole, outer, self._names, one_row=True)
        except CannotSpread:
            relation, regrouped = lift_by_domain(self._binder, relation, Aggregate(bound.relation, (), calls))
        joined = Join(JoinKind.LEFT, relation, regrouped.relation, regrouped.predicates)
        count, first = (column(call.column.name) for call in calls)
        failed = exp.Anonymous(this="error", expressions=[exp.Literal.string(_TOO_MANY_ROWS)])
        many = exp.GT(this=count, expression=exp.Literal.number(1))
        return joined, exp.Case(ifs=[exp.If(this=many, true=failed)], default=first)

    def _value_of_empty(self, relation: Relation, name: str) -> exp.Expr | None:
        """The value of a column of an aggregate over no rows; None where it is NULL."""
        if isinstance(relation, Aggregate):
            item = next(call for call in relation.calls if call.column.name == name)
            value = self._binder.value_of_no_rows(item.value)
            return None if isinstance(value.this, exp.Null) else value
        if isinstance(relation, Sort):
            return self._value_of_empty(relation.input, name)
        if not isinstance(relation, Project):
            raise CannotSpread("a correlated subquery with HAVING")
        item = next(item for item in relation.items if item.column.name == name)
        below = {c: self._value_of_empty(relation.input, c) for c in columns_in(item.value)}
        types = {c.name: c.type for c in relation.input.columns}
        folded = replaced(
            item.value,
            lambda n: copied(below[n.name] or typed_text(None, types[n.name])) if isinstance(n, exp.Column) else None,
        )
        if _is_null(folded):
            return None
        text, _ = self._binder.oracle.evaluate(folded)
        return None if text is None else typed_text(text, item.column.type)

    def _exists_value(self, relation: Relation, node: exp.Exists, scope: Scope) -> tuple[Relation, exp.Expr]:
        rows = _rows_only(self._bound(node.this, scope).relation)
        if isinstance(rows, Aggregate) and not rows.keys:
            return relation, exp.true()
        if not free_columns(rows):
            call = self._names.item("rows", exp.Count(this=exp.Star()))
            counted = Aggregate(Limit(rows, 1), (), (call,))
            exists = exp.GT(this=column(call.column.name), expression=exp.Literal.number(0))
            return Join(JoinKind.INNER, relation, counted), exp.Paren(this=exists)
        outer = free_columns(rows)
        try:
            lifted = lift(rows, outer, self._names)
            whole = Aggregate(Filter(lifted.relation, lifted.predicates), (), ())
            grouped = lift(whole, outer, self._names, one_row=True)
        except CannotSpread:
            relation, lifted = lift_by_domain(self._binder, relation, rows)
            held = columns_of_all(lifted.predicates) & names_of(lifted.relation)
            keys = tuple(Item(c, column(c.name)) for c in lifted.relation.columns if c.name in held)
            grouped = Lifted(Aggregate(lifted.relation, keys, ()), lifted.predicates)
        return self._marked(relation, grouped)

    def _in_value(self, relation: Relation, node: exp.In, scope: Scope) -> tuple[Relation, exp.Expr]:
        bound = self._bound(node.args["query"], scope)
        relation, probes = self._probes(relation, node, scope)
        if free_columns(bound.relation) or len(probes) > 1:
            if not columns_of_all(probes) | free_columns(bound.relation):
                raise CannotSpread("IN with a tuple of constants inside of an expression")
            return self._quantified(relation, all_of(_equalities(probes, bound)), bound, of_all=False)
        rows = self._binder.share("in", bound)
        keys = tuple(Item(c, column(c.name)) for c in rows.columns[:1])
        grouped = Lifted(Aggregate(rows.relation, keys, ()), _equalities(probes, rows))
        relation, found = self._marked(relation, grouped)
        relation, count, filled = self._counts(relation, bound)
        null_probe = exp.Is(this=copied(probes[0]), expression=exp.Null())
        cases = [
            (exp.EQ(this=count, expression=exp.Literal.number(0)), exp.false()),
            (null_probe, exp.Null()),
            (found, exp.true()),
            (exp.NEQ(this=copied(count), expression=filled), exp.Null()),
        ]
        return relation, exp.Case(ifs=[exp.If(this=c, true=v) for c, v in cases], default=exp.false())

    def _compared_with_all(self, relation: Relation, node: exp.Binary, scope: Scope) -> tuple[Relation, exp.Expr]:
        """``x > ALL (SELECT …)`` and its like; ``= ANY`` is IN, ``<> ALL`` is NOT IN."""
        quantifier = node.expression
        is_all = isinstance(quantifier, exp.All)
        if not isinstance(unwrapped(quantifier.this), exp.Query):
            raise CannotSpread("ANY or ALL of a list")
        if isinstance(node, exp.NEQ if is_all else exp.EQ):
            inside = exp.In(this=copied(node.this), query=copied(quantifier.this))
            relation, found = self._in_value(relation, inside, scope)
            return relation, exp.Paren(this=exp.Not(this=exp.Paren(this=found)) if is_all else found)
        bound = self._bound(quantifier.this, scope)
        relation, (probe,) = self._probes(relation, exp.In(this=copied(node.this)), scope)
        comparison = type(node)(this=enclosed(probe), expression=column(bound.columns[0].name))
        return self._quantified(relation, comparison, bound, of_all=is_all)

    def _quantified(
        self, relation: Relation, comparison: exp.Expr, bound: Bound, *, of_all: bool
    ) -> tuple[Relation, exp.Expr]:
        """Whether a comparison with outer columns holds for any (or all) of a subquery's rows, in three values."""
        call = exp.LogicalAnd if of_all else exp.LogicalOr
        calls = self._names.items(
            [
                ("holds", call(this=copied(comparison))),
                ("known", exp.Count(this=exp.Paren(this=copied(comparison)))),
                ("rows", exp.Count(this=exp.Star())),
            ]
        )
        relation, lifted = lift_by_domain(self._binder, relation, Aggregate(bound.relation, (), calls))
        holds, known, rows = (column(call.column.name) for call in calls)
        settled = exp.Not(this=holds) if of_all else holds
        cases = [(settled, exp.Boolean(this=not of_all)), (exp.LT(this=known, expression=rows), exp.Null())]
        value = exp.Case(ifs=[exp.If(this=c, true=v) for c, v in cases], default=exp.Boolean(this=of_all))
        return Join(JoinKind.INNER, relation, lifted.relation, lifted.predicates), value

    def _marked(self, relation: Relation, grouped: Lifted) -> tuple[Relation, exp.Expr]:
        """The relation left-joined with distinct keys, and whether a row found one."""
        mark = Item(self._names.column("mark", "BOOLEAN"), exp.true())
        kept = (Item(c, column(c.name)) for c in grouped.relation.columns)
        right = Project(grouped.relation, (*kept, mark))
        found = exp.Not(this=exp.Paren(this=exp.Is(this=column(mark.column.name), expression=exp.Null())))
        return Join(JoinKind.LEFT, relation, right, grouped.predicates), exp.Paren(this=found)

    # shared steps

    def _bound(self, node: exp.Expr, scope: Scope) -> Bound:
        query = node
        while isinstance(query, exp.Subquery) and isinstance(query.this, exp.Query) and not query.args.get("order"):
            if query.args.get("limit") or query.args.get("offset") or query.args.get("with_"):
                break
            query = query.this
        if not isinstance(query, exp.Query):
            raise CannotSpread("this kind of subquery")
        return self._binder.query(query, self._environment, scope)

    def _lift(self, relation: Relation, inner: Relation) -> tuple[Relation, Lifted]:
        """A subquery without outer columns, by the cheapest way, and the outer rows."""
        try:
            return relation, lift(inner, free_columns(inner), self._names)
        except CannotSpread:
            return lift_by_domain(self._binder, relation, inner)


def _equalities(probes: list[exp.Expr], bound: Bound) -> tuple[exp.Expr, ...]:
    return tuple(
        exp.EQ(this=copied(probe), expression=column(c.name)) for probe, c in zip(probes, bound.columns, strict=True)
    )


def _is_null(value: exp.Expr) -> bool:
    """Whether a constant is surely NULL: one itself, or by arithmetic with one."""
    match value:
        case exp.Cast() | exp.Paren() | exp.Neg():
            return _is_null(value.this)
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
            return _is_null(value.this) or _is_null(value.expression)
    return isinstance(value, exp.Null)


def _rows_only(relation: Relation) -> Relation:
    """The relation without what does not change whether it has rows."""
    while isinstance(relation, Project | Sort) or (
        isinstance(relation, Limit) and not relation.offset and relation.count
    ):
        relation = relation.input
    return relation


def _gives_one_row(relation: Relation) -> bool:
    while isinstance(relation, Project | Sort):
        relation = relation.input
    return isinstance(relation, Aggregate) and not relation.keys and all(is_aggregate(c.value) for c in relation.calls)
