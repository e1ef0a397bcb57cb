"""DESCRIBE, SUMMARIZE and SHOW TABLES: what a query or a table is like, as a query that gives it.

Called by both ways of compiling, for every statement: ``read_query`` is parsing and, where something is asked about a
query, its answer in place of it. The columns of the answers are DuckDB's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import quote_name, quote_text
from gristmill_sql.catalog import Catalog
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed, in_duckdb, parse
from gristmill_sql.statements import About
from gristmill_sql.tables import find_tables

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
_NUMBERS = _WHOLE | {f"U{name}" for name in _WHOLE} | {"FLOAT", "DOUBLE", "DECIMAL"}
_MOMENTS = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}


def read_query(sql: str, options: CompileOptions, oracle: Oracle, catalog: Catalog) -> tuple[Parsed, Catalog]:
    """The query in ``sql``, or the one that answers what ``sql`` asks about another, and the catalog with the files
    that it reads by calls. Raises InvalidQuery."""
    parsed = parse(sql, options, oracle, catalog)
    larger = catalog.including(parsed.sources)
    return (parsed if parsed.about is None else _answered(parsed, larger, oracle)), larger


def _answered(parsed: Parsed, catalog: Catalog, oracle: Oracle) -> Parsed:
    if parsed.about is About.TABLES:
        text = _rows(("name",), [(quote_text(name),) for name in sorted(catalog.names)])
    else:
        find_tables(parsed, catalog, oracle)
        schema = oracle.describe(parsed.text)
        text = _columns(schema) if parsed.about is About.COLUMNS else _summary(parsed.text, schema)
    return replace(parsed, tree=in_duckdb(text, oracle), source=text, text=text, about=None)


def _columns(schema: Schema) -> str:
    names = ("column_name", "column_type", "null", "key", "default", "extra")
    nothing = ("CAST(NULL AS VARCHAR)",) * 3
    return _rows(names, [(quote_text(c.name), quote_text(c.type), "'YES'", *nothing) for c in schema])


def _rows(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A query of constant texts."""
    if not rows:
        return f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {quote_name(name)}' for name in names)} WHERE false"
    values = ", ".join(f"({', '.join(row)})" for row in rows)
    return f"SELECT * FROM (VALUES {values}) AS about({', '.join(map(quote_name, names))})"


def _summary(query: str, schema: Schema) -> str:
    """A row for each column: its range, and about how many values and where they lie."""
    structs = ", ".join(f"{{{', '.join(f'{quote_text(n)}: {v}' for n, v in _figures(c))}}}" for c in schema)
    shown = ", ".join(f"u.{quote_name(name)}" for name, _ in _figures(schema[0]))
    return f"SELECT {shown} FROM (SELECT unnest([{structs}]) AS u FROM ({query}) AS summarized)"


def _figures(column: Column) -> Iterator[tuple[str, str]]:
    """The names of the answer's columns and the expressions that compute them."""
    name, kind = quote_name(column.name), column.type.partition("(")[0]
    ordered = kind in _NUMBERS | _MOMENTS
    yield "column_name", quote_text(column.name)
    yield "column_type", quote_text(column.type)
    yield "min", f"CAST(min({name}) AS VARCHAR)"
    yield "max", f"CAST(max({name}) AS VARCHAR)"
    yield "approx_unique", f"approx_count_distinct({name})"
    yield "avg", _text(f"avg({name})", ordered)
    yield "std", _text(f"stddev({name})", kind in _NUMBERS)
    for percent in (25, 50, 75):
        yield f"q{percent}", _text(f"approx_quantile({name}, 0.{percent})", ordered)
    yield "count", "count(*)"
    share = f"round((1 - count({name}) / count(*)) * 100, 2)"
    yield "null_percentage", f"CASE WHEN count(*) > 0 THEN CAST({share} AS DECIMAL(9, 2)) END"


def _text(expression: str, applies: bool) -> str:
    return f"CAST({expression if applies else 'NULL'} AS VARCHAR)"
