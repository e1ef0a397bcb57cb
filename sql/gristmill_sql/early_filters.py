"""Filters of single tables written next to the tables, in the text of a block that one task runs.

So that the task reads only rows that its WHERE keeps. Called by ``opaque``; knows text, no algebra.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlglot import exp

from gristmill_sql.catalog import Table
from gristmill_sql.copies import copied
from gristmill_sql.expressions import all_of, conjuncts, has_aggregate, is_volatile
from gristmill_sql.tables import table_name

_KEEPING = {("", ""), ("", "INNER"), ("", "CROSS"), ("LEFT", ""), ("LEFT", "OUTER"), ("", "SEMI"), ("", "ANTI")}
"""Joins (side, kind) below which rows of the left side may be left out early."""


def with_filters(query: exp.Query, tables: Mapping[str, Table], mentioned: Collection[str] | None) -> exp.Query:
    """A copy in which tables that a WHERE filters are derived tables with that filter; the WHERE stays, too.

    Those have the columns that are ``mentioned``; None: all.
    """
    new = copied(query)
    for select in list(new.find_all(exp.Select)):
        _filter_tables(select, tables, mentioned)
    return new


def _filter_tables(select: exp.Select, tables: Mapping[str, Table], mentioned: Collection[str] | None) -> None:
    where, joins = select.args.get("where"), select.args.get("joins") or []
    source = select.args.get("from_")
    if where is None or source is None or select.args.get("sample"):
        return
    if any(join.method not in ("", "NATURAL") or (join.side, join.kind) not in _KEEPING for join in joins):
        return
    inner = [source.this, *(join.this for join in joins if not join.side and join.kind in ("", "INNER", "CROSS"))]
    everything = [source.this, *(join.this for join in joins)]
    for item in inner:
        table = tables.get(table_name(item).casefold()) if isinstance(item, exp.Table) else None
        if table is None or _has_more(item):
            continue
        others = [_columns_of(other, tables) for other in everything if other is not item]
        own = [
            term
            for term in conjuncts(where.this)
            if _concerns(term, item.alias_or_name, _columns_of(item, tables), others)
        ]
        if own:
            kept = [c.name for c in table.facts.schema if mentioned is None or c.name.casefold() in mentioned]
            item.replace(_filtered(item, own, kept))


def _has_more(item: exp.Table) -> bool:
    alias = item.args.get("alias")
    more = ("pivots", "sample", "joins", "laterals", "version", "when")
    return any(item.args.get(key) for key in more) or bool(alias and alias.args.get("columns"))


def _columns_of(item: exp.Expr, tables: Mapping[str, Table]) -> frozenset[str] | None:
    """The names of a table's columns; None where they are not known."""
    table = tables.get(table_name(item).casefold()) if isinstance(item, exp.Table) else None
    return frozenset(c.name.casefold() for c in table.facts.schema) if table is not None else None


def _concerns(term: exp.Expr, alias: str, own: frozenset[str] | None, others: list[frozenset[str] | None]) -> bool:
    """Whether a term of WHERE reads columns of one table alone."""
    columns = list(term.find_all(exp.Column))
    if not columns or term.find(exp.Query, exp.Window, exp.Star) or has_aggregate(term) or is_volatile(term):
        return False
    if term.find(exp.Any, exp.All):  # a derived table with it would need one task, too, and be taken apart again
        return False
    return all(_belongs(column, alias, own or frozenset(), others) for column in columns)


def _belongs(column: exp.Column, alias: str, own: frozenset[str], others: list[frozenset[str] | None]) -> bool:
    first, *rest = (part.name.casefold() for part in column.parts)
    if rest:
        return first == alias.casefold() and rest[0] in own
    return first in own and all(other is not None and first not in other for other in others)


def _filtered(item: exp.Table, terms: list[exp.Expr], columns: list[str]) -> exp.Expr:
    rows = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(copied(item)).where(all_of(terms))
    alias = exp.TableAlias(this=exp.to_identifier(item.alias_or_name, quoted=True))
    return exp.Subquery(this=rows, alias=alias)
