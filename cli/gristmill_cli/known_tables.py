"""The tables that a query on the command line may name: those of ``--table`` and of a catalog file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gristmill as gm
from gristmill.errors import InputError
from gristmill.plan.catalog import TableCatalog, load_catalog
from gristmill.plan.source import FileSource


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

    def query(self, text: str, **options: Any) -> gm.Query:
        """The query over these tables; ``options`` are those of ``gm.sql``."""
        tables: dict[str, object] = {name: gm.Input(source) for name, source in self.catalog.tables}
        tables.update(self.given)
        return gm.sql(self.catalog.statements(text), tables=tables, stores=self.catalog.stores, **options)


def _shown(source: FileSource) -> str:
    return source.uris[0] + (f" and {len(source.uris) - 1} more" if len(source.uris) > 1 else "")


def read_catalog(path: Path | None) -> TableCatalog:
    """The catalog in a file; an empty one without. Raises InputError, InvalidPlan."""
    if path is None:
        return TableCatalog()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"cannot be read: {reason}", place=str(path)) from None
    return load_catalog(text, str(path), path.parent)
