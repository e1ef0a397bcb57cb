"""``gm.Session``: worker processes for several runs, of a size that is given once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gristmill.api.job import Job
from gristmill.api.kept_workers import KeptWorkers
from gristmill.api.options import ProgressFunction, RunOptions, ignore_progress
from gristmill.api.result import Result
from gristmill.api.run import chain_of, run_chain
from gristmill.plan.job import ChainPlan, Store

if TYPE_CHECKING:
    from gristmill.api.sql import Query, TableLike


class Session:
    """Workers that stay from run to run, till ``close`` or the end of ``with``.

    ``workers``, ``memory`` and ``storage_options`` are as in ``gm.run``. Workers start with the first run that needs
    them, end after ``idle_s`` seconds without work (default: ``GRISTMILL_IDLE_S``, else 60), and come again with the
    next run. Threads may share a session, and its workers.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        memory: str | int | None = None,
        storage_options: Mapping[str, Any] | None = None,
        idle_s: float | None = None,
    ) -> None:
        self._kept = KeptWorkers()
        self._options = RunOptions(workers, memory, storage_options=storage_options, idle_s=idle_s, kept=self._kept)

    def run(
        self, job: Job | ChainPlan, *, force_distributed: bool = False, progress: ProgressFunction = ignore_progress
    ) -> Result:
        """As ``gm.run``."""
        return run_chain(chain_of(job), self._with(progress, force_distributed=force_distributed))

    def sql(
        self,
        query: str,
        *,
        tables: Mapping[str, TableLike] | None = None,
        params: Sequence[object] | Mapping[str, object] = (),
        dialect: str = "duckdb",
        force_distributed: bool = False,
        partitions: int | None = None,
        progress: ProgressFunction = ignore_progress,
        stores: Sequence[Store] = (),
    ) -> Query:
        """As ``gm.sql``; its result is to be asked for while the session is open."""
        from gristmill.api.sql import Query

        options = self._with(progress, force_distributed=force_distributed)
        return Query.of(query, tables, params, dialect, options, partitions, stores)

    def close(self) -> None:
        """Cancels what runs, and ends the workers."""
        self._kept.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _with(self, progress: ProgressFunction, *, force_distributed: bool) -> RunOptions:
        self._kept.refuse_if_closed()
        return replace(self._options, force_distributed=force_distributed, progress=progress)
