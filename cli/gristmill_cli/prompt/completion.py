"""Completion at the prompt: tables, their columns, SQL's words, and the prompt's own commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from gristmill.rows.logical import quote_name

Columns = Callable[[str], Sequence[str]]
"""Names of the columns of a table; empty where it cannot be read."""

_PATHS = PathCompleter(expanduser=True)
_WORDS = """
    SELECT DISTINCT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'
    UNION ALL (SELECT DISTINCT function_name FROM duckdb_functions()
               WHERE function_type IN ('scalar', 'aggregate') AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')
               ORDER BY ALL)
"""


@cache
def _words() -> tuple[str, ...]:
    """The keywords and functions of the engine."""
    import duckdb

    with duckdb.connect() as con:
        return tuple(word for (word,) in con.execute(_WORDS).fetchall())


class SqlCompleter(Completer):
    """Completes the word before the cursor; after ``table.`` its columns, inside quotes paths of files."""

    def __init__(self, tables: Callable[[], Iterable[str]], columns: Columns, commands: Mapping[str, str]) -> None:
        self._names = tables
        self._columns = columns
        self._commands = commands
        self._known: dict[str, tuple[str, ...]] = {}

    @property
    def _tables(self) -> tuple[str, ...]:
        return tuple(self._names())

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """See prompt_toolkit."""
        before = document.text_before_cursor
        if before.lstrip().startswith("."):
            yield from self._of_commands(before.lstrip())
        elif before.count("'") % 2:
            path = before.rpartition("'")[2]
            yield from _PATHS.get_completions(Document(path, len(path)), complete_event)
        else:
            yield from self._of_sql(document)

    def _of_commands(self, text: str) -> Iterator[Completion]:
        name, space, argument = text.partition(" ")
        if space:
            yield from _matching(argument, self._tables, "table")
            return
        for command, help_ in self._commands.items():
            if f".{command}".startswith(name.lower()):
                yield Completion(f".{command}", -len(name), display_meta=help_)

    def _of_sql(self, document: Document) -> Iterator[Completion]:
        word = document.get_word_before_cursor(WORD=True).rpartition("(")[2].rpartition(",")[2]
        table, dot, column = word.rpartition(".")
        if dot:
            yield from _matching(column, self._columns_of(table, document.text), table)
            return
        if not word:
            return
        yield from _matching(word, self._tables, "table")
        for name in self._tables:
            if name.lower() in document.text.lower():
                yield from _matching(word, self._columns_of(name, ""), name)
        yield from _matching(word, _words(), "")

    def _columns_of(self, name: str, text: str) -> tuple[str, ...]:
        """Columns of a table, or of the one that the query calls so."""
        words = text.replace(",", " ").split()
        for before, word in pairwise(words):
            if word == name and before in self._tables:
                name = before
        if name not in self._tables:
            return ()
        if name not in self._known:
            self._known[name] = tuple(self._columns(name))
        return self._known[name]


def _matching(begun: str, names: Iterable[str], meta: str) -> Iterator[Completion]:
    for name in names:
        if name.lower().startswith(begun.lower()):
            shown = name if name.isidentifier() else quote_name(name)
            yield Completion(shown, -len(begun), display_meta=meta)
