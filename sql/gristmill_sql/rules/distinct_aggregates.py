"""Aggregates of several DISTINCT arguments without GROUP BY: each argument's distinct values are aggregated by
themselves, and the single rows of all put side by side.

One DISTINCT argument is shuffled where the planner aggregates; several would meet in one task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Aggregate, Item, Join, JoinKind, Relation, Shared, column
from gristmill_sql.copies import copied
from gristmill_sql.decompose import distinct_values
from gristmill_sql.expressions import bare_call, substituted
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_SPLIT = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)


def split_distinct_aggregates(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with such aggregates split."""

    def change(node: Relation) -> Relation:
        return _split(node, knowledge) if isinstance(node, Aggregate) and not node.keys else node

    return bottom_up(relation, change)


def _split(node: Aggregate, knowledge: Knowledge) -> Relation:
    groups: dict[exp.Expr | None, list[Item]] = {}
    for call in node.calls:
        groups.setdefault(_argument(call), []).append(call)
    arguments = [argument for argument in groups if argument is not None]
    averages = any(isinstance(bare_call(call.value), exp.Avg) for a in arguments for call in groups[a])
    if len(arguments) < 2 and not averages:
        return node
    rows = knowledge.share("rows", node.input)
    result: Relation | None = None
    for argument, calls in groups.items():
        one = _plain(rows, calls, knowledge) if argument is None else _distinct(rows, argument, calls, knowledge)
        result = one if result is None else Join(JoinKind.INNER, result, one)
    assert result is not None
    return result


def _argument(call: Item) -> exp.Expr | None:
    """The one DISTINCT argument of a call, NULL where its FILTER leaves the row out."""
    values = distinct_values(call.value)
    if values is None or len(values) != 1 or not isinstance(bare_call(call.value), _SPLIT):
        return None
    if isinstance(call.value, exp.Filter):
        return exp.Case(ifs=[exp.If(this=copied(call.value.expression.this), true=copied(values[0]))])
    return values[0]


def _plain(rows: Shared, calls: list[Item], knowledge: Knowledge) -> Relation:
    again, names = knowledge.read(rows)
    return Aggregate(again, (), tuple(Item(c.column, substituted(c.value, names)) for c in calls))


def _distinct(rows: Shared, argument: exp.Expr, calls: list[Item], knowledge: Knowledge) -> Relation:
    again, names = knowledge.read(rows)
    value = knowledge.names.item("value", substituted(argument, names))
    renamed = knowledge.names.column("value", value.column.type)
    values = Aggregate(again, (Item(renamed, value.value),), ())
    return Aggregate(
        values, (), tuple(Item(c.column, type(bare_call(c.value))(this=column(renamed.name))) for c in calls)
    )
