"""The SQL that scans Parquet files on this machine: how it names their columns, and which rows it takes.

``parquet`` decides which files and row groups a scan reads; here is only the text of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileRange
from gristmill.rows.logical import quote_name, quote_text

_OF_THE_SCAN = frozenset({"file_row_number", "file_index", "filename"})
"""Columns that DuckDB adds to a scan: one of the file by that name hides it."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Pieces that one ``read_parquet`` can read: whole files of one schema and partition, or a range of one file."""

    paths: tuple[str, ...]
    piece: FileRange
    whole: bool
    stored: tuple[str, ...]
    """Columns that the files hold, in their order."""
    durations: Mapping[str, str] = field(default_factory=dict)
    """Those of them that are whole numbers for DuckDB, with the SQL that makes intervals of them."""

    def select(self, schema: Schema, names: Sequence[str]) -> str:
        """A query for the columns of ``schema``, called ``names``; those of Hive folders are literals."""
        files = ", ".join(map(quote_text, self.paths))
        references, alias = _references(self.stored)
        partition = dict(self.piece.partition)
        terms = ", ".join(
            f"{self._value(column, references, partition)} AS {quote_name(name)}"
            for column, name in zip(schema, names, strict=True)
        )
        sql = f"SELECT {terms} FROM read_parquet([{files}], hive_partitioning = false){alias}"
        if self.whole:
            return sql
        first, rows = self.piece.first_row or 0, self.piece.rows or 0
        return f"{sql} WHERE file_row_number BETWEEN {first} AND {first + rows - 1}"

    def _value(self, column: Column, references: dict[str, str], partition: dict[str, str | None]) -> str:
        if column.name in references:
            stored = self.durations.get(column.name, "{}").format(references[column.name])
            return f"CAST({stored} AS {column.type})"
        value = partition.get(column.name)
        return f"CAST({'NULL' if value is None else quote_text(value)} AS {column.type})"


def _references(stored: Sequence[str]) -> tuple[dict[str, str], str]:
    """SQL for each column of the files, and the alias of the scan that this takes.

    By name; by place where DuckDB, which knows no case, would read one column for another.
    """
    folded = {name.casefold() for name in stored}
    if len(folded) == len(stored) and "" not in folded and folded.isdisjoint(_OF_THE_SCAN):
        return {name: quote_name(name) for name in stored}, ""
    places = [f"c{at}" for at in range(len(stored))]
    return dict(zip(stored, places, strict=True)), f" AS stored({', '.join(places)})"
