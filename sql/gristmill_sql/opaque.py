"""Queries and blocks that one task runs as they are: the way out for what cannot be spread yet.

Called by the binder when it meets something that it has no operator for. The result is right by construction, since
DuckDB runs the user's own text; what it reads is cut to the columns that the text mentions.
"""

from __future__ import annotations

from sqlglot import exp

from gristmill.plan.schema import Schema
from gristmill_sql.algebra import Opaque, Relation, Scan
from gristmill_sql.catalog import Table
from gristmill_sql.names import Names
from gristmill_sql.oracle import quote, text_of
from gristmill_sql.tables import table_name


class CannotSpread(Exception):
    """A construct that has no operator in the algebra; the text says which."""


def opaque_block(node: exp.Query, tables: dict[str, Table], columns: Schema, names: Names, reason: str) -> Opaque:
    """A whole query block (with its own WITH, if any) over scans of the tables that it names."""
    inputs: dict[str, tuple[str, Relation]] = {}
    mentioned = None if node.find(exp.Star, exp.Columns) else {i.name.casefold() for i in node.find_all(exp.Identifier)}

    def replaced(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, exp.Table) or table_name(part).casefold() not in tables:
            return part
        key = table_name(part).casefold()
        if key not in inputs:
            inputs[key] = (f"in{len(inputs)}", _scan(tables[key], mentioned, names))
        alias = part.args.get("alias") or exp.TableAlias(this=exp.to_identifier(part.name, quoted=True))
        return exp.Table(**{**part.args, "this": exp.to_identifier(inputs[key][0]), "db": None, "alias": alias})

    text = text_of(node.transform(replaced))
    aliases = ", ".join(quote(column.name) for column in columns)
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


def _scan(table: Table, mentioned: set[str] | None, names: Names) -> Scan:
    schema = table.facts.schema
    kept = [c for c in schema if mentioned is None or c.name.casefold() in mentioned] or list(schema[:1])
    return Scan(table, tuple(names.column(c.name, c.type) for c in kept), tuple(c.name for c in kept))


def _renamed(scan: Relation) -> str:
    assert isinstance(scan, Scan)
    pairs = zip(scan.columns, scan.sources, strict=True)
    return ", ".join(f"{quote(column.name)} AS {quote(source)}" for column, source in pairs)
