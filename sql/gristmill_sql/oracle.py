"""DuckDB's own binder as the authority on names, types and constants: queries over empty tables of the right columns.

The front end asks it instead of repeating DuckDB's rules. It never sees data, files or the network; one oracle
serves one compilation.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import re
import weakref
from collections.abc import Iterable, Sequence

import duckdb
from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.schema import Column, Schema, sql_objection
from gristmill.rows.logical import quote_name
from gristmill_sql.copies import text_of
from gristmill_sql.diagnose import Span, invalid

_DESCRIBE = "DESCRIBE "


class Unbindable(Exception):
    """DuckDB refuses an expression or query that the front end made."""


class Oracle:
    """A DuckDB connection without access to anything outside it."""

    def __init__(self) -> None:
        self._connection = _database().cursor()
        self._has_schemas = False

    def create_tables(self, tables: Iterable[tuple[Sequence[str], Schema]]) -> None:
        """Empty tables that queries may name, by the parts of their names."""
        plain = []
        for (*folders, name), schema in tables:
            _refuse_alike(name, schema)
            columns = ", ".join(f"{quote_name(column.name)} {column.type}" for column in schema)
            if folders:
                self._create_in(quote_name(folders[-1]), quote_name(name), columns)
            else:
                plain.append(f"CREATE TEMP TABLE IF NOT EXISTS {quote_name(name)} ({columns})")
        if plain and not self._has_schemas:
            self._connection = _with_tables("; ".join(["BEGIN", *plain, "COMMIT"]), self)
        elif plain:
            self._connection.execute("; ".join(["BEGIN", *plain, "COMMIT"]))

    def _create_in(self, folder: str, name: str, columns: str) -> None:
        self._attach()
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {folder}")
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {folder}.{name} ({columns})")

    def _attach(self) -> None:
        """A database of this oracle's own: schemas, unlike temporary tables, are seen by all cursors of one."""
        if not self._has_schemas:
            own = quote_name(f"oracle {next(_NUMBERS)}")
            self._connection.execute(f"ATTACH ':memory:' AS {own}; USE {own}")
            weakref.finalize(self, _detach, own)
            self._has_schemas = True

    def describe(self, text: str) -> Schema:
        """The columns that a query gives. Raises InvalidQuery with the place in ``text`` and DuckDB's reason."""
        try:
            rows = self._connection.execute(_DESCRIBE + text.strip().rstrip(";")).fetchall()
        except duckdb.Error as fault:
            raise _invalid(text, fault) from None
        return tuple(Column(row[0], _known_type(row[1])) for row in rows)

    def check_syntax(self, text: str) -> None:
        """Raises InvalidQuery where DuckDB's parser refuses the text."""
        try:
            self._connection.extract_statements(text)
        except duckdb.Error as fault:
            raise _invalid(text, fault, prefix="") from None

    def written_out(self, text: str) -> str | None:
        """A query with all its parentheses, as DuckDB's parser reads it; None for what it cannot write so."""
        new = self._reading(text)
        return new if new is not None and self._reading(new) == new else None

    def _reading(self, text: str) -> str | None:
        try:
            ((tree,),) = self._connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()
            ((new,),) = self._connection.execute("SELECT json_deserialize_sql(?::JSON)", [tree]).fetchall()
        except duckdb.Error:  # no query, or not one in its own grammar: who reads the text next says so
            return None
        return str(new)

    def types(self, expressions: Iterable[exp.Expr], over: Schema) -> tuple[str, ...]:
        """The type of each expression over columns of that schema. Raises Unbindable."""
        items = ", ".join(f"{text_of(each)} AS {quote_name(f'c{index}')}" for index, each in enumerate(expressions))
        rows = self._fetch(f"{_DESCRIBE}SELECT {items} FROM {empty_relation(over)}")
        return tuple(_known_type(row[1]) for row in rows)

    def evaluate(self, expression: exp.Expr, row: Sequence[tuple[Column, str]] = ()) -> tuple[str | None, str]:
        """Value (as text; None for NULL) and type of an expression over one row of literals. Raises Unbindable."""
        cells = ", ".join(f"CAST({text} AS {column.type}) AS {quote_name(column.name)}" for column, text in row)
        source = f" FROM (SELECT {cells})" if cells else ""
        value, type_ = self._fetch(
            f"SELECT CAST(x AS VARCHAR), typeof(x) FROM (SELECT {text_of(expression)} AS x{source})"
        )[0]
        return value, type_

    def constant(self, sql: str) -> str | None:
        """The only value, as text, of a query that reads nothing. Raises Unbindable."""
        return self._fetch(sql)[0][0]

    def _fetch(self, sql: str) -> list[tuple[str, str]]:
        try:
            return self._connection.execute(sql).fetchall()  # type: ignore[no-any-return]
        except duckdb.Error as fault:
            raise Unbindable(_message(fault)) from None


