"""Predicates in the form that later rules use: common terms of an OR taken out, and what an OR implies for one side.

``(a AND b) OR (a AND c)`` becomes ``a AND (b OR c)``, so that an equality inside of every branch can join; and
``(n1 = 'X' AND n2 = 'Y') OR (n1 = 'Y' AND n2 = 'X')`` gains ``n1 = 'X' OR n1 = 'Y'`` and the same for n2, which
filter before the join.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Filter, Join, JoinKind, Relation, names_of
from gristmill_sql.expressions import (
    all_of,
    any_of,
    columns_in,
    conjuncts,
    disjuncts,
    implied_for,
    is_volatile,
    unwrapped,
)
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_MAX_BRANCHES = 64


def normalize_predicates(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with its filters' predicates factored, and with implied ones where an OR spans a join."""
    return bottom_up(relation, _normalized)


def _normalized(relation: Relation) -> Relation:
    if not isinstance(relation, Filter):
        return relation
    terms = [term for predicate in relation.predicates for term in _factored(predicate)]
    implied = [new for term in terms for new in _implied(term, relation.input)]
    return Filter(relation.input, tuple(dict.fromkeys([*terms, *implied])))


def _factored(predicate: exp.Expr) -> list[exp.Expr]:
    branches = [[unwrapped(t) for t in conjuncts(branch)] for branch in disjuncts(predicate)]
    if len(branches) == 1 or is_volatile(predicate):
        return list(conjuncts(predicate))
    common = [term for term in branches[0] if all(term in branch for branch in branches[1:])]
    if not common:
        return [predicate]
    rests = [[term for term in branch if term not in common] for branch in branches]
    return common if not all(rests) else [*common, any_of(all_of(rest) for rest in rests)]


def _implied(predicate: exp.Expr, relation: Relation) -> list[exp.Expr]:
    """For each leaf of the joins below: what the OR says of that leaf alone."""
    branches = disjuncts(predicate)
    if not 1 < len(branches) <= _MAX_BRANCHES or is_volatile(predicate):
        return []
    used = columns_in(predicate)
    found = []
    for leaf in _leaves(relation):
        own = names_of(leaf)
        if not used & own or used <= own:
            continue
        if (alone := implied_for(predicate, own)) is not None:
            found.append(alone)
    return found


def _leaves(relation: Relation) -> list[Relation]:
    if isinstance(relation, Join) and relation.kind is JoinKind.INNER:
        return [*_leaves(relation.left), *_leaves(relation.right)]
    return _leaves(relation.input) if isinstance(relation, Filter) else [relation]
