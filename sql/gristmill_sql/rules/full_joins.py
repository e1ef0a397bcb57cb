"""FULL JOIN without an equality: a LEFT JOIN, and the rows of the right side that nothing matches.

No exchange brings together what such a join compares, so that the side that is sent to all tasks cannot tell which of
its rows matched somewhere; an ANTI JOIN the other way round can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Item, Join, JoinKind, Project, Relation, UnionAll, column, names_of
from gristmill_sql.estimate import equality
from gristmill_sql.expressions import substituted
from gristmill_sql.literals import data_type
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge


def split_full_joins(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with each FULL JOIN that has no equality in two halves."""

    def change(node: Relation) -> Relation:
        if not isinstance(node, Join) or node.kind is not JoinKind.FULL:
            return node
        return node if any(equality(p, names_of(node.left)) for p in node.on) else _split(node, knowledge)

    return bottom_up(relation, change)


def _split(node: Join, knowledge: Knowledge) -> Relation:
    left, right = knowledge.share("left", node.left), knowledge.share("right", node.right)
    matched = Join(JoinKind.LEFT, left, right, node.on)
    left_again, left_names = knowledge.read(left)
    right_again, right_names = knowledge.read(right)
    names = left_names | right_names
    on = tuple(substituted(p, names) for p in node.on)
    rest = Join(JoinKind.ANTI, right_again, left_again, on)
    padding = [
        Item(
            knowledge.names.column(c.name, c.type),
            exp.Cast(this=exp.Null(), to=data_type(c.type)),
        )
        for c in left.columns
    ]
    kept = [Item(c, column(c.name)) for c in right_again.columns]
    return UnionAll((matched, Project(rest, (*padding, *kept))), node.columns)
