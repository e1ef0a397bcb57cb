"""Catalog files: the tables, views and stores that queries may name, in YAML beside them.

``gristmill sql --catalog FILE`` reads them; tables are described as in a SQLQuery.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath

from gristmill.errors import InvalidPlan
from gristmill.plan.fields import Field, Kind, Record
from gristmill.plan.job import Store
from gristmill.plan.manifest_parts import store
from gristmill.plan.manifest_yaml import read_documents
from gristmill.plan.problems import Problem, raise_problems
from gristmill.plan.resource_fields import TABLE
from gristmill.plan.resources import table_source
from gristmill.plan.shared_fields import STORE
from gristmill.plan.source import FileSource

CATALOG = Record(
    "catalog",
    (
        Field("tables", Kind.RECORD_MAP, "The tables, by name.", '{orders: {uri: "orders/*.parquet"}}', record=TABLE),
        Field("views", Kind.TEXT_MAP, "Queries by name; each may name those before it.", "{recent: SELECT …}"),
        Field("stores", Kind.RECORDS, "How buckets are reached.", '[{prefix: "s3://"}]', record=STORE),
    ),
)


@dataclass(frozen=True, slots=True)
class TableCatalog:
    """What a catalog file says."""

    tables: tuple[tuple[str, FileSource], ...] = ()
    views: tuple[tuple[str, str], ...] = ()
    stores: tuple[Store, ...] = ()

    def with_view(self, name: str, text: str) -> TableCatalog:
        """The catalog with a view, in the place of one of that name, whatever its case."""
        known = [other.lower() for other, _ in self.views]
        views = [*self.views]
        if name.lower() in known:
            views[known.index(name.lower())] = (name, text)
        else:
            views.append((name, text))
        return replace(self, views=tuple(views))


def load_catalog(text: str, file: str, folder: PurePath) -> TableCatalog:
    """The catalog in ``text``; relative paths in it begin at ``folder``.

    Raises InvalidPlan that tells all that is wrong, with lines and columns of ``file``.
    """
    documents, problems = read_documents(text, file, CATALOG)
    raise_problems(problems, file)
    if len(documents) != 1:
        raise InvalidPlan(f"{len(documents)} documents", place=file, remedy="A catalog is one YAML document.")
    (document,) = documents
    found: list[Problem] = []
    tables = [(name, table_source(name, block, found)) for name, block in document.root.get("tables", {}).items()]
    placed = [problem.at(document.place(problem.place.removeprefix("spec."))) for problem in found]
    raise_problems(placed, file)
    return TableCatalog(
        tuple((name, _beside(source, folder)) for name, source in tables),
        tuple(document.root.get("views", {}).items()),
        tuple(store(block) for block in document.root.get("stores", ())),
    )


def _beside(source: FileSource, folder: PurePath) -> FileSource:
    """The source with relative paths taken from ``folder``."""
    return replace(source, uris=tuple(uri if "://" in uri else str(folder / uri) for uri in source.uris))
