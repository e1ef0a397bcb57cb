"""``gm.sql``: a query over files as a lazy value. The lazy door to gristmill_sql, the only one from core."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from logging import WARNING
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import duckdb
import pyarrow as pa

from gristmill.api.checks import must_be, stores_of, uris_of, whole_number
from gristmill.api.job import output
from gristmill.api.options import ProgressFunction, RunOptions, ignore_progress
from gristmill.api.result import Result
from gristmill.api.run import explain_chain, explained, refuse_storage_options, run_chain
from gristmill.api.sources import Input
from gristmill.api.whole import fits_whole, run_whole
from gristmill.coordinator.planning import PlannedChain
from gristmill.coordinator.whole import plan_whole
from gristmill.errors import InvalidPlan, InvalidQuery
from gristmill.logs import log
from gristmill.plan.formats import format_of_table, path_source
from gristmill.plan.job import ChainPlan, Output, Store
from gristmill.plan.schema import Column, Schema, sql_objection
from gristmill.plan.source import FileSource, Format
from gristmill.settings import load_settings
from gristmill.storage.temporary import TemporaryFolder

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from gristmill.api.cluster.place import Cluster
    from gristmill.api.cluster.query import ClusterQuery
    from gristmill_sql import Catalog, CompiledQuery, CompileOptions, WholeQuery
    from gristmill_sql.catalog import StorageFacts

TableLike = str | Path | Sequence[str | Path] | Input | Any
"""A path, glob or list of them; ``gm.csv(...)`` and its like for options; or a table in memory (Arrow, pandas,
Polars: anything with ``__arrow_c_stream__``)."""


@overload
def sql(
    query: str,
    *,
    tables: Mapping[str, TableLike] | None = None,
    params: Sequence[object] | Mapping[str, object] = (),
    dialect: str = "duckdb",
    workers: int | None = None,
    memory: str | int | None = None,
    force_distributed: bool = False,
    partitions: int | None = None,
    progress: ProgressFunction = ignore_progress,
    storage_options: Mapping[str, Any] | None = None,
    stores: Sequence[Store] = (),
    cluster: None = None,
) -> Query: ...
@overload
def sql(
    query: str,
    *,
    tables: Mapping[str, TableLike] | None = None,
    params: Sequence[object] | Mapping[str, object] = (),
    dialect: str = "duckdb",
    workers: int | None = None,
    memory: str | int | None = None,
    force_distributed: bool = False,
    partitions: int | None = None,
    progress: ProgressFunction = ignore_progress,
    stores: Sequence[Store] = (),
    cluster: Cluster | str,
    pool: str = "",
    scratch: str = "",
) -> ClusterQuery: ...
def sql(
    query: str,
    *,
    tables: Mapping[str, TableLike] | None = None,
    params: Sequence[object] | Mapping[str, object] = (),
    dialect: str = "duckdb",
    workers: int | None = None,
    memory: str | int | None = None,
    force_distributed: bool = False,
    partitions: int | None = None,
    progress: ProgressFunction = ignore_progress,
    storage_options: Mapping[str, Any] | None = None,
    stores: Sequence[Store] = (),
    cluster: Cluster | str | None = None,
    pool: str = "",
    scratch: str = "",
) -> Query | ClusterQuery:
    """A query over the named tables, and over paths in FROM. Runs when a result is asked for, and once only.

    ``params`` are bound as values, never pasted (``?``, ``$1``, ``$name``). ``dialect`` is any of sqlglot's.
    ``partitions`` fixes the number of reducers of each shuffle. The rest is as in ``gm.run``. Raises InvalidQuery,
    when a plan or a result is first asked for, with line and column.

    With ``cluster`` (as in ``gm.run``) a SQLQuery there answers it, in a warm ``pool`` or one of its own; its rows lie
    in ``scratch`` meanwhile. Tables are then in object storage, and ``stores`` those of its own pool.
    """
    options = RunOptions(workers, memory, force_distributed, progress, storage_options)
    here = Query.of(query, tables, params, dialect, options, partitions, stores)
    if cluster is not None:
        return _elsewhere(here, cluster, pool, scratch)
    if pool or scratch:
        raise InvalidPlan("is for queries on a cluster", place="pool" if pool else "scratch", remedy="Give cluster=.")
    return here


def _elsewhere(query: Query, cluster: Cluster | str, pool: str, scratch: str) -> ClusterQuery:
    """The query as one that a cluster answers."""
    from gristmill.api.cluster.query import ClusterQuery, Wish, bound_parameters, planned_query
    from gristmill_sql import CompileOptions, check_query

    options = query.options
    refuse_storage_options(options, "gm.sql(cluster=...)")
    for name, given in query.tables.items():
        if hasattr(given, "__arrow_c_stream__"):
            raise InvalidPlan("it is in this process's memory", place=f"table {name!r}", remedy="Put it into a bucket.")
    tables = {name: query._source(name, given) for name, given in query.tables.items()}
    wish = Wish(pool, scratch, options.workers, options.memory_bytes, options.force_distributed, query.partitions)
    plan = planned_query(query.text, tables, bound_parameters(query.params), query.dialect, query.stores, wish)
    compiling = CompileOptions(dialect=query.dialect, params=query.params)
    return ClusterQuery(plan, cluster, options.progress, lambda: check_query(query.text, tables, compiling))


@dataclass(frozen=True)
class Query:
    """A query that has not run yet, or has: ``arrow``, ``pandas``, ``polars``, ``rows`` and ``run`` run it once."""

    text: str
    tables: dict[str, TableLike]
    params: tuple[object, ...] | dict[str, object]
    dialect: str
    options: RunOptions
    partitions: int | None = None
    stores: tuple[Store, ...] = ()
    outputs: tuple[Output, ...] = ()

    @classmethod
    def of(
        cls,
        text: str,
        tables: Mapping[str, TableLike] | None,
        params: Sequence[object] | Mapping[str, object],
        dialect: str,
        options: RunOptions,
        partitions: int | None,
        stores: Sequence[Store],
    ) -> Query:
        """A query by what ``gm.sql`` takes."""
        place = "gm.sql(...)"
        must_be(text, str, "the text of a query", place)
        must_be(
            tables, Mapping, "a dict of tables by name", f"{place}, tables", 'as {"orders": "*.parquet"}', none=True
        )
        for name in tables or ():
            must_be(name, str, "the name of a table", f"{place}, tables")
        must_be(
            params, (Mapping, list, tuple), "a list or dict of values", f"{place}, params", "as [1, 'x'] or {'a': 1}"
        )
        must_be(dialect, str, "the name of a dialect", f"{place}, dialect")
        whole_number(partitions, "partitions", place)
        bound = dict(params) if isinstance(params, Mapping) else tuple(params)
        return cls(text, dict(tables or {}), bound, dialect, options, partitions, stores_of(stores, place))

    @cached_property
    def compiled(self) -> CompiledQuery:
        """The query as a chain of jobs, with the steps before. Reads footers, and rows only for a PIVOT without IN."""
        from gristmill_sql import compile_query

        compiled = compile_query(self.text, self._catalog, self._compile_options)
        return replace(compiled, chain=replace(compiled.chain, stores=self.stores))

    @property
    def whole(self) -> PlannedChain | None:
        """The query as one fragment for this process, where it is run so; None where it is spread."""
        if self.options.force_distributed or self.partitions is not None:
            return None
        query = self._read
        fits, why = fits_whole(query.bytes_, self.options, parquet=query.parquet)
        if query.hindrance or not fits:
            return None
        chain = replace(query.chain(), stores=self.stores)
        return plan_whole(chain, {table.name: self._facts.planned[table.source] for table in query.tables}, why)

    @property
    def chain(self) -> ChainPlan:
        """The jobs that compute the query."""
        return self.compiled.chain

    @property
    def schema(self) -> Schema:
        """Names and types of the result's columns."""
        return self._read.schema

    def run(self) -> Result:
        """Runs the query, if it has not run yet."""
        return self._result

    @cached_property
    def _result(self) -> Result:
        if "_catalog" in self.__dict__:
            self._facts.list_again()  # files may have come since
        if (whole := self.whole) is not None:
            try:
                return run_whole(whole, self._read.schema, self._facts.stores, self.options)
            except (MemoryError, duckdb.OutOfMemoryException):
                log(__name__, WARNING, "too little memory for the query as a whole: it is spread")
        return run_chain(self.chain, self.options, self._facts.planned)

    def arrow(self) -> pa.Table:
        """All rows as an Arrow table, in the query's order."""
        return self._result.arrow()

    def pandas(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame."""
        return self._result.pandas()

    def polars(self) -> pl.DataFrame:
        """All rows as a Polars DataFrame."""
        return self._result.polars()

    def rows(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        return self._result.rows()

    def write(self, uri: str, *, format: str = "parquet", mode: str = "error", compression: str = "") -> Result:
        """Runs the query with its rows committed to ``uri``; see ``gm.output`` for the options."""
        target = output(uri, format=format, mode=mode, compression=compression)
        return replace(self, outputs=(target,)).run()

    def explain(self) -> str:
        """The chain of jobs with its fragments, exchanges and why each is there; see ``compiled`` for what is read."""
        if (whole := self.whole) is not None:
            return explained(whole)
        return explain_chain(
            self.chain,
            force_distributed=self.options.force_distributed,
            storage_options=self.options.storage_options,
        )

    def analyze(self) -> str:
        """EXPLAIN ANALYZE: runs the query, and shows its plan with what each stage read, wrote and took."""
        return self._result.analysis

    def __repr__(self) -> str:
        first = self.text.strip().splitlines()[0] if self.text.strip() else ""
        return f"<Query {first!r}: .arrow(), .pandas(), .polars(), .rows(), .write(uri), .explain()>"

    @cached_property
    def _read(self) -> WholeQuery:
        """The query as it was read and bound."""
        from gristmill_sql import read_whole

        return read_whole(self.text, self._catalog, self._compile_options)

    @cached_property
    def _catalog(self) -> Catalog:
        from gristmill_sql import Catalog

        return Catalog({name: self._source(name, given) for name, given in self.tables.items()}, self._facts)

    @property
    def _compile_options(self) -> CompileOptions:
        from gristmill_sql import CompileOptions

        return CompileOptions(
            dialect=self.dialect,
            params=self.params,
            partitions=self.partitions,
            outputs=self.outputs,
            ask=self._asked,
        )

    def _asked(self, text: str) -> list[str]:
        """The only column of a query that runs before this one is planned."""
        first = replace(self, text=text, params=(), dialect="duckdb", outputs=())
        return [str(value) for value in first.arrow().column(0).to_pylist()]

    @cached_property
    def _folder(self) -> TemporaryFolder:
        """Where tables that were in memory lie while this query lives."""
        return TemporaryFolder(load_settings().local_dir)

    @cached_property
    def _facts(self) -> StorageFacts:
        from gristmill.storage.stores import Stores
        from gristmill_sql.catalog import StorageFacts

        return StorageFacts(Stores(self.stores, self.options.storage_options))

    def _source(self, name: str, given: TableLike) -> FileSource:
        if isinstance(given, Input):
            if not isinstance(given.source, FileSource):
                raise InvalidPlan("a table of a query is files, not a job", place=f"table {name!r}")
            _refuse_work(name, given)
            return given.source
        if hasattr(given, "__arrow_c_stream__"):
            return self._saved(name, given)
        if isinstance(given, str | Path | list | tuple):
            return _by_suffix(name, uris_of(given, f"table {name!r}"))
        raise InvalidPlan(
            f"{type(given).__name__} is not a table",
            place=f"table {name!r}",
            remedy="give a path, gm.parquet(...), or a table of Arrow, pandas or Polars",
        )

    def _saved(self, name: str, table: Any) -> FileSource:
        import pyarrow.parquet as pq

        file = str(self._folder.path / f"{len(os.listdir(self._folder.path))}.parquet")
        try:
            rows = pa.table(table)
        except pa.ArrowException as error:
            reason = f"it does not fit into Arrow: {' '.join(map(str, error.args))}"
            raise InvalidQuery(reason, place=f"table {name!r}", remedy="Give each column values of one type.") from None
        if not rows.num_columns:
            raise InvalidQuery("it has no columns", place=f"table {name!r}")
        if objection := sql_objection(tuple(Column(column, "") for column in rows.column_names)):
            raise InvalidQuery(objection, place=f"table {name!r}", remedy="Rename it in the table.")
        pq.write_table(rows, file)
        return FileSource((file,), Format.PARQUET)


def _refuse_work(name: str, given: Input) -> None:
    """Raises InvalidPlan for what a query would leave out of an input of jobs."""
    if given.map is not None or given.map_batches is not None or given.key or given.exchange is not None:
        raise InvalidPlan(
            "a table of a query is its rows as they are: no map, no key, no broadcast",
            place=f"table {name!r}",
            remedy="Say it in the query, or write what a job makes of it and query that.",
        )


def _by_suffix(name: str, uris: tuple[str, ...]) -> FileSource:
    format_ = format_of_table(uris[0])
    if format_ is None:
        raise InvalidPlan(
            f"{uris[0]!r} does not say its format",
            place=f"table {name!r}",
            remedy="name its files with .parquet, .csv, .json or .arrow, or give the format: gm.csv(...) in Python, "
            "format: csv in a catalog file (--catalog)",
        )
    source = path_source(uris[0], format_)
    return source if len(uris) == 1 else replace(source, uris=uris)
