"""What Python functions and commands give, as record batches of one schema.

Types come from the fragment's declared schema or the function's annotations, else from the values. A schema that was
inferred from the first batch holds for the task's file; where a later batch needs a wider one, ``WidenedSchema``
makes the task start over with the wider one from its first row, so that no reader ever sees two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from gristmill.errors import TypeConflict
from gristmill.plan.schema import Column, Schema
from gristmill.rows.types import arrow_schema, cast_table, infer, schema_of, unify

Locate = Callable[[str, object], TypeConflict]
"""Gives an error, without reason yet, that names the record which yielded a value in a column."""


_Convert = Callable[[Sequence[object]], pa.Array]


class WidenedSchema(Exception):
    """The rows of ``step`` need ``schema``, wider than what earlier batches of this task were written with."""

    def __init__(self, step: object, schema: Schema) -> None:
        super().__init__(step)
        self.step = step
        self.schema = schema


class Typed:
    """Turns lists of Python values into batches, all of one schema.

    ``declared`` is fixed; ``pinned`` is what an earlier start of the task found out. ``step`` identifies the fragment
    in the task, by its name and the output, for ``WidenedSchema``. ``empty`` is the schema of a stream without any row.
    With ``may_widen`` later batches just come in a wider schema, for a writer that takes that.
    """

    def __init__(
        self,
        declared: Schema | None,
        pinned: Schema | None,
        step: tuple[str, str],
        empty: Schema = (),
        may_widen: bool = False,
    ) -> None:
        self._may_widen = may_widen
        self._declared = declared
        self._schema = declared or pinned
        self._arrow = arrow_schema(self._schema) if self._schema is not None else None
        self._step = step
        self._empty = empty

    @property
    def names(self) -> tuple[str, ...] | None:
        """The declared columns, in order."""
        return tuple(column.name for column in self._declared) if self._declared is not None else None

    def nothing(self) -> pa.RecordBatch:
        """A batch of no rows, for the end of a stream that had none."""
        schema = self._arrow if self._arrow is not None else arrow_schema(self._empty)
        return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)

    def batch(self, columns: Mapping[str, Sequence[object]], rows: int, locate: Locate) -> pa.RecordBatch:
        """The columns as one batch. Raises TypeConflict, by ``locate`` if it knows the record, or WidenedSchema."""
        if self._declared is not None:
            return self._as_declared(columns, rows, locate)
        arrays = {name: _inferred(name, values, locate) for name, values in columns.items()}
        table = pa.table(arrays) if arrays else pa.table({})
        found = schema_of(table.schema)
        if self._schema is None:
            self._schema, self._arrow = found, arrow_schema(found)
        elif found != self._schema:
            self._widen(self._schema, found, columns, locate)
        return one_batch(cast_table(table, self._schema))

    def _widen(self, before: Schema, found: Schema, columns: Mapping[str, Sequence[object]], locate: Locate) -> None:
        try:
            wider = unify([before, found], "")
        except TypeConflict as error:
            raise _late_conflict(before, found, columns, locate, error) from error
        if wider != before and not self._may_widen:
            raise WidenedSchema(self._step, wider)
        self._schema, self._arrow = wider, arrow_schema(wider)

    def _as_declared(self, columns: Mapping[str, Sequence[object]], rows: int, locate: Locate) -> pa.RecordBatch:
        assert self._arrow is not None
        strangers = [name for name in columns if name not in self._arrow.names]
        if strangers:
            raise TypeConflict(
                f"it gives a column {strangers[0]!r} that its schema does not have",
                place=", ".join(filter(None, self._step)),
                remedy=f"Declared: {', '.join(self._arrow.names)}.",
            )
        arrays = [
            _declared_array(field, columns[field.name], locate) if field.name in columns else pa.nulls(rows, field.type)
            for field in self._arrow
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._arrow)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """A table as a single batch, of no rows if it has none."""
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in table.schema], schema=table.schema)


def batches_of(table: pa.Table) -> list[pa.RecordBatch]:
    """The batches of a table; one of no rows if it has none."""
    return table.to_batches() or [one_batch(table)]


def _inferred(name: str, values: Sequence[object], locate: Locate) -> pa.Array:
    try:
        return infer(values, f"column {name!r}")
    except TypeConflict as error:
        raise _named(error, name, values, locate, lambda some: infer(some, name)) from error


def _declared_array(field: pa.Field, values: Sequence[object], locate: Locate) -> pa.Array:
    def convert(some: Sequence[object]) -> pa.Array:
        return pa.array([_as_struct(value, field.type) for value in some] if nested else some, field.type)

    nested = pa.types.is_nested(field.type)
    try:
        return convert(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        conflict = TypeConflict(
            f"a value does not fit the declared type {field.type}: {error}",
            place=f"column {field.name!r}",
            remedy="Change the annotation or schema, or what the function gives.",
        )
        raise _named(conflict, field.name, values, locate, convert) from error


def _as_struct(value: Any, kind: pa.DataType) -> Any:
    """Tuples as the dicts that Arrow wants for structs, at any depth."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        parts = value.items() if isinstance(value, dict) else ((f"_{at}", part) for at, part in enumerate(value))
        return {name: _as_struct(part, kind.field(name).type) for name, part in parts}
    if pa.types.is_map(kind):
        items = value.items() if isinstance(value, dict) else value
        return [(_as_struct(key, kind.key_type), _as_struct(item, kind.item_type)) for key, item in items]
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return [_as_struct(item, kind.value_type) for item in value]
    return value


def _named(
    error: TypeConflict,
    column: str,
    values: Sequence[object],
    locate: Locate,
    convert: Callable[[Sequence[object]], pa.Array],
) -> TypeConflict:
    """The error with the place of the first record that it concerns, found by halving.

    That place says which record it is: what ``infer`` says of its place among these values would be a second number.
    """
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        if _converts(values[:middle], convert):
            low = middle
        else:
            high = middle
    located = locate(column, values[low])
    column_path, _, _ = error.place.partition(", record ")
    located.reason, located.remedy = f"{column_path}: {error.reason}", error.remedy
    return located


def _late_conflict(
    before: Schema, found: Schema, columns: Mapping[str, Sequence[object]], locate: Locate, error: TypeConflict
) -> TypeConflict:
    """The error for a column whose values do not go with those of earlier batches; names the first such record."""
    known = {column.name: column for column in before}
    for column in found:
        try:
            unify([(known.get(column.name, column),), (column,)], "")
        except TypeConflict:
            value = next(value for value in columns[column.name] if value is not None)
            located = locate(column.name, value)
            located.reason, located.remedy = error.reason, error.remedy
            return located
    return error


def _converts(values: Sequence[object], convert: _Convert) -> bool:
    try:
        convert(values)
    except (TypeConflict, pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def pair_schema(key: str = '"NULL"', value: str = '"NULL"') -> Schema:
    """The columns of pairs; of no known type by default."""
    return (Column("key", key), Column("value", value))


def retyped(batches: Iterator[pa.RecordBatch], schema: Schema) -> Iterator[pa.RecordBatch]:
    """The batches cast to ``schema``."""
    for batch in batches:
        yield one_batch(cast_table(pa.Table.from_batches([batch]), schema))
