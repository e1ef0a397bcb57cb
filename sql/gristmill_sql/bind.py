"""Binding: syntax tree + catalog -> logical algebra with unique, typed columns.

Called by the compiler after parsing. DuckDB's own binder has the first word (every error of names and types is its
own, with its position) and gives the types of the result.
"""

from __future__ import annotations

from sqlglot import exp

from gristmill.errors import InternalError
from gristmill.plan.schema import Column, Schema
from gristmill_sql.algebra import Item, Query, Relation, column, shared_names
from gristmill_sql.binder import Binder
from gristmill_sql.catalog import Catalog
from gristmill_sql.decorrelate import free_columns
from gristmill_sql.literals import data_type
from gristmill_sql.names import Names
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed
from gristmill_sql.tables import find_tables


def bind(parsed: Parsed, catalog: Catalog, oracle: Oracle) -> tuple[Query, Names]:
    """The query's meaning, and the names that it uses up. Raises InvalidQuery for what DuckDB would refuse, too."""
    tables = find_tables(parsed, catalog, oracle)
    output = unique_names(oracle.describe(parsed.text))
    binder = Binder(tables, oracle)
    bound = binder.whole(parsed.tree)
    if missing := free_columns(bound.relation):
        raise InternalError(f"columns without origin: {', '.join(sorted(missing))}", place="binding of the query")
    result = tuple(Item(c, _as_type(named.column, c.type)) for c, named in zip(output, bound.shown, strict=True))
    return Query(bound.relation, result, _read(bound.relation, binder.shared)), binder.names


def _read(root: Relation, shared: dict[str, Relation]) -> tuple[tuple[str, Relation], ...]:
    """The shared relations that the query reads, each after those that it reads itself.

    Others were made for blocks that then became opaque.
    """
    found: dict[str, Relation] = {}

    def visit(relation: Relation) -> None:
        for name in shared_names(relation):
            if name not in found:
                visit(shared[name])
                found[name] = shared[name]

    visit(root)
    return tuple(found.items())


def _as_type(given: Column, type_: str) -> exp.Expr:
    value = column(given.name)
    return value if given.type == type_ else exp.Cast(this=value, to=data_type(type_))


def unique_names(schema: Schema) -> Schema:
    """The columns under names that differ, as results have them: ``a``, ``a_1``."""
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
