"""Decorrelation: a subquery that uses the outer row becomes a relation without it, and predicates that join them.

``lift`` pulls the predicates that name outer columns up to the top of the subquery (the classic way of Kim, and of
Galindo-Legaria and Joshi for aggregates, whose correlation becomes a group key). What it cannot move soundly it
refuses, and the block runs in one task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    Shared,
    Sort,
    Unnest,
    Window,
    column,
    inputs_of,
    names_of,
)
from gristmill_sql.copies import copied
from gristmill_sql.expressions import columns_in, columns_of_all, unwrapped
from gristmill_sql.names import Names
from gristmill_sql.opaque import CannotSpread


@dataclass(frozen=True, slots=True)
class Lifted:
    """A relation free of outer columns, and the predicates over both its columns and outer ones."""

    relation: Relation
    predicates: tuple[exp.Expr, ...] = ()


def expressions_of(relation: Relation) -> tuple[exp.Expr, ...]:
    """The expressions of one operator itself."""
    match relation:
        case Filter():
            return relation.predicates
        case Project():
            return tuple(item.value for item in relation.items)
        case Join():
            return relation.on
        case Aggregate():
            return tuple(item.value for item in (*relation.keys, *relation.calls))
        case Window():
            return (*relation.partition, *(item.value for item in relation.items))
        case Unnest():
            return tuple(item.value for item in relation.items)
        case Sort():
            return tuple(term.value for term in relation.terms)
    return ()


def free_columns(relation: Relation) -> frozenset[str]:
    """The columns that a relation reads and that nothing in it gives: the outer columns of a subquery."""
    free: set[str] = set()
    pending = [relation]
    while pending:
        node = pending.pop()
        inputs = inputs_of(node)
        if isinstance(node, Shared):
            free |= node.free
        free |= columns_of_all(expressions_of(node)).difference(*(names_of(child) for child in inputs))
        pending += inputs
    return frozenset(free)


def lift(relation: Relation, outer: frozenset[str], names: Names, *, one_row: bool = False) -> Lifted:
    """The relation without its uses of ``outer`` columns. Raises CannotSpread where that would not be sound.

    An aggregate without keys gives a row even of no rows; its group by the correlation is then missing. ``one_row``:
    the caller puts that row back, if the aggregate stands on top.
    """
    if not free_columns(relation) & outer:
        return Lifted(relation)
    match relation:
        case Filter():
            return _lift_filter(relation, outer, names)
        case Project():
            return _lift_project(relation, outer, names, one_row=one_row)
        case Join():
            return _lift_join(relation, outer, names)
        case Aggregate():
            if not relation.keys and not one_row:
                raise CannotSpread("an aggregate without GROUP BY deep inside of a correlated subquery")
            return _lift_aggregate(relation, outer, names)
        case Sort():
            return lift(relation.input, outer, names, one_row=one_row)
        case Limit():
            raise CannotSpread("LIMIT in a correlated subquery")
        case Window():
            raise CannotSpread("a window function in a correlated subquery")
    raise CannotSpread("this kind of correlated subquery")


def _lift_filter(node: Filter, outer: frozenset[str], names: Names) -> Lifted:
    below = lift(node.input, outer, names)
    moved = tuple(p for p in node.predicates if columns_in(p) & outer)
    kept = tuple(p for p in node.predicates if not columns_in(p) & outer)
    relation = Filter(below.relation, kept) if kept else below.relation
    return Lifted(relation, below.predicates + moved)


def _lift_project(node: Project, outer: frozenset[str], names: Names, *, one_row: bool) -> Lifted:
    if columns_of_all(expressions_of(node)) & outer:
        raise CannotSpread("an outer column in the SELECT list of a subquery")
    below = lift(node.input, outer, names, one_row=one_row)
    return Lifted(with_columns(Project(below.relation, node.items), below.predicates), below.predicates)


def with_columns(node: Project, predicates: tuple[exp.Expr, ...]) -> Project:
    """The projection, with the input columns that the predicates need passed through."""
    needed = columns_of_all(predicates) - names_of(node)
    extra = [Item(c, column(c.name)) for c in node.input.columns if c.name in needed]
    return replace(node, items=(*node.items, *extra))


def _lift_join(node: Join, outer: frozenset[str], names: Names) -> Lifted:
    left = lift(node.left, outer, names)
    right_free = bool(free_columns(node.right) & outer)
    moved = tuple(p for p in node.on if columns_in(p) & outer)
    if node.kind is not JoinKind.INNER and (right_free or moved):
        raise CannotSpread(f"correlation inside of a {node.kind} join")
    if node.kind in (JoinKind.RIGHT, JoinKind.FULL):
        raise CannotSpread(f"correlation below a {node.kind} join")
    right = lift(node.right, outer, names) if right_free else Lifted(node.right)
    kept = tuple(p for p in node.on if not columns_in(p) & outer)
    joined = Join(node.kind, left.relation, right.relation, kept)
    return Lifted(joined, left.predicates + right.predicates + moved)


def _lift_aggregate(node: Aggregate, outer: frozenset[str], names: Names) -> Lifted:
    if columns_of_all(expressions_of(node)) & outer:
        raise CannotSpread("an outer column in an aggregate of a subquery")
    below = lift(node.input, outer, names)
    keys, predicates = list(node.keys), []
    for predicate in below.predicates:
        inner, outside = _sides(predicate, outer)
        key = next((k for k in keys if k.value == inner), None) or _key(inner, below.relation, names)
        if key not in keys:
            keys.append(key)
        predicates.append(exp.EQ(this=column(key.column.name), expression=copied(outside)))
    return Lifted(Aggregate(below.relation, tuple(keys), node.calls), tuple(predicates))


def _sides(predicate: exp.Expr, outer: frozenset[str]) -> tuple[exp.Expr, exp.Expr]:
    predicate = unwrapped(predicate)
    if isinstance(predicate, exp.EQ):
        for inner, outside in ((predicate.this, predicate.expression), (predicate.expression, predicate.this)):
            if not columns_in(inner) & outer and columns_in(outside) <= outer:
                return inner, outside
    raise CannotSpread("an aggregate in a subquery that is correlated other than by equality")


def _key(inner: exp.Expr, relation: Relation, names: Names) -> Item:
    plain = next((c for c in relation.columns if isinstance(inner, exp.Column) and c.name == inner.name), None)
    if plain is None:
        raise CannotSpread("a subquery that is correlated through an expression")
    return Item(plain, inner)
