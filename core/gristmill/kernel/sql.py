"""SQL fragments: one SELECT over named inputs, run by DuckDB inside the executor.

One DuckDB instance serves all tasks of an executor; each task has its own cursor, whose views and registered rows
nobody else sees and which go with it. One thread and insertion order make results the same every time. External
access is off, but for the folders of the task's own files.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gristmill.errors import FragmentError, GristmillError
from gristmill.kernel.inputs import Input, Reading, registered
from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, cast_table, duckdb_export_list, schema_of
from gristmill.storage.projection import columns_read

_BATCH_ROWS = 122_880
_WORD = re.compile(r"\w+|\*")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """What a DuckDB instance is made with. ``folders`` are those that SQL may read.

    A task of a spread job has one ``thread``, and its plan leaves out what makes such tasks slower.
    """

    memory_bytes: int
    spill: Path
    folders: frozenset[str]
    time_zone: str
    threads: int = 1


_MOST_FOLDERS = 100
_open: dict[DatabaseSettings, duckdb.DuckDBPyConnection] = {}
_opening = threading.Lock()
"""Queries run whole in several threads."""


def database(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    """A cursor on the executor's instance; a new instance where the settings need one, and then the old one ends.

    To make one takes longer than many a task, so a new one may also read what the old one might.
    """
    with _opening:
        return _instance(settings).cursor()


def _instance(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    for known, instance in _open.items():
        if known.folders >= settings.folders and replace(known, folders=settings.folders) == settings:
            return instance
    wider = frozenset().union(settings.folders, *(known.folders for known in _open))
    if len(wider) <= _MOST_FOLDERS:
        settings = replace(settings, folders=wider)
    _close()
    _open[settings] = _connect(settings)
    return _open[settings]


@atexit.register
def _close() -> None:
    """Ends the instance, if there is one: in a process that ends, its binding would call it a leak."""
    while _open:
        _open.popitem()[1].close()


def _after_fork() -> None:
    _copied.extend(_open.popitem()[1] for _ in range(len(_open)))
    _opening.release()


os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_after_fork)
_copied: list[duckdb.DuckDBPyConnection] = []
"""Instances of the process that this one is a copy of: their threads are not here, so they cannot even be closed."""


@lru_cache(maxsize=64)
def _columns_read(
    settings: DatabaseSettings, sql: str, inputs: tuple[tuple[str, Schema], ...]
) -> dict[str, tuple[str, ...]]:
    """As ``columns_read``; the tasks of a stage ask alike."""
    return columns_read(sql, dict(inputs), partial(database, settings))


def _connect(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        config={
            "threads": settings.threads,
            "memory_limit": f"{settings.memory_bytes}B",
            "temp_directory": str(settings.spill),
            "preserve_insertion_order": True,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    con.execute(f"SET GLOBAL TimeZone = {_text(settings.time_zone)}")
    if settings.threads == 1:
        con.execute("SET GLOBAL disabled_optimizers = 'partial_aggregate_pushdown'")
    con.execute("SET GLOBAL errors_as_json = true")
    con.execute("SET GLOBAL parquet_metadata_cache = true")
    folders = ", ".join(_text(folder) for folder in sorted(settings.folders))
    con.execute(f"SET allowed_directories = [{folders}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class SqlStep:
    """A SELECT over inputs, on a cursor of its own. ``name`` is what messages call it.

    ``schema``: the columns that the result is to have, where they are known to differ from what DuckDB calls them.
    """

    def __init__(self, settings: DatabaseSettings, sql: str, name: str, schema: Schema | None = None) -> None:
        self._settings = settings
        self._con = database(settings)
        self._sql = sql.strip().rstrip(";")
        self._name = name
        self._schema = schema

    def run(self, inputs: Sequence[Input], sides: Mapping[str, pa.Table]) -> Iterator[pa.RecordBatch]:
        """The rows of the query, in its order, with logical types in the fields' metadata; at least one batch."""
        try:
            self._require_one_select()
            for name, table in sides.items():
                self._view(name, registered(self._con, f"gm_side_{name}", table, schema_of(table.schema)))
            reading = Reading(self._named, partial(self._columns, inputs, sides), partial(self._scans_once, inputs))
            for rows in inputs:
                self._view(rows.name, rows.relation(self._con, reading))
            if "input" in self._sql.casefold():
                self._name_input(inputs)
            yield from self._batches()
        except duckdb.OutOfMemoryException:
            raise  # another attempt may have more
        except duckdb.Error as error:
            raise self._failure(error, inputs) from error
        finally:
            self._con.close()

    def interrupt(self) -> None:
        """Has ``run``, in another thread, end with an error soon, if a statement of it runs."""
        with contextlib.suppress(duckdb.ConnectionException):  # closed: it has ended
            self._con.interrupt()

    def _name_input(self, inputs: Sequence[Input]) -> None:
        """Calls an only input ``input`` as well."""
        if len(inputs) == 1 and inputs[0].name.casefold() != "input":
            self._view("input", quote_name(inputs[0].name))

    def _named(self, schema: Schema) -> tuple[str, ...]:
        """The columns of an input of that schema that the query can mean, by the words in it."""
        words = set(_WORD.findall(self._sql.casefold()))
        return tuple(c.name for c in schema if "*" in words or set(_WORD.findall(c.name.casefold())) <= words)

    def _columns(self, inputs: Sequence[Input], sides: Mapping[str, pa.Table], name: str) -> tuple[str, ...]:
        """The columns that the query reads of the input of that name."""
        schemas = {rows.name: rows.schema for rows in inputs}
        names = {name}
        if len(inputs) == 1:
            names.add("input")
            schemas["input"] = inputs[0].schema
        others = {side: schema_of(table.schema) for side, table in sides.items()}
        found = _columns_read(self._settings, self._sql, tuple({**schemas, **others}.items()))
        read = {column for each in names for column in found[each]}
        return tuple(column.name for column in schemas[name] if column.name in read)

    def _scans_once(self, inputs: Sequence[Input], schema: Schema) -> bool:
        """Whether the query has one input, of that schema, and its plan one scan of it.

        With several inputs tables are better even if each is scanned once: their sizes decide who is the build side.
        """
        if len(inputs) > 1:
            return False
        name = inputs[0].name
        try:
            self._view(name, registered(self._con, "gm_no_rows", arrow_schema(schema).empty_table(), schema))
            self._name_input(inputs)
            ((_, plan),) = self._con.execute(f"EXPLAIN (FORMAT json) {self._sql}").fetchall()
        except duckdb.Error:
            return False
        finally:
            self._con.execute(f"DROP VIEW IF EXISTS {quote_name(name)}; DROP VIEW IF EXISTS input")
            self._con.unregister("gm_no_rows")
        return str(plan).count('"PYTHON_ARROW_SCAN",') == 1

    def _view(self, name: str, relation: str) -> None:
        self._con.execute(f"CREATE TEMP VIEW {quote_name(name)} AS FROM {relation}")

    def _batches(self) -> Iterator[pa.RecordBatch]:
        query = self._con.sql(self._sql)
        if self._schema is None:
            schema = tuple(Column(name, str(kind)) for name, kind in zip(query.columns, query.types, strict=True))
            self._require_distinct_names(schema)
        else:
            schema = self._schema
            query = self._as_known(query, schema)
        target = arrow_schema(schema)
        exported = query.select(duckdb_export_list(schema)) if _needs_export(schema) else query
        empty = True
        for batch in exported.to_arrow_reader(_BATCH_ROWS):
            yield carried(batch, target, schema)
            empty = False
        if empty:
            yield pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in target], schema=target)

    def _as_known(self, query: duckdb.DuckDBPyRelation, schema: Schema) -> duckdb.DuckDBPyRelation:
        """The query with these columns, where DuckDB gives two one name, or calls a type NULL."""
        given = tuple(Column(name, str(kind)) for name, kind in zip(query.columns, query.types, strict=True))
        if given == schema:
            return query
        names = ", ".join(quote_name(f"c{at}") for at in range(len(schema)))
        terms = ", ".join(f"CAST(c{at} AS {c.type}) AS {quote_name(c.name)}" for at, c in enumerate(schema))
        return self._con.sql(f"SELECT {terms} FROM ({self._sql}\n) AS result({names})")

    def _require_one_select(self) -> None:
        kinds = [statement.type.name for statement in self._con.extract_statements(self._sql)]
        if kinds not in (["SELECT"], ["MULTI"]):
            found = " and ".join(kinds) or "nothing"
            raise FragmentError(f"it is {found}", place=self._name, remedy="A SQL fragment is one SELECT.")

    def _require_distinct_names(self, schema: Schema) -> None:
        names = [column.name for column in schema]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise FragmentError(
                f"the query gives two columns named {twice!r}", place=self._name, remedy="Name one of them with AS."
            )

    def _failure(self, error: duckdb.Error, inputs: Sequence[Input]) -> GristmillError:
        """The error in the words of DuckDB with its place in the query; what broke an input stays as it is."""
        if broken := next((rows.broken for rows in inputs if rows.broken is not None), None):
            raise broken
        reason, position = parsed_error(str(error))
        if unreadable := next(filter(None, (rows.unreadable(reason) for rows in inputs)), None):
            return unreadable
        if position is None:
            position = self._position_on_binding()
        place = self._name if position is None else f"{self._name}, {_line_and_column(self._sql, position)}"
        origin = ", ".join(rows.origin for rows in inputs)
        return FragmentError(reason, place=place, remedy=f"It was reading {origin}." if origin else "")

    def _position_on_binding(self) -> int | None:
        """Where the query does not bind: relations do not say, statements do."""
        explain = "EXPLAIN "
        try:
            self._con.execute(explain + self._sql)
        except duckdb.Error as error:
            position = parsed_error(str(error))[1]
            return None if position is None else position - len(explain)
        return None


def _needs_export(schema: Schema) -> bool:
    return duckdb_export_list(schema) != ", ".join(quote_name(column.name) for column in schema)


def carried(batch: pa.RecordBatch, target: pa.Schema, schema: Schema) -> pa.RecordBatch:
    """``batch`` under the schema of its logical types; values are touched only where DuckDB chose another carrier."""
    if batch.schema.types == target.types:
        return pa.RecordBatch.from_arrays(batch.columns, schema=target)
    table = cast_table(pa.Table.from_batches([batch]), schema).combine_chunks()
    return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=target)


def parsed_error(text: str) -> tuple[str, int | None]:
    """Reason and offset in the query out of DuckDB's error, which is JSON here."""
    try:
        found: dict[str, Any] = json.loads(text[text.index("{") :])
    except ValueError:
        return text.strip(), None
    reason = f"{found.get('exception_type', 'SQL')} error: {found.get('exception_message', text)}"
    position = found.get("position")
    return reason.strip(), int(position) if position is not None else None


def _line_and_column(sql: str, offset: int) -> str:
    before = sql.encode()[:offset].decode(errors="ignore")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
