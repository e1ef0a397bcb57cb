"""SQL fragments: one SELECT over named inputs, run by DuckDB inside the executor.

Each task has a cursor of its own on the executor's instance. One thread and insertion order make results the same every
time. What a stage's tasks would each find out anew, such as the columns of their query, is kept for the next.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from gristmill.errors import FragmentError, GristmillError
from gristmill.kernel.database import DatabaseSettings, database
from gristmill.kernel.inputs import Input, Reading, registered
from gristmill.plan.fragment import TASK_VARIABLE
from gristmill.plan.schema import Column, Schema, sql_objection
from gristmill.rows.logical import quote_name
from gristmill.rows.types import arrow_schema, cast_table, duckdb_export_list, schema_of
from gristmill.storage.projection import columns_read

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_BATCH_ROWS = 122_880
_WORD = re.compile(r"\w+|\*")


@lru_cache(maxsize=64)
def _columns_read(
    settings: DatabaseSettings, sql: str, inputs: tuple[tuple[str, Schema], ...]
) -> dict[str, tuple[str, ...]]:
    """As ``columns_read``; the tasks of a stage ask alike."""
    return columns_read(sql, dict(inputs), partial(database, settings))


_objection = lru_cache(maxsize=64)(sql_objection)


@dataclass(frozen=True, slots=True)
class _Question:
    """What decides which columns a query has: its text, those it is to have, and the columns of all that it reads."""

    sql: str
    wanted: Schema | None
    inputs: tuple[tuple[str, Schema], ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """The columns of a query, the text that gives them in carriers that Arrow has, and the schema of these."""

    schema: Schema
    sql: str
    exported: pa.Schema


class _Known(dict[_Key, _Value]):
    """What the tasks of a stage would each find out anew. Queries that run whole ask in several threads."""

    def remember(self, key: _Key, value: _Value) -> None:
        """Keeps it; where there are too many, no other."""
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[key] = value


_MOST_KNOWN = 256
_answers: _Known[_Question, _Answer] = _Known()
_selects: _Known[str, bool] = _Known()
"""Texts that are one SELECT."""


class SqlStep:
    """A SELECT over inputs, on a cursor of its own. ``name`` is what messages call it.

    ``schema``: the columns that the result is to have, where they are known to differ from what DuckDB calls them.
    ``task``: what the query may know of the task that runs it.
    """

    def __init__(
        self, settings: DatabaseSettings, sql: str, name: str, schema: Schema | None = None, task: str = ""
    ) -> None:
        self._settings = settings
        self._con = database(settings)
        self._sql = sql.strip().rstrip(";")
        self._name = name
        self._schema = schema
        self._task = task

    def run(self, inputs: Sequence[Input], sides: Mapping[str, pa.Table | Input]) -> Iterator[pa.RecordBatch]:
        """The rows of the query, in its order, with logical types in the fields' metadata; at least one batch."""
        try:
            self._require_one_select()
            if TASK_VARIABLE in self._sql:
                self._con.execute(f"SET VARIABLE {TASK_VARIABLE} = ?", [self._task])
            others = {name: _schema_of_side(side) for name, side in sides.items()}
            self._require_names(inputs, others)
            reading = Reading(self._named, partial(self._columns, inputs, others), partial(self._scans_once, inputs))
            for name, side in sides.items():
                if not self._may_mean(name):
                    continue
                if isinstance(side, pa.Table):
                    self._view(name, registered(self._con, f"gm_side_{name}", side, others[name]))
                else:
                    self._view(name, side.relation(self._con, reading))
            for rows in inputs:
                relation = rows.relation(self._con, reading)
                for name in self._names(rows, alone=len(inputs) == 1):
                    self._view(name, relation)
            given = {rows.name: rows.schema for rows in inputs} | others
            yield from self._batches(_Question(self._sql, self._schema, tuple(given.items())))
        except duckdb.OutOfMemoryException:
            raise  # another attempt may have more
        except duckdb.Error as error:
            read = [*inputs, *(side for side in sides.values() if not isinstance(side, pa.Table))]
            raise self._failure(error, read) from error
        finally:
            self._con.close()

    def interrupt(self) -> None:
        """Has ``run``, in another thread, end with an error soon, if a statement of it runs."""
        with contextlib.suppress(duckdb.ConnectionException):  # closed: it has ended
            self._con.interrupt()

    def _names(self, rows: Input, *, alone: bool) -> list[str]:
        """What the query may call that input: its name, an only one also ``input``. A view takes as long as it takes to
        bind it, so there is none that the text cannot mean."""
        names = {name.casefold(): name for name in (["input", rows.name] if alone else [rows.name])}
        return [name for name in names.values() if self._may_mean(name)]

    def _may_mean(self, name: str) -> bool:
        """Whether the text has that name, or a part of another word that looks like it."""
        return name.casefold().replace('"', '""') in self._sql.casefold()

    def _named(self, schema: Schema) -> tuple[str, ...]:
        """The columns of an input of that schema that the query can mean, by the words in it."""
        words = set(_WORD.findall(self._sql.casefold()))
        return tuple(c.name for c in schema if "*" in words or set(_WORD.findall(c.name.casefold())) <= words)

    def _columns(self, inputs: Sequence[Input], sides: Mapping[str, Schema], name: str) -> tuple[str, ...]:
        """The columns that the query reads of the input, or side input, of that name."""
        schemas = {rows.name: rows.schema for rows in inputs} | dict(sides)
        names = {name}
        if len(inputs) == 1:
            schemas["input"] = inputs[0].schema
            if name == inputs[0].name:
                names.add("input")
        found = _columns_read(self._settings, self._sql, tuple(schemas.items()))
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
            relation = registered(self._con, "gm_no_rows", arrow_schema(schema).empty_table(), schema)
            for each in self._names(inputs[0], alone=True):
                self._view(each, relation)
            ((_, plan),) = self._con.execute(f"EXPLAIN (FORMAT json) {self._sql}").fetchall()
        except duckdb.Error:
            return False
        finally:
            self._con.execute(f"DROP VIEW IF EXISTS {quote_name(name)}; DROP VIEW IF EXISTS input")
            self._con.unregister("gm_no_rows")
        return str(plan).count('"PYTHON_ARROW_SCAN",') == 1

    def _view(self, name: str, relation: str) -> None:
        self._con.execute(f"CREATE TEMP VIEW {quote_name(name)} AS FROM {relation}")

    def _batches(self, question: _Question) -> Iterator[pa.RecordBatch]:
        answer = _answers.get(question)
        reader = self._con.sql(answer.sql).to_arrow_reader(_BATCH_ROWS) if answer is not None else None
        if answer is None or reader is None or not reader.schema.equals(answer.exported):
            schema, exported = self._bound()
            reader = exported.to_arrow_reader(_BATCH_ROWS)
            answer = _Answer(schema, exported.sql_query(), reader.schema)
            if self._sql in _selects:
                _answers.remember(question, answer)
        target = arrow_schema(answer.schema)
        empty = True
        for batch in reader:
            yield carried(batch, target, answer.schema)
            empty = False
        if empty:
            yield pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in target], schema=target)

    def _bound(self) -> tuple[Schema, duckdb.DuckDBPyRelation]:
        """The query's columns, and what gives them in carriers that Arrow has."""
        query = self._con.sql(self._sql)
        if self._schema is None:
            schema = tuple(Column(name, str(kind)) for name, kind in zip(query.columns, query.types, strict=True))
            self._require_distinct_names(schema)
        else:
            schema = self._schema
            query = self._as_known(query, schema)
        return schema, query.select(duckdb_export_list(schema)) if _needs_export(schema) else query

    def _as_known(self, query: duckdb.DuckDBPyRelation, schema: Schema) -> duckdb.DuckDBPyRelation:
        """The query with these columns, where DuckDB gives two one name, or calls a type NULL."""
        given = tuple(Column(name, str(kind)) for name, kind in zip(query.columns, query.types, strict=True))
        if given == schema:
            return query
        names = ", ".join(quote_name(f"c{at}") for at in range(len(schema)))
        terms = ", ".join(f"CAST(c{at} AS {c.type}) AS {quote_name(c.name)}" for at, c in enumerate(schema))
        return self._con.sql(f"SELECT {terms} FROM ({self._sql}\n) AS result({names})")

    def _require_one_select(self) -> None:
        if self._sql in _selects:
            return
        kinds = [statement.type.name for statement in self._con.extract_statements(self._sql)]
        if kinds not in (["SELECT"], ["MULTI"]):
            found = " and ".join(kinds) or "nothing"
            raise FragmentError(f"it is {found}", place=self._name, remedy="A SQL fragment is one SELECT.")
        if kinds == ["SELECT"]:  # the columns of a PIVOT, which is MULTI, depend on its rows
            _selects.remember(self._sql, True)

    def _require_names(self, inputs: Sequence[Input], sides: Mapping[str, Schema]) -> None:
        """Raises FragmentError for rows whose columns SQL cannot name or tell apart."""
        given = [*((rows.name, rows.schema) for rows in inputs), *sides.items()]
        for name, schema in given:
            if objection := _objection(schema):
                raise FragmentError(
                    f"input {name}: {objection}",
                    place=self._name,
                    remedy="Rename it where the rows are written, or read them with a Python function.",
                )

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


def _schema_of_side(side: pa.Table | Input) -> Schema:
    return schema_of(side.schema) if isinstance(side, pa.Table) else side.schema


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
