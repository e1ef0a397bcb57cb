"""The door to types of rows: logical types and their Arrow carriers, unifying, casting, and typing Python values.

Storage, shuffle and kernel call these; the modules behind it (logical, carriers, unifying, casting, inference) are
split by what they decide.
"""

from __future__ import annotations

import pyarrow as pa

from gristmill.plan.schema import Column, Schema
from gristmill.rows.carriers import TYPE_KEY, logical_of
from gristmill.rows.casting import arrow_schema, cast_array, cast_table, duckdb_cast_list, duckdb_export_list
from gristmill.rows.inference import infer
from gristmill.rows.unifying import unify

__all__ = [
    "TYPE_KEY",
    "arrow_schema",
    "cast_array",
    "cast_table",
    "duckdb_cast_list",
    "duckdb_export_list",
    "infer",
    "schema_of",
    "unify",
]


def schema_of(arrow: pa.Schema) -> Schema:
    """The logical types of an Arrow schema, from field metadata where it was written by ``arrow_schema``.

    Raises TypeConflict for an Arrow type that has no logical type.
    """
    return tuple(Column(field.name, str(logical_of(field))) for field in arrow)
