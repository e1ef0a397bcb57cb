"""Selective semi joins go below the inner joins under them, so that those see fewer rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gristmill_sql.algebra import Filter, Join, JoinKind, Relation, names_of
from gristmill_sql.expressions import columns_of_all
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

SELECTIVE = 0.35
"""A semi join is moved if it keeps at most this share of the rows of the side that it is moved to."""


def push_semi_joins(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with selective semi joins as deep as their columns allow."""
    return bottom_up(relation, lambda r: _pushed(r, knowledge) if isinstance(r, Join) else r)


def _pushed(join: Join, knowledge: Knowledge) -> Relation:
    if join.kind is not JoinKind.SEMI:
        return join
    needed = columns_of_all(join.on) - names_of(join.right)
    target = _smallest_holding(join.left, needed)
    if target is join.left or not needed:
        return join
    moved = replace(join, left=target)
    if knowledge.estimator.rows(moved) > SELECTIVE * knowledge.estimator.rows(target):
        return join
    return _replaced(join.left, target, moved)


def _smallest_holding(relation: Relation, needed: frozenset[str]) -> Relation:
    """The deepest input, through inner joins and filters, that has all the columns."""
    while True:
        match relation:
            case Filter(input=Join() as below):
                relation = below
            case Join(JoinKind.INNER, left, right) if needed <= names_of(left) or needed <= names_of(right):
                relation = left if needed <= names_of(left) else right
            case _:
                return relation


def _replaced(relation: Relation, old: Relation, new: Relation) -> Relation:
    if relation is old:
        return new
    if isinstance(relation, Filter):
        return Filter(_replaced(relation.input, old, new), relation.predicates)
    if isinstance(relation, Join) and relation.kind is JoinKind.INNER:
        return replace(relation, left=_replaced(relation.left, old, new), right=_replaced(relation.right, old, new))
    return relation
