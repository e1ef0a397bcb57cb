"""Rewriting rules: each a function from a relation to an equal one, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gristmill_sql.algebra import Relation
from gristmill_sql.estimate import Estimator
from gristmill_sql.names import Names
from gristmill_sql.oracle import Oracle
from gristmill_sql.rules.fold_constants import fold_constants
from gristmill_sql.rules.join_order import order_joins
from gristmill_sql.rules.outer_joins import tighten_outer_joins
from gristmill_sql.rules.predicates import normalize_predicates
from gristmill_sql.rules.pushdown import push_predicates
from gristmill_sql.rules.semi_joins import push_semi_joins


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What rules may ask: types and constants, sizes, and new names."""

    oracle: Oracle
    names: Names
    estimator: Estimator


Rule = Callable[[Relation, Knowledge], Relation]

RULES: tuple[Rule, ...] = (
    fold_constants,
    normalize_predicates,
    push_predicates,
    tighten_outer_joins,
    push_predicates,
    push_semi_joins,
    order_joins,
)
"""The rules for one relation; unused columns are cut afterwards, for the query as a whole (rules.columns)."""
