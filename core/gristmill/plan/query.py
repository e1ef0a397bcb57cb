"""SQLQuery resources as values: what a user asked for, before the query is compiled into a chain of jobs.

``plan.resources`` loads them; the lead compiles and runs them, the command line makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.plan.cluster import ClusterOptions, Pairs
from gristmill.plan.job import Output, Store
from gristmill.plan.source import FileSource

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value for ``$name``, or without a name for the next ``?`` (or ``$1``)."""

    value: Scalar
    name: str = ""


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table that the query may name."""

    name: str
    source: FileSource


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """One query.

    ``partitions`` None: from the size of the tables. ``output`` None: its rows are a result in scratch.
    """

    name: str
    sql: str
    dialect: str = "duckdb"
    params: tuple[Parameter, ...] = ()
    tables: tuple[QueryTable, ...] = ()
    stores: tuple[Store, ...] = ()
    output: Output | None = None
    scratch: str = ""
    partitions: int | None = None
    force_distributed: bool = False
    deadline_s: float | None = None
    labels: Pairs = ()
    cluster: ClusterOptions = ClusterOptions()

    @property
    def bound(self) -> tuple[Scalar, ...] | dict[str, Scalar]:
        """The parameters as the compiler takes them: by name where they have names, else in order."""
        if any(one.name for one in self.params):
            return {one.name: one.value for one in self.params}
        return tuple(one.value for one in self.params)

    @property
    def sources(self) -> dict[str, FileSource]:
        """The tables by name, as a catalog takes them."""
        return {table.name: table.source for table in self.tables}
