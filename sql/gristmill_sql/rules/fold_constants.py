"""Constant folding: what depends on no column is computed once, by DuckDB, and stands as a typed literal.

Only values that their text gives back exactly are folded, and never what raises an error: that must happen where
(and only if) DuckDB would evaluate it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Relation
from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import holds, is_aggregate, is_volatile, unwrapped
from gristmill_sql.literals import cast_text
from gristmill_sql.oracle import Unbindable
from gristmill_sql.rules.rewriting import bottom_up, with_expressions

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_FOLDED_TYPES = ("DATE", "TIMESTAMP", "INTEGER", "BIGINT", "DECIMAL", "VARCHAR", "BOOLEAN")
_FOLDED_NODES = (exp.Binary, exp.Func, exp.Neg)
_KEPT = (exp.Predicate, exp.Connector, exp.Dot, exp.Anonymous, exp.Interval, exp.Query, exp.Lambda, exp.Window, exp.If)


def fold_constants(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with constant arithmetic and date functions evaluated."""

    def folded(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, _FOLDED_NODES) or isinstance(node, _KEPT) or is_aggregate(node):
            return None
        if isinstance(node, exp.Cast | exp.Neg) and isinstance(unwrapped(node.this), exp.Literal):
            return copied(node)  # a bare number has no type yet: beside a TINYINT it is one
        if holds(node, exp.Column, exp.Identifier, exp.Star, exp.Query, exp.Collate) or is_volatile(node):
            return None
        if node.parent_select:
            return None
        if node not in knowledge.constants:
            knowledge.constants[copied(node)] = _literal(node, knowledge)
        literal = knowledge.constants[node]
        return None if literal is None else copied(literal)

    return bottom_up(relation, lambda r: with_expressions(r, lambda value: replaced(value, folded)))


def _literal(node: exp.Expr, knowledge: Knowledge) -> exp.Expr | None:
    try:
        value, type_ = knowledge.oracle.evaluate(node)
    except Unbindable:
        return None
    if value is None or not type_.startswith(_FOLDED_TYPES) or type_.endswith("]"):
        return None
    return cast_text(value, type_)
