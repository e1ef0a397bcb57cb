"""Decorrelation of any subquery: it is evaluated once for every distinct value of the outer columns that it uses.

Those values, its *domain*, are joined into it wherever it names an outer column, and its result is joined back to the
outer rows by them (Neumann and Kemper, Unnesting Arbitrary Queries, BTW 2015). Called where ``decorrelate.lift`` finds
no cheaper way. Aggregates then group by the domain, windows partition by it, and LIMIT numbers rows within it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

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
    UnionAll,
    Unnest,
    Window,
    column,
)
from gristmill_sql.copies import copied
from gristmill_sql.decorrelate import Lifted, free_columns
from gristmill_sql.expressions import is_aggregate, substituted
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.scope import Bound, Named

if TYPE_CHECKING:
    from gristmill_sql.binder import Binder

Held = dict[str, str]
"""The outer columns' names, and the columns that hold their values in a relation."""


@dataclass(frozen=True, slots=True)
class _Freed:
    """A relation without outer columns, and which of its columns hold their values."""

    relation: Relation
    held: Held


def lift_by_domain(binder: Binder, relation: Relation, inner: Relation) -> tuple[Relation, Lifted]:
    """``relation``, whose rows are now computed once for several readers, and ``inner`` without its columns.

    An aggregate without keys on top of ``inner`` has a row for every row of ``relation``. Columns that neither has
    come from further out: they become columns of ``relation``, where they stay free for the subquery around it to be
    lifted in its turn. Raises CannotSpread.
    """
    outer = free_columns(inner)
    relation, local = _with_far_columns(binder, relation, outer)
    whole = Bound(relation, tuple(Named(c.name, c) for c in relation.columns))
    rows = binder.share("outer", whole)
    read = {c.name: r for c, r in zip(whole.columns, rows.columns, strict=True)}
    keys = tuple(Item(binder.names.column(o, read[own].type), column(read[own].name)) for o, own in local.items())
    distinct = Bound(Aggregate(rows.relation, keys, ()), tuple(Named(k.column.name, k.column) for k in keys))

    def values() -> _Freed:
        reader = binder.share("domain", distinct)
        return _Freed(reader.relation, dict(zip(local, (c.name for c in reader.columns), strict=True)))

    bound = Domain(outer, values, binder).bound(inner)
    same = tuple(_same(column(local[o]), column(h)) for o, h in bound.held.items())
    return binder.shared_as_it_is("outer", relation), Lifted(bound.relation, same)


def _with_far_columns(binder: Binder, relation: Relation, outer: frozenset[str]) -> tuple[Relation, dict[str, str]]:
    """The relation with a column for each outer column that it lacks, and the names of all outer columns in it."""
    own = [c.name for c in relation.columns if c.name in outer]
    far = binder.names.schema(outer.difference(own))
    local = {name: name for name in own}
    if not far:
        return relation, local
    items = tuple(Item(binder.names.column(c.name, c.type), column(c.name)) for c in far)
    local |= {c.name: item.column.name for c, item in zip(far, items, strict=True)}
    return Join(JoinKind.INNER, relation, Project(binder.names.one_row(), items)), local


