"""LIMIT that keeps many rows, and OFFSET without LIMIT: rows are numbered in their order, and chosen by number.

A short LIMIT is merged in one task from the first rows of each; a long one would bring most rows there. Numbers are
given by many tasks (``global_windows``), and the rows that are left are sorted as ever. Any order does where none is
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Filter, Item, Limit, OrderTerm, Project, Relation, Sort, Window, column
from gristmill_sql.copies import copied
from gristmill_sql.options import MERGED_ROWS
from gristmill_sql.rules.rewriting import bottom_up

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge


def spread_long_limits(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with such limits as filters by number, where one task should not take the rows."""
    return bottom_up(relation, lambda node: _numbered(node, knowledge) if isinstance(node, Limit) else node)


def _numbered(node: Limit, knowledge: Knowledge) -> Relation:
    reach = None if node.count is None else node.count + node.offset
    below = node.input
    ordered = isinstance(below, Sort)
    if node.local or (reach is not None and (reach <= MERGED_ROWS or not ordered)):
        return node
    if knowledge.estimator.rows(below) <= max(MERGED_ROWS, knowledge.options.single_rows) and reach is not None:
        return node
    if knowledge.estimator.rows(below) <= knowledge.options.single_rows:
        return node
    terms = below.terms if isinstance(below, Sort) else _any_order(below)
    rows = below.input if isinstance(below, Sort) else below
    if reach is not None:
        rows = Limit(Sort(rows, terms), reach, local=True)
    number = knowledge.names.item("number", _number(terms))
    kept: list[exp.Expr] = [exp.GT(this=column(number.column.name), expression=exp.Literal.number(node.offset))]
    if reach is not None:
        kept.append(exp.LTE(this=column(number.column.name), expression=exp.Literal.number(reach)))
    chosen = Filter(Window(rows, (), (number,)), tuple(kept))
    result = Project(chosen, tuple(Item(c, column(c.name)) for c in node.columns))
    return Sort(result, terms) if ordered else result


def _any_order(relation: Relation) -> tuple[OrderTerm, ...]:
    return (OrderTerm(column(relation.columns[0].name), desc=False, nulls_first=False),)


def _number(terms: tuple[OrderTerm, ...]) -> exp.Expr:
    ordered = [exp.Ordered(this=copied(t.value), desc=t.desc, nulls_first=t.nulls_first) for t in terms]
    return exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=ordered))
