"""Names and logical types of rows, as plans carry them.

A logical type is DuckDB's name for it (``DECIMAL(15,2)``, ``STRUCT(a INTEGER)``), because the kernel is DuckDB and
some types (HUGEINT, TIMETZ, enums) do not survive Arrow by themselves. Turning them into Arrow types and back is
the kernel's work, not the plan's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name and its logical type in DuckDB's spelling."""

    name: str
    type: str


Schema = tuple[Column, ...]
"""Columns in order."""


def sql_objection(schema: Schema) -> str:
    """Why SQL, which knows no case, cannot name each of the columns; empty if it can."""
    seen: dict[str, str] = {}
    for number, column in enumerate(schema, 1):
        if not column.name:
            return f"SQL cannot name its column {number}: the name is empty"
        folded = column.name.casefold()
        if folded in seen:
            return f"SQL cannot tell its columns {seen[folded]!r} and {column.name!r} apart"
        seen[folded] = column.name
    return ""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One term of an ORDER BY: a column (or a dotted path into a struct), its direction, and where NULLs go."""

    by: str
    desc: bool = False
    nulls_first: bool = False
