"""Queries and blocks that one task runs as they are: the way out for what cannot be spread yet.

Called by the binder when it meets something that it has no operator for. The result is right by construction, since
DuckDB runs the user's own text; what it reads is cut to the columns that the text mentions.
"""

from __future__ import annotations

from itertools import chain

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.schema import Schema
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Opaque, Relation, Scan, column
from gristmill_sql.catalog import Table
from gristmill_sql.expressions import columns_in, replaced
from gristmill_sql.names import Names
from gristmill_sql.oracle import Oracle, empty_relation, text_of
from gristmill_sql.scope import Scope
from gristmill_sql.tables import table_name


class CannotSpread(Exception):
    """A construct that has no operator in the algebra; the text says which."""


def opaque_block(node: exp.Query, tables: dict[str, Table], columns: Schema, names: Names, reason: str) -> Opaque:
    """A whole query block (with its own WITH, if any) over scans of the tables that it names."""
    inputs: dict[str, tuple[str, Relation]] = {}
    mentioned = _mentioned(node)

    def over_input(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, exp.Table) or table_name(part).casefold() not in tables:
            return part
        key = table_name(part).casefold()
        if key not in inputs:
            inputs[key] = (f"in{len(inputs)}", _scan(tables[key], mentioned, names))
        alias = part.args.get("alias") or exp.TableAlias(this=exp.to_identifier(part.name, quoted=True))
        return exp.Table(**{**part.args, "this": exp.to_identifier(inputs[key][0]), "db": None, "alias": alias})

    text = text_of(node.transform(over_input))
    aliases = ", ".join(quote_name(column.name) for column in columns)
    sql = f"SELECT * FROM ({text}) AS block({aliases})"
    ordered = node.args.get("order") is not None
    prefix = [f"{name} AS (SELECT {_renamed(scan)} FROM {name}_rows)" for name, scan in inputs.values()]
    sql = f"WITH {', '.join(prefix)} {sql}" if prefix else sql
    return Opaque(
        tuple(scan for _, scan in inputs.values()),
        tuple(f"{name}_rows" for name, _ in inputs.values()),
        sql,
        columns,
        reason,
        ordered,
    )


def _mentioned(node: exp.Query) -> set[str] | None:
    """The names that a query may use as columns; None if it may use any without a word.

    So do stars, a table's name that stands for its rows, NATURAL joins, and PIVOT, which groups by all the rest.
    """
    stars = (s for s in node.find_all(exp.Star, exp.Columns) if not isinstance(s.parent, exp.Count))
    tables = {table.alias_or_name.casefold() for table in node.find_all(exp.Table)}
    rows = (c for c in node.find_all(exp.Column) if c.name.casefold() in tables)
    natural = (j for j in node.find_all(exp.Join) if j.method == "NATURAL")
    if any(True for _ in chain(stars, rows, natural, node.find_all(exp.Pivot))):
        return None
    return {identifier.name.casefold() for identifier in node.find_all(exp.Identifier)}


def rest_of_block(
    node: exp.Select, scope: Scope, rows: Schema, oracle: Oracle, refusal: Exception
) -> tuple[Schema, str, frozenset[str]]:
    """A block without its FROM and WHERE, over a relation ``rows`` that holds what those give.

    Gives the block's columns, its SQL, and the names of the columns that this reads.

    So that one task runs only what cannot be spread. Raises ``refusal`` where the rest does not stand alone.
    """
    rest = node.copy()
    for clause in ("from_", "joins", "where", "with_", "laterals"):
        rest.set(clause, None)
    if rest.find(exp.Query) is not rest or len(list(rest.find_all(exp.Query))) > 1:
        raise CannotSpread(str(refusal)) from None
    aliases = {target.alias.casefold() for target in node.expressions if isinstance(target, exp.Alias)}

    def resolved(part: exp.Expr) -> exp.Expr | None:
        if isinstance(part, exp.Star) and isinstance(part.parent, exp.Select):
            raise CannotSpread(str(refusal)) from None
        if not isinstance(part, exp.Column) or isinstance(part.this, exp.Star):
            return None
        names = [p.name for p in part.parts]
        is_alias = len(names) == 1 and names[0].casefold() in aliases
        own = scope.own(names)
        if own is None or (is_alias and part.find_ancestor(exp.Order)):
            return None
        found: exp.Expr = column(own[0].name)
        for field in own[1]:
            found = exp.Dot(this=found, expression=exp.to_identifier(field, quoted=True))
        return exp.alias_(found, names[-1], quoted=True) if isinstance(part.parent, exp.Select) else found

    bound = replaced(rest, resolved)
    bound.set("from_", exp.From(this=exp.Table(this=exp.to_identifier("rows"))))
    text = text_of(bound)
    try:
        schema = oracle.describe(f"WITH rows AS (FROM {empty_relation(rows)}) {text}")
    except InvalidQuery:
        raise CannotSpread(str(refusal)) from None
    if bound.find(exp.Columns):
        return schema, text, frozenset(c.name for c in rows)
    return schema, text, columns_in(bound)


def _scan(table: Table, mentioned: set[str] | None, names: Names) -> Scan:
    schema = table.facts.schema
    kept = [c for c in schema if mentioned is None or c.name.casefold() in mentioned] or list(schema[:1])
    return Scan(table, tuple(names.column(c.name, c.type) for c in kept), tuple(c.name for c in kept))


def _renamed(scan: Relation) -> str:
    assert isinstance(scan, Scan)
    pairs = zip(scan.columns, scan.sources, strict=True)
    return ", ".join(f"{quote_name(column.name)} AS {quote_name(source)}" for column, source in pairs)
