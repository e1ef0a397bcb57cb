"""The tier of small queries: the whole query as one fragment in the calling process, without stages or shuffle.

Rows for the caller stay in memory, beyond some of it in a mapped file; rows for an output go through the same parts and
commit as everywhere.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from gristmill.coordinator.chain_run import CommitJob
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain, Tier
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import Cancelled, GristmillError
from gristmill.kernel.streams import Spool, Stream
from gristmill.kernel.whole import WholePlace, WholeStep
from gristmill.plan.compile import compile_chain
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan
from gristmill.plan.measured import StageMeasure
from gristmill.plan.schema import Schema
from gristmill.plan.task import PendingPart
from gristmill.storage.parts import PartWriter
from gristmill.storage.splits import PlannedInput

REPORT_EVERY_S = 0.1
KEPT_BYTES = 256 << 20
"""So much of a result stays in memory."""

_T = TypeVar("_T")


def plan_whole(chain: ChainPlan, tables: Mapping[str, PlannedInput], why: str) -> PlannedChain:
    """A chain of one job, whose side inputs are the ``tables`` of the query that is its reduce."""
    name = chain.result_job.name
    inputs = {(name, table): planned for table, planned in tables.items()}
    graph = compile_chain(chain, {key: planned.splits for key, planned in inputs.items()})
    return PlannedChain(chain, graph, inputs, Tier.WHOLE, why)


class WholeRun:
    """One run of such a chain, once, by ``collect`` or ``write``. ``schema`` is the result's.

    Both raise what DuckDB refuses as FragmentError, InputError for files that cannot be read, Cancelled on Ctrl-C, and
    DuckDB's own error where memory is too small.
    """

    def __init__(
        self, planned: PlannedChain, schema: Schema, place: WholePlace, report: Callable[[Progress], None]
    ) -> None:
        self._planned = planned
        self._schema = schema
        self._place = place
        self._report = report
        self._job = planned.chain.result_job
        self._stage = StageProgress(planned.graph.stages[0].id, 1, running=1)
        self._started_s, self._cpu_before_s = time.monotonic(), _cpu_s()
        self._rows_out = 0
        self._bytes_out = 0
        self._spilled_bytes = 0
        assert isinstance(self._job.reduce, SqlFragment)
        tables = {name: planned for (_, name), planned in planned.inputs.items()}
        self._step = WholeStep(self._job.reduce.sql, tables, schema, place, self._seen)

    def collect(self, file: Path) -> pa.Table:
        """The rows; ``file`` takes them where they are too many for memory."""
        return self._while_told(lambda: self._collected(file))

    def _collected(self, file: Path) -> pa.Table:
        return Spool(Stream(self._rows(), "the query"), file, KEPT_BYTES, self._spilled).table()

    def write(self, outputs: ChainOutputs, run: str) -> None:
        """Commits the rows to the job's output. Raises OutputExists or StorageError before any work, too."""
        outputs.prepare()
        parts = self._while_told(lambda: self._written(run))
        outputs.perform(CommitJob(self._job.name, parts))

    def _written(self, run: str) -> tuple[PendingPart, ...]:
        writer = PartWriter(self._job.name, self._job.outputs[0], 0, run, self._schema, self._place.stores)
        try:
            for batch in self._rows():
                writer.write(batch)
            return writer.finish()
        except BaseException:
            writer.abort()
            raise

    @property
    def measure(self) -> StageMeasure:
        """What it took."""
        seconds, cpu_s = time.monotonic() - self._started_s, _cpu_s() - self._cpu_before_s
        return StageMeasure(
            self._stage.stage,
            1,
            self._stage.rows,
            self._planned.bytes_,
            self._rows_out,
            self._bytes_out,
            self._spilled_bytes,
            seconds,
            cpu_s,
            seconds,
            self._stage.rows,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        )

    def _rows(self) -> Iterator[pa.RecordBatch]:
        for batch in self._step.rows():
            self._rows_out += batch.num_rows
            self._bytes_out += batch.nbytes
            yield batch

    def _seen(self, rows: int) -> None:
        self._stage = replace(self._stage, rows=self._stage.rows + rows)

    def _spilled(self, bytes_: int) -> None:
        self._spilled_bytes += bytes_

    def _while_told(self, work: Callable[[], _T]) -> _T:
        """Does the work in a thread, since DuckDB does not hear Ctrl-C, and tells who watches."""
        self._tell(ChainState.RUNNING)
        interrupted = False
        with ThreadPoolExecutor(1, thread_name_prefix="gristmill-query") as thread:
            future = thread.submit(work)
            while not future.done():
                try:
                    wait([future], timeout=REPORT_EVERY_S)
                    self._tell(ChainState.RUNNING)
                except KeyboardInterrupt:
                    interrupted = True
                except BaseException:
                    self._step.interrupt()
                    raise
                if interrupted:  # each time: DuckDB forgets it where no statement runs
                    self._step.interrupt()
        return self._ended(future, interrupted=interrupted)

    def _ended(self, future: Future[_T], *, interrupted: bool) -> _T:
        if interrupted:
            self._tell(ChainState.CANCELLED)
            raise Cancelled("interrupted") from future.exception()
        error = future.exception()
        if error is None:
            self._stage = replace(self._stage, running=0, done=1)
            self._tell(ChainState.FINISHED)
        elif isinstance(error, GristmillError):  # with too little memory it goes on otherwise
            self._tell(ChainState.FAILED)
        return future.result()

    def _tell(self, state: ChainState) -> None:
        elapsed_s = time.monotonic() - self._started_s
        self._report(Progress(state, (self._stage,), 0, elapsed_s, (), self._planned.tier))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
