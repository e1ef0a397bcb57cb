"""The tables that a query on the command line may name: those of ``--table`` and of a catalog file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gristmill as gm
from gristmill.errors import InvalidPlan
from gristmill.plan.catalog import TableCatalog, load_catalog
from gristmill.plan.formats import format_of_table, path_source
from gristmill.plan.source import FileSource
from gristmill.rows.logical import quote_name
from gristmill_cli.jobfile import text_of


@dataclass(frozen=True, slots=True)
class KnownTables:
    """Tables by name (``given`` come before those of the ``catalog``), views and stores."""

    given: Mapping[str, str]
    catalog: TableCatalog = TableCatalog()

    @property
    def shown(self) -> dict[str, str]:
        """What stands behind each name, for people."""
        files = {name: _shown(source) for name, source in self.catalog.tables}
        views = {name: " ".join(text.split()) for name, text in self.catalog.views}
        return {**files, **views, **self.given}

    @property
    def sources(self) -> dict[str, FileSource]:
        """The tables' files by name. Raises InvalidPlan for a URI that does not say its format."""
        return {**dict(self.catalog.tables), **{name: _source(name, uri) for name, uri in self.given.items()}}

    def query(self, text: str, **options: Any) -> gm.Query:
        """The query over these tables; ``options`` are those of ``gm.sql``."""
        tables: dict[str, object] = {name: gm.Input(source) for name, source in self.catalog.tables}
        tables.update(self.given)
        query: gm.Query = gm.sql(self.script(text), tables=tables, stores=self.catalog.stores, **options)
        return query

    def script(self, text: str) -> str:
        """The query after the views, as one script."""
        views = [f"CREATE VIEW {quote_name(name)} AS {view.strip().rstrip(';')}" for name, view in self.catalog.views]
        return "\n;\n".join([*views, text])  # on a line of its own: a view may end in a comment


def _source(name: str, uri: str) -> FileSource:
    format_ = format_of_table(uri)
    if format_ is None:
        raise InvalidPlan(
            f"{uri!r} does not say its format",
            place=f"--table {name}",
            remedy="Its suffix should be .parquet, .csv, .json or .arrow.",
        )
    return path_source(uri, format_)


def _shown(source: FileSource) -> str:
    return source.uris[0] + (f" and {len(source.uris) - 1} more" if len(source.uris) > 1 else "")


def read_catalog(path: Path | None) -> TableCatalog:
    """The catalog in a file; an empty one without. Raises InputError, InvalidPlan."""
    if path is None:
        return TableCatalog()
    return load_catalog(text_of(path), str(path), path.parent)
