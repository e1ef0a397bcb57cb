"""``gm.sql(query, cluster=...)``: a query that a cluster answers, with the methods of one that is answered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from gristmill.api.cluster.bodies import fresh_name, fresh_suffix
from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.place import Cluster
from gristmill.api.cluster.resources import Resources
from gristmill.api.cluster.result import ClusterResult
from gristmill.api.cluster.running import KEPT_S, ProgressFunction, explain_query_on_cluster, run_query_on_cluster
from gristmill.api.job import output
from gristmill.api.result import Rows
from gristmill.errors import InvalidPlan
from gristmill.plan.cluster import ClusterOptions, Pairs, PodOptions
from gristmill.plan.job import Store
from gristmill.plan.query import Parameter, QueryPlan, QueryTable, Scalar
from gristmill.plan.source import FileSource


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller says of a query on a cluster: a warm ``pool`` to run in, or the most ``workers`` and the memory of
    each in a pool of its own; ``scratch``, where rows lie meanwhile."""

    pool: str = ""
    scratch: str = ""
    workers: int | None = None
    memory_bytes: int | None = None
    force_distributed: bool = False
    partitions: int | None = None


def planned_query(
    sql: str,
    tables: Mapping[str, FileSource],
    params: tuple[Parameter, ...],
    dialect: str,
    stores: tuple[Store, ...],
    wish: Wish,
) -> QueryPlan:
    """The SQLQuery under a name of its own."""
    return QueryPlan(
        fresh_name("query", fresh_suffix()),
        sql,
        dialect,
        params,
        tuple(QueryTable(name, source) for name, source in tables.items()),
        stores,
        scratch=wish.scratch,
        partitions=wish.partitions,
        force_distributed=wish.force_distributed,
        cluster=ClusterOptions(wish.pool, wish.workers, _pods(wish.memory_bytes), KEPT_S),
    )


def _pods(memory_bytes: int | None) -> PodOptions:
    if memory_bytes is None:
        return PodOptions()
    quantity: Pairs = (("memory", str(memory_bytes)),)
    return PodOptions(requests=quantity, limits=quantity)


def bound_parameters(params: Sequence[object] | Mapping[str, object]) -> tuple[Parameter, ...]:
    """The values as a resource holds them. Raises InvalidPlan for those that are no JSON scalars."""
    named = params.items() if isinstance(params, Mapping) else [("", value) for value in params]
    return tuple(Parameter(_scalar(value), name) for name, value in named)


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise InvalidPlan(
        f"{type(value).__name__} does not fit into a resource",
        place="params",
        remedy="Give a text, number, bool or None, and cast it in the query: CAST($day AS DATE).",
    )


@dataclass(frozen=True)
class ClusterQuery(Rows):
    """A query that has not run yet, or has: ``arrow``, ``pandas``, ``polars``, ``rows`` and ``run`` run it once.

    Rows come through the API server, from the pool's lead, and are copied here; ``check`` says whether there are any,
    or the statement writes them somewhere itself. The SQLQuery stays for an hour.
    """

    plan: QueryPlan
    cluster: Cluster | str
    progress: ProgressFunction
    check: Callable[[], bool]

    def run(self) -> ClusterResult:
        """Runs the query, if it has not run yet. Raises the error that it failed with."""
        return self._result

    @cached_property
    def _result(self) -> ClusterResult:
        return run_query_on_cluster(self.plan, self._resources, self.progress, keep_rows=self.check())

    def reader(self) -> pa.RecordBatchReader:
        """The rows in order as a stream that knows its schema."""
        return self._result.reader()

    def write(self, uri: str, *, format: str = "parquet", mode: str = "error", compression: str = "") -> ClusterResult:
        """Runs the query with its rows committed to ``uri``; see ``gm.output`` for the options."""
        target = output(uri, format=format, mode=mode, compression=compression)
        return replace(self, plan=replace(self.plan, output=target)).run()

    def explain(self) -> str:
        """The chain of jobs, as a lead of the cluster plans it: that takes a pod, and the query begins to run."""
        if not self.check():
            raise InvalidPlan("it writes its rows, and would begin to", place="explain", remedy="Explain its SELECT.")
        return explain_query_on_cluster(self.plan, self._resources)

    @cached_property
    def _resources(self) -> Resources:
        return Resources(connect(self.cluster))

    def __repr__(self) -> str:
        first = self.plan.sql.strip().splitlines()[0] if self.plan.sql.strip() else ""
        return f"<Query {first!r} on a cluster: .arrow(), .pandas(), .polars(), .rows(), .write(uri), .explain()>"
