"""Binding: syntax tree + catalog -> logical algebra with unique, typed columns.

Called by the compiler after parsing. DuckDB's own binder has the first word (every error of names and types is its
own, with its position) and gives the types of the result.
"""

from __future__ import annotations

from gristmill.plan.schema import Column, Schema
from gristmill_sql.algebra import Item, Query, Relation, column
from gristmill_sql.catalog import Catalog
from gristmill_sql.names import Names
from gristmill_sql.opaque import opaque_block
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed
from gristmill_sql.tables import find_tables


def bind(parsed: Parsed, catalog: Catalog, oracle: Oracle) -> Query:
    """The query's meaning. Raises InvalidQuery for what DuckDB would refuse, too."""
    tables = find_tables(parsed, catalog, oracle)
    output = _unique_names(oracle.describe(parsed.text))
    names = Names()
    fresh = tuple(names.column(c.name, c.type) for c in output)
    root: Relation = opaque_block(parsed.tree, tables, fresh, names, "not spread yet")
    return Query(root, tuple(Item(c, column(f.name)) for c, f in zip(output, fresh, strict=True)))


def _unique_names(schema: Schema) -> Schema:
    taken: set[str] = set()
    unique = []
    for found in schema:
        name, number = found.name, 0
        while name.casefold() in taken:
            number += 1
            name = f"{found.name}_{number}"
        taken.add(name.casefold())
        unique.append(Column(name, found.type))
    return tuple(unique)
