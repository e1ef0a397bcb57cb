"""The tables that a query may name, and what is known of each before anything runs.

The API and the command line fill a catalog; the binder asks it for columns and the planner for sizes. Reading
footers is the storage layer's work, reached through ``FactsReader``, so that tests plan without files.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gristmill.plan.formats import format_of_path, path_source
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource, Format
from gristmill.storage.filesystem import Entry, is_near
from gristmill.storage.footers import FOOTERS
from gristmill.storage.splits import PlannedInput, plan_input
from gristmill.storage.stores import Stores
from gristmill_sql.statistics import column_bytes, distinct_values

_READERS = 8
STATISTICS_FILES = 4
"""So many files of a table are looked at for the distinct values of its columns."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What footers say of a table: its columns, and how much there is. ``rows`` None: not known without reading.

    ``distinct`` holds estimates of distinct values for some columns, by name: the hook for statistics and samples.
    ``column_bytes`` are estimates of the uncompressed bytes of columns, by name, as far as footers tell. ``files`` is
    how many files were listed.
    """

    schema: Schema
    rows: int | None = None
    bytes_: int = 0
    distinct: tuple[tuple[str, int], ...] = ()
    column_bytes: tuple[tuple[str, int], ...] = ()
    files: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the query names it."""

    name: str
    source: FileSource
    facts: TableFacts


FactsReader = Callable[[FileSource, str], TableFacts]
"""Reads the facts of a source; the second argument is the place that an error names."""


class StorageFacts:
    """A reader of facts from the files' own footers, as the storage layer plans them.

    ``planned`` are the inputs that it listed, for whoever runs the query at once.
    """

    def __init__(self, stores: Stores | None = None) -> None:
        self.planned: dict[FileSource, PlannedInput] = {}
        self.stores = stores or Stores((), {})

    def __call__(self, source: FileSource, place: str) -> TableFacts:
        """The facts of one table."""
        planned = self.planned[source] = plan_input(source, self.stores, place)
        uris = {piece.uri for split in planned.splits for piece in split.pieces}
        facts = TableFacts(planned.schema, planned.rows, planned.bytes_, files=len(uris))
        if source.format is not Format.PARQUET:
            return facts
        looked_at = _spread([piece for split in planned.splits for piece in split.pieces])
        entries = tuple(Entry(piece.uri, piece.end, piece.version) for piece in looked_at)
        distinct, bytes_ = self._of_columns(entries, planned.rows)
        share = sum(entry.bytes_ for entry in entries) / max(1, planned.bytes_)
        return replace(facts, distinct=distinct, column_bytes=tuple((name, int(b / share)) for name, b in bytes_))

    def list_again(self) -> None:
        """Has ``planned`` as things stand now."""
        for source in list(self.planned):
            self.planned[source] = plan_input(source, self.stores, source.uris[0])

    def _of_columns(self, files: tuple[Entry, ...], rows: int | None) -> _ColumnFacts:
        """Distinct values and bytes of columns; of the same files they are known from the last time."""
        if (known := _KNOWN.get((files, rows))) is not None:
            return known
        found = [FOOTERS.read(entry, self.stores.filesystem(entry.uri)).metadata for entry in files]
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        facts = _KNOWN[files, rows] = (distinct_values(found, rows), column_bytes(found))
        return facts


_ColumnFacts = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]
_KNOWN: dict[tuple[tuple[Entry, ...], int | None], _ColumnFacts] = {}
_MOST_KNOWN = 256


def _spread(pieces: Sequence[FileRange]) -> list[FileRange]:
    """A few of the files, evenly over all of them, each once."""
    files = list({piece.uri: piece for piece in pieces}.values())
    return files[:: max(1, -(-len(files) // STATISTICS_FILES))]


class Catalog:
    """Tables by name, and by path in FROM. Names are compared without regard to case, as DuckDB does.

    The facts of a table are read once, when a query first names it.
    """

    def __init__(self, tables: Mapping[str, FileSource] | None = None, facts: FactsReader | None = None) -> None:
        self._sources = {name.casefold(): (name, source) for name, source in (tables or {}).items()}
        self._facts = facts or StorageFacts()
        self._known: dict[str, Table] = {}

    def including(self, sources: Mapping[str, FileSource]) -> Catalog:
        """The same tables and these; what is known of any of them is known to both."""
        if not sources:
            return self
        larger = Catalog(dict(self._sources.values()) | dict(sources), self._facts)
        larger._known = self._known
        return larger

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the registered tables."""
        return tuple(name for name, _ in self._sources.values())

    def find(self, name: str) -> Table | None:
        """The table of that name or path; None where the name is neither registered nor a path."""
        named = self._named(name)
        return self._table(*named) if named else None

    def find_all(self, names: Sequence[str]) -> list[Table | None]:
        """The table of each name, as ``find`` gives it; what is not on this machine is read many at a time."""
        named = [self._named(name) for name in names]
        waited_for = [each for each in named if each and not all(map(is_near, each[2].uris))]
        if len(waited_for) > 1:
            with ThreadPoolExecutor(_READERS) as pool:
                list(pool.map(lambda each: self._table(*each), waited_for))
        return [self._table(*each) if each else None for each in named]

    def source(self, name: str) -> FileSource | None:
        """The files of a registered table, whether they are there or not."""
        found = self._sources.get(name.casefold())
        return found[1] if found else None

    def nearest(self, name: str) -> str | None:
        """The registered name most like a wrong one."""
        close = difflib.get_close_matches(name.casefold(), self._sources, n=1, cutoff=0.5)
        return self._sources[close[0]][0] if close else None

    def _named(self, name: str) -> tuple[str, str, FileSource] | None:
        """What ``_table`` takes, for a name or path."""
        key = name.casefold()
        if key in self._sources:
            return key, *self._sources[key]
        format_ = format_of_path(name)
        return (name, name, path_source(name, format_)) if format_ else None

    def _table(self, key: str, name: str, source: FileSource) -> Table:
        if key not in self._known:
            self._known[key] = Table(name, source, self._facts(source, f"table {name}"))
        return self._known[key]
