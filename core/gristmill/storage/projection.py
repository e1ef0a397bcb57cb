"""Projection: which columns of its inputs a query reads, so that only these are brought from remote files.

DuckDB's own optimizer is asked: the query is explained over empty inputs of the same schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb

from gristmill.plan.schema import Schema
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, duckdb_cast_list

_ALIAS = re.compile(r"gm_\d+_\d+")


def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def columns_read(
    sql: str, inputs: Mapping[str, Schema], connect: Callable[[], duckdb.DuckDBPyConnection] = _database
) -> dict[str, tuple[str, ...]]:
    """For each input, by the name that ``sql`` has for it, the columns that the query reads, in schema order.

    All columns of all inputs where the query cannot be explained: whoever runs it will tell why. ``connect`` gives a
    connection to explain it on, which is closed then: one that may do no more than the query itself.
    """
    try:
        with connect() as con:
            for number, (name, schema) in enumerate(inputs.items()):
                _define(con, number, name, schema)
            plan = con.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]
    except duckdb.Error:
        return {name: tuple(column.name for column in schema) for name, schema in inputs.items()}
    read = {column for node in json.loads(plan) for column in _named(node)}
    return {
        name: tuple(column.name for i, column in enumerate(schema) if _alias(number, i) in read)
        for number, (name, schema) in enumerate(inputs.items())
    }


def _define(con: duckdb.DuckDBPyConnection, number: int, name: str, schema: Schema) -> None:
    """A view of the input's schema over an Arrow table whose columns have names that occur once in the query."""
    carriers = arrow_schema(schema)
    aliases = [_alias(number, i) for i in range(len(schema))]
    con.register(f"gm_empty_{number}", carriers.empty_table().rename_columns(aliases))
    renamed = ", ".join(f"{a} AS {quote_name(c.name)}" for a, c in zip(aliases, schema, strict=True))
    con.execute(
        f"CREATE TEMP VIEW {quote_name(name)} AS SELECT {duckdb_cast_list(schema)} "
        f"FROM (SELECT {renamed} FROM gm_empty_{number})"
    )


def _alias(number: int, column: int) -> str:
    return f"gm_{number}_{column}"


def _named(node: dict[str, Any]) -> Iterator[str]:
    """The columns that any operator of an explained plan names: as they are, or as the struct that a field is of."""
    yield from _ALIAS.findall(json.dumps(node["extra_info"]))
    for child in node["children"]:
        yield from _named(child)
