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


@dataclass(frozen=True, slots=True)
class SortKey:
    """One term of an ORDER BY: a column (or a dotted path into a struct), its direction, and where NULLs go."""

    by: str
    desc: bool = False
    nulls_first: bool = False
