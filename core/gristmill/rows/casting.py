"""Casting Arrow data to the carriers of a schema, and the SELECT lists that take rows out of DuckDB and back in.

Every block that crosses tasks passes through here on its way in; where it already fits, no byte is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa

from gristmill.errors import TypeConflict
from gristmill.plan.schema import Schema
from gristmill.rows.carriers import carrier_field, exported_as, travels_as_itself
from gristmill.rows.logical import Logical, parse, quote_name


@lru_cache(maxsize=256)
def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema in which rows of ``schema`` travel and are stored."""
    return pa.schema([carrier_field(column.name, parse(column.type)) for column in schema])


def cast_table(table: pa.Table, schema: Schema) -> pa.Table:
    """``table`` as ``arrow_schema(schema)`` has it: columns by name, missing ones NULL, others left out.

    Raises TypeConflict where a value does not fit its column.
    """
    target = arrow_schema(schema)
    if table.schema.equals(target, check_metadata=True):
        return table
    columns = [_column(table, field) for field in target]
    if not columns:
        return table.select([])
    return pa.Table.from_arrays(columns, schema=target)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    at = table.schema.get_field_index(field.name)
    if at < 0:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    column = table.column(at)
    if column.type == field.type:
        return column
    return pa.chunked_array([cast_array(chunk, field.type, field.name) for chunk in column.chunks], field.type)


def cast_array(array: pa.Array, wanted: pa.DataType, place: str) -> pa.Array:
    """``array`` as ``wanted``: by Arrow where it knows how, else by DuckDB (extension types, unions, intervals).

    Raises TypeConflict, which names ``place``, where a value does not fit.
    """
    if array.type == wanted:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), wanted)
    if pa.types.is_struct(wanted) and pa.types.is_struct(array.type):
        return _cast_struct(array, wanted, place)
    from gristmill.rows.conversion import converted  # Arrow's functions and DuckDB: where all fits, nobody needs them

    try:
        return converted(array, wanted)
    except pa.ArrowInvalid as error:
        raise TypeConflict(f"a {array.type} does not fit {wanted}: {error}", place=f"column {place!r}") from error


def _cast_struct(array: pa.StructArray, wanted: pa.StructType, place: str) -> pa.Array:
    import pyarrow.compute as pc

    columns = []
    for part in wanted:
        at = array.type.get_field_index(part.name)
        given = pc.struct_field(array, at) if at >= 0 else pa.nulls(len(array), part.type)
        columns.append(cast_array(given, part.type, f"{place}.{part.name}"))
    return pa.StructArray.from_arrays(columns, fields=list(wanted), mask=array.is_null())


def duckdb_cast_list(schema: Schema) -> str:
    """The SELECT list that turns a registered Arrow relation's carriers back into their logical types."""
    return _select_list(schema, lambda kind: None if travels_as_itself(kind) else str(kind))


def duckdb_export_list(schema: Schema) -> str:
    """The SELECT list to put around a query whose rows leave DuckDB as Arrow, so that the carriers come out.

    ``schema`` is that of the query, by DuckDB's own names of its types. DuckDB's settings for Arrow stay at their
    defaults.
    """

    return _select_list(schema, lambda kind: None if exported_as(kind) == kind else str(exported_as(kind)))


def _select_list(schema: Schema, cast: Callable[[Logical], str | None]) -> str:
    terms = []
    for column in schema:
        name = quote_name(column.name)
        wanted = cast(parse(column.type))
        terms.append(f"CAST({name} AS {wanted}) AS {name}" if wanted else name)
    return ", ".join(terms)
