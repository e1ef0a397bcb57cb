"""Outer joins whose padded rows a filter above rejects anyway become inner (or half outer) joins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Filter, Join, JoinKind, Relation, names_of
from gristmill_sql.expressions import unwrapped
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Like)
_STRICT = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Column, exp.Literal)


def tighten_outer_joins(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with outer joins made inner where no padded row survives."""
    return bottom_up(relation, _tightened)


def _tightened(relation: Relation) -> Relation:
    if not isinstance(relation, Filter) or not isinstance(relation.input, Join):
        return relation
    join = relation.input
    rejected = frozenset().union(*(_rejects_null(p) for p in relation.predicates))
    pads_left = join.kind in (JoinKind.RIGHT, JoinKind.FULL) and not rejected & names_of(join.left)
    pads_right = join.kind in (JoinKind.LEFT, JoinKind.FULL) and not rejected & names_of(join.right)
    if join.kind not in (JoinKind.LEFT, JoinKind.RIGHT, JoinKind.FULL):
        return relation
    kinds = {
        (False, False): JoinKind.INNER,
        (False, True): JoinKind.LEFT,
        (True, False): JoinKind.RIGHT,
        (True, True): JoinKind.FULL,
    }
    return Filter(replace(join, kind=kinds[pads_left, pads_right]), relation.predicates)


def _rejects_null(predicate: exp.Expr) -> frozenset[str]:
    """Columns that are surely not NULL where the predicate is true."""
    predicate = unwrapped(predicate)
    if not isinstance(predicate, _COMPARISONS):
        return frozenset()
    return _strict_columns(predicate.this) | _strict_columns(predicate.expression)


def _strict_columns(value: exp.Expr) -> frozenset[str]:
    """Columns of an expression that is NULL whenever one of them is."""
    if all(isinstance(node, _STRICT) for node in value.walk() if not isinstance(node, exp.Identifier)):
        return frozenset(node.name for node in value.find_all(exp.Column))
    return frozenset()
