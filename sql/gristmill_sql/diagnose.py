"""Errors in SQL text: one InvalidQuery with line and column, the line itself, and the place underlined.

Every step of the front end reports through here, whoever found the fault: sqlglot, DuckDB's binder, or its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.errors import InvalidQuery

_LINE_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the query text: character offsets [start, end)."""

    start: int
    end: int


def span_of_word(sql: str, word: str) -> Span | None:
    """Where a word first stands in the text, whatever its case."""
    start = sql.lower().find(word.lower())
    return Span(start, start + len(word)) if start >= 0 else None


def invalid(sql: str, reason: str, *, at: Span | None = None, remedy: str = "") -> InvalidQuery:
    """The error for a fault at a place of the text; without a place it concerns the query as a whole."""
    if at is None or not sql:
        return InvalidQuery(reason, place="query", remedy=remedy)
    start = min(max(at.start, 0), len(sql))
    before = sql[:start]
    line_number = before.count("\n") + 1
    column = start - (before.rfind("\n") + 1)
    line = sql.split("\n")[line_number - 1].rstrip("\r")
    shown = "\n  ".join(filter(None, [_underlined(line, column, at.end - at.start), remedy]))
    return InvalidQuery(reason, place=f"line {line_number}:{column + 1}", remedy=shown)


def _underlined(line: str, column: int, width: int) -> str:
    first = max(0, column - _LINE_LIMIT // 2) if len(line) > _LINE_LIMIT else 0
    shown = line[first : first + _LINE_LIMIT].replace("\t", " ")
    width = max(1, min(width, len(shown) - (column - first)))
    return f"{shown}\n  {' ' * (column - first)}^{'~' * (width - 1)}"
