"""The tables that a query names: found in the catalog, and made known to the oracle under the same names.

Called by the binder before anything else; here unknown tables are reported, with the nearest name.
"""

from __future__ import annotations

from sqlglot import exp

from gristmill_sql.catalog import Catalog, Table
from gristmill_sql.copies import all_in
from gristmill_sql.diagnose import invalid
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed, span_of


def find_tables(parsed: Parsed, catalog: Catalog, oracle: Oracle) -> dict[str, Table]:
    """Every table that the query names, by its name in the text (case folded). Raises InvalidQuery."""
    defined = {cte.alias.casefold() for cte in all_in(parsed.tree, exp.CTE)}
    nodes: dict[str, exp.Table] = {}
    for node in all_in(parsed.tree, exp.Table):
        if name := table_name(node):
            nodes.setdefault(name.casefold(), node)
    found: dict[str, Table] = {}
    tables = catalog.find_all([table_name(node) for node in nodes.values()])
    for (key, node), table in zip(nodes.items(), tables, strict=True):
        if table is not None:
            found[key] = table
        elif key not in defined:
            raise _unknown(parsed, catalog, node, table_name(node))
    if "rowid" in parsed.text.casefold():
        _refuse_row_ids(parsed, found)
    oracle.create_tables(([part.name for part in nodes[key].parts], found[key].facts.schema) for key in found)
    return found


def _refuse_row_ids(parsed: Parsed, tables: dict[str, Table]) -> None:
    """Raises InvalidQuery for ``rowid``, which DuckDB's own tables have, where it is the name of nothing here."""
    known = {column.name.casefold() for table in tables.values() for column in table.facts.schema}
    known |= {node.alias.casefold() for node in parsed.tree.find_all(exp.Alias, exp.PivotAlias)}
    known |= {c.name.casefold() for node in parsed.tree.find_all(exp.TableAlias) for c in node.columns}
    for node in parsed.tree.find_all(exp.Column):
        if node.name.casefold() == "rowid" and "rowid" not in known:
            reason = "rows of files have no rowid"
            remedy = "number them: row_number() OVER (ORDER BY ...)"
            raise invalid(parsed.source, reason, at=span_of(node), remedy=remedy)


def table_name(node: exp.Table) -> str:
    """The name as the user wrote it, qualified with dots; empty for a table function."""
    return ".".join(part.name for part in node.parts) if isinstance(node.this, exp.Identifier) else ""


def _unknown(parsed: Parsed, catalog: Catalog, node: exp.Table, name: str) -> Exception:
    nearest = catalog.nearest(name)
    known = ", ".join(catalog.names) or "none"
    remedy = (
        f"did you mean: {nearest}?" if nearest else f"known tables: {known}; or name files, as in FROM 'data/*.parquet'"
    )
    return invalid(parsed.source, f"there is no table {name}", at=span_of(node), remedy=remedy)
