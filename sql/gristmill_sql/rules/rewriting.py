"""Walking over relations: the same operator with changed inputs or changed expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    Project,
    Relation,
    Sort,
    Window,
    inputs_of,
    with_inputs,
)


def bottom_up(relation: Relation, change: Callable[[Relation], Relation]) -> Relation:
    """The relation with ``change`` applied to every operator, inputs first."""
    inputs = tuple([bottom_up(child, change) for child in inputs_of(relation)])
    return change(with_inputs(relation, inputs))


def with_nodes(relation: Relation, new: Mapping[int, Relation]) -> Relation:
    """The relation with operators in it replaced: ``new`` has what stands in the place of each, by its id."""
    if id(relation) in new:
        return new[id(relation)]
    return with_inputs(relation, tuple(with_nodes(child, new) for child in inputs_of(relation)))


def with_expressions(relation: Relation, change: Callable[[exp.Expr], exp.Expr]) -> Relation:
    """The same operator with each of its expressions changed; aggregate and window calls stay as they are."""
    match relation:
        case Filter():
            return replace(relation, predicates=tuple(change(p) for p in relation.predicates))
        case Project():
            return replace(relation, items=tuple(_item(i, change) for i in relation.items))
        case Join():
            return replace(relation, on=tuple(change(p) for p in relation.on))
        case Aggregate():
            return replace(relation, calls=tuple(_item(i, change) for i in relation.calls))
        case Window() | Sort():
            return relation
    return relation


def _item(item: Item, change: Callable[[exp.Expr], exp.Expr]) -> Item:
    return Item(item.column, change(item.value))


def filtered(relation: Relation, predicates: tuple[exp.Expr, ...]) -> Relation:
    """The relation under a filter, unless there is nothing to filter by."""
    if not predicates:
        return relation
    if isinstance(relation, Filter):
        return Filter(relation.input, (*relation.predicates, *predicates))
    return Filter(relation, predicates)