class Domain:
    """Rewrites one subquery; ``values`` reads the distinct values of the ``outer`` columns, each time anew."""

    def __init__(self, outer: Iterable[str], values: Callable[[], _Freed], binder: Binder) -> None:
        self._outer = frozenset(outer)
        self._values = values
        self._binder = binder
        self._names = binder.names
        self._shared: dict[str, _Freed] = {}

    def bound(self, relation: Relation) -> _Freed:
        """The subquery's rows for each value of its domain."""
        if not free_columns(relation) & self._outer:
            values = self._values()
            return _Freed(Join(JoinKind.INNER, relation, values.relation), values.held)
        match relation:
            case Filter():
                below = self.bound(relation.input)
                return replace(below, relation=Filter(below.relation, self._all(relation.predicates, below)))
            case Project():
                below = self.bound(relation.input)
                items = tuple(Item(i.column, self._over(i.value, below)) for i in relation.items)
                return replace(below, relation=Project(below.relation, (*items, *self._passed(below, items))))
            case Join():
                return self._join(relation)
            case Aggregate():
                return self._aggregate(relation)
            case Window():
                below = self.bound(relation.input)
                return replace(below, relation=self._window(relation, below))
            case Unnest():
                below = self.bound(relation.input)
                items = tuple(Item(i.column, self._over(i.value, below)) for i in relation.items)
                return replace(below, relation=Unnest(below.relation, items))
            case Sort():
                return self.bound(relation.input)
            case Limit():
                return self._limit(relation)
            case UnionAll():
                return self._union(relation)
            case Shared():
                return self._reader(relation)
        raise CannotSpread("this kind of correlated subquery")

    def _over(self, value: exp.Expr, bound: _Freed) -> exp.Expr:
        return substituted(value, {o: column(h) for o, h in bound.held.items()})

    def _all(self, values: Iterable[exp.Expr], bound: _Freed) -> tuple[exp.Expr, ...]:
        return tuple(self._over(value, bound) for value in values)

    def _passed(self, bound: _Freed, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """The held columns, as they are, beside computed ones."""
        types = {c.name: c for c in bound.relation.columns}
        given = {item.column.name for item in items}
        return tuple(Item(types[h], column(h)) for h in bound.held.values() if h not in given)

    def _join(self, node: Join) -> _Freed:
        right_free = bool(free_columns(node.right) & self._outer)
        left_free = bool(free_columns(node.left) & self._outer)
        if node.kind in (JoinKind.RIGHT, JoinKind.FULL):
            left_free = right_free = True
        if node.kind is JoinKind.INNER and right_free and not left_free:
            right = self.bound(node.right)
            return _Freed(Join(node.kind, node.left, right.relation, self._all(node.on, right)), right.held)
        left = self.bound(node.left)
        if not right_free:
            return _Freed(Join(node.kind, left.relation, node.right, self._all(node.on, left)), left.held)
        if node.kind in (JoinKind.ASOF, JoinKind.ASOF_LEFT):
            raise CannotSpread("correlation inside of an ASOF join")
        right = self.bound(node.right)
        same = tuple(_same(column(left.held[o]), column(right.held[o])) for o in left.held)
        joined = Join(node.kind, left.relation, right.relation, (*self._all(node.on, left), *same))
        if node.kind is JoinKind.RIGHT:
            return _Freed(joined, right.held)
        return self._either(joined, left, right) if node.kind is JoinKind.FULL else _Freed(joined, left.held)

    def _either(self, joined: Join, left: _Freed, right: _Freed) -> _Freed:
        """A FULL JOIN's rows, with the domain of the side that is there."""
        there = self._mark(left)
        marked = replace(joined, left=there.relation)
        (mark,) = (c for c in there.relation.columns if c.name not in {c.name for c in left.relation.columns})
        held, items = {}, []
        for outer, name in left.held.items():
            value = exp.Case(ifs=[exp.If(this=column(mark.name), true=column(name))], default=column(right.held[outer]))
            items.append(self._names.item(name, value))
            held[outer] = items[-1].column.name
        kept = (Item(c, column(c.name)) for c in marked.columns)
        return _Freed(Project(marked, (*kept, *items)), held)

    def _mark(self, bound: _Freed) -> _Freed:
        mark = Item(self._names.column("mark", "BOOLEAN"), exp.true())
        kept = (Item(c, column(c.name)) for c in bound.relation.columns)
        return replace(bound, relation=Project(bound.relation, (*kept, mark)))

    def _aggregate(self, node: Aggregate) -> _Freed:
        below = self.bound(node.input)
        keys = tuple(Item(key.column, self._over(key.value, below)) for key in node.keys)
        calls = tuple(Item(call.column, self._over(call.value, below)) for call in node.calls)
        grouped = Aggregate(below.relation, (*keys, *self._passed(below, keys)), calls)
        if node.keys or not calls:
            return replace(below, relation=grouped)
        return self._with_empty_groups(grouped, below, node)

    def _with_empty_groups(self, grouped: Aggregate, below: _Freed, node: Aggregate) -> _Freed:
        """A row for every value of the domain, be it that no rows are aggregated for it."""
        marked = self._mark(replace(below, relation=grouped))
        mark = marked.relation.columns[-1]
        values = self._values()
        same = tuple(_same(column(values.held[o]), column(h)) for o, h in below.held.items())
        padded = Join(JoinKind.LEFT, values.relation, marked.relation, same)
        missing = exp.Is(this=column(mark.name), expression=exp.Null())
        items = []
        for call in node.calls:
            empty = self._binder.value_of_no_rows(call.value)
            inner = column(call.column.name)
            renamed = self._names.column(call.column.name, call.column.type)
            value = exp.Case(ifs=[exp.If(this=copied(missing), true=empty)], default=inner)
            items.append((call.column, renamed, value))
        held = tuple(Item(c, column(c.name)) for c in values.relation.columns)
        filled = Project(padded, (*(Item(new, value) for _, new, value in items), *held))
        back = tuple(Item(old, column(new.name)) for old, new, _ in items)
        return replace(values, relation=Project(filled, (*back, *held)))

    def _window(self, node: Window, below: _Freed) -> Window:
        domain = tuple(column(h) for h in below.held.values())
        items = []
        for item in node.items:
            call = self._over(item.value, below)
            for window in call.find_all(exp.Window):
                window.set("partition_by", [*(window.args.get("partition_by") or []), *(copied(d) for d in domain)])
            items.append(Item(item.column, call))
        return Window(below.relation, (*self._all(node.partition, below), *domain), tuple(items))

    def _limit(self, node: Limit) -> _Freed:
        """The first rows for each value of the domain: numbered in order, then filtered by number."""
        terms: tuple[OrderTerm, ...] = ()
        inner = node.input
        if isinstance(inner, Sort):
            terms, inner = inner.terms, inner.input
        below = self.bound(inner)
        if any(is_aggregate(term.value) for term in terms):
            raise CannotSpread("LIMIT in a correlated subquery")
        domain = [column(h) for h in below.held.values()]
        ordered = [exp.Ordered(this=self._over(t.value, below), desc=t.desc, nulls_first=t.nulls_first) for t in terms]
        numbered = exp.Window(
            this=exp.RowNumber(), partition_by=domain, order=exp.Order(expressions=ordered) if ordered else None
        )
        number = Item(self._names.column("row_number", "BIGINT"), numbered)
        window = Window(below.relation, tuple(domain), (number,))
        kept: list[exp.Expr] = []
        if node.offset:
            kept.append(exp.GT(this=column(number.column.name), expression=exp.Literal.number(node.offset)))
        if node.count is not None:
            last = exp.Literal.number(node.offset + node.count)
            kept.append(exp.LTE(this=column(number.column.name), expression=last))
        columns = tuple(Item(c, column(c.name)) for c in below.relation.columns)
        return replace(below, relation=Project(Filter(window, tuple(kept)), columns))

    def _union(self, node: UnionAll) -> _Freed:
        bounds = [self.bound(child) for child in node.inputs]
        order = list(bounds[0].held)
        held = [self._names.item(bounds[0].held[o], column(bounds[0].held[o])).column for o in order]
        fresh = [self._names.column(c.name, c.type) for c in held]
        inputs = []
        for bound, child in zip(bounds, node.inputs, strict=True):
            types = {c.name: c for c in bound.relation.columns}
            wanted = [*child.columns, *(types[bound.held[o]] for o in order)]
            inputs.append(Project(bound.relation, tuple(Item(c, column(c.name)) for c in wanted)))
        names = {o: c.name for o, c in zip(order, fresh, strict=True)}
        return _Freed(UnionAll(tuple(inputs), (*node.columns, *fresh)), names)

    def _reader(self, node: Shared) -> _Freed:
        """The rows of a shared relation that is correlated itself: computed once for all of its readers, as before."""
        if node.name not in self._shared:
            self._shared[node.name] = self.bound(self._binder.shared[node.name])
        there = self._shared[node.name]
        whole = self._binder.shared_as_it_is(node.name, there.relation)
        types = {c.name: c.type for c in whole.columns}
        held = {outer: self._names.column(name, types[name]) for outer, name in there.held.items()}
        sources = (*node.sources, *there.held.values())
        reader = replace(whole, columns=(*node.columns, *held.values()), sources=sources)
        return _Freed(reader, {outer: c.name for outer, c in held.items()})


def _same(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    """Equality that NULLs satisfy."""
    return exp.NullSafeEQ(this=one, expression=other)