_NUMBERS = itertools.count(1)


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """The process's one empty database; to open one takes longer than to plan a small query."""
    database = duckdb.connect(
        config={"threads": 1, "enable_external_access": False, "python_enable_replacements": False}
    )
    database.execute("SET GLOBAL errors_as_json = true")
    return database


_MOST_SPARE = 16
_spare: dict[str, list[duckdb.DuckDBPyConnection]] = {}
"""Cursors that an oracle is done with, by the statements that made all that is in them."""


def _with_tables(statements: str, oracle: Oracle) -> duckdb.DuckDBPyConnection:
    """A cursor on which the statements have run, from an oracle before where there is one: to make tables takes a fifth
    of what planning a query takes. It is spare again once this oracle is gone."""
    try:
        cursor = _spare[statements].pop()
    except (KeyError, IndexError):
        cursor = _database().cursor()
        cursor.execute(statements)  # at once: half the time of one by one
    weakref.finalize(oracle, _give_back, statements, cursor).atexit = False
    return cursor


def _give_back(statements: str, cursor: duckdb.DuckDBPyConnection) -> None:
    if sum(map(len, list(_spare.values()))) >= _MOST_SPARE:
        _spare.clear()
    _spare.setdefault(statements, []).append(cursor)


def _detach(name: str) -> None:
    with contextlib.suppress(duckdb.Error):  # a cursor that still reads it lets it go at its own end
        _database().execute(f"DETACH {name}")


def empty_relation(schema: Schema) -> str:
    """No rows with these columns, for FROM."""
    cells = (
        ", ".join(f"CAST(NULL AS {column.type}) AS {quote_name(column.name)}" for column in schema) or "1 AS nothing"
    )
    return f"(SELECT {cells} WHERE false)"


@functools.cache
def function_names(kind: str) -> frozenset[str]:
    """The lower-case names of DuckDB's functions of a kind: ``aggregate``, ``volatile`` and so on."""
    condition = {
        "aggregate": "function_type = 'aggregate'",
        "volatile": "stability = 'VOLATILE' AND function_name <> 'error'",
        "within query": "stability = 'CONSISTENT_WITHIN_QUERY'",
        "without texts": "function_type = 'scalar' AND return_type IN ('BOOLEAN', 'BIGINT', 'UBIGINT', 'DOUBLE')",
    }[kind]
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {condition}").fetchall()
    return frozenset(name.lower() for (name,) in rows)


def _known_type(type_: str) -> str:
    """The type of a column; one of nothing but NULLs is an INTEGER, as in DuckDB's own tables."""
    return "INTEGER" if type_ == '"NULL"' else type_


def _detail(fault: duckdb.Error) -> dict[str, str]:
    text = str(fault)
    try:
        found: dict[str, str] = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text}
    return found


def _message(fault: duckdb.Error) -> str:
    return str(_detail(fault).get("exception_message", fault))


def _refuse_alike(table: str, schema: Schema) -> None:
    """Raises InvalidQuery for columns that SQL cannot name or tell apart."""
    if objection := sql_objection(schema):
        raise InvalidQuery(objection, place=f"table {table}", remedy="Rename it where the table is written.")


def _invalid(text: str, fault: duckdb.Error, prefix: str = _DESCRIBE) -> InvalidQuery:
    detail = _detail(fault)
    reason, _, rest = str(detail.get("exception_message", fault)).partition("\n")
    if detail.get("candidates"):
        nearest = ", ".join(detail["candidates"].split(",")[:5])
        rest = f"did you mean: {nearest}?"
    return invalid(
        text, reason.strip().rstrip("!"), at=_span(text, detail, prefix) or _named_in(text, reason), remedy=rest.strip()
    )


def _named_in(text: str, reason: str) -> Span | None:
    """Where the text has the one name that a reason without a position quotes, if it has it only once."""
    quoted = re.findall(r'"(\w+)"', reason)
    places = [found.span() for found in re.finditer(rf"(?<!\w){quoted[0]}(?!\w)", text)] if len(quoted) == 1 else []
    return Span(*places[0]) if len(places) == 1 else None


def _span(text: str, detail: dict[str, str], prefix: str) -> Span | None:
    if "position" not in detail:
        return None
    encoded = text.encode()
    shift = len(text) - len(text.lstrip()) - len(prefix) if prefix else 0
    start = int(detail["position"]) + shift
    width = int(detail["location"].strip("[]").split(",")[1]) if "location" in detail else 0
    characters = len(encoded[:start].decode(errors="ignore"))
    return Span(characters, characters + max(width, len(detail.get("name", "")), 1))
