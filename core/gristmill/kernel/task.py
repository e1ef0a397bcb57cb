"""Runs one attempt of a task: opens what the stage reads, runs its body, gives each outlet its rows.

Called by the executor process and by the in-process tier, one task at a time. Knows nothing of retries, other tasks,
or who accepts the result. Raises GristmillError; MemoryError, DuckDB's out-of-memory error and OSError pass as they
are, since they are answered differently.
"""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pyarrow as pa

from gristmill.errors import InvalidPlan
from gristmill.kernel.columns import WidenedSchema, batches_of, one_batch
from gristmill.kernel.context import TaskContext, running
from gristmill.kernel.environment import TaskEnv
from gristmill.kernel.inputs import Input, SplitInput
from gristmill.kernel.outlets import Outlets
from gristmill.kernel.steps import Sorted, Steps, combines_in_memory
from gristmill.kernel.streams import Spool, Stream
from gristmill.kernel.work import Work, step_name
from gristmill.plan.fragment import PythonFragment
from gristmill.plan.schema import Schema
from gristmill.plan.stage import ExchangeRead, ExchangeWrite, HeldWrite, Outlet, SinkWrite, Stage, Step
from gristmill.plan.task import MapOutput, PendingPart, QuarantinedRecord, TaskOrder, TaskResult
from gristmill.shuffle.reader import read_partition
from gristmill.storage.reading import open_split
from gristmill.storage.stores import Stores

_COMBINED_AGAIN_BYTES = 64 << 20
"""A reduce combines while it merges only where its partition is larger: else it would call combine and reduce for the
same few values."""
_MOST_STARTS = 24
"""A task starts over with a wider schema at most so often; each time some column's type grew."""


def run_task(stage: Stage, order: TaskOrder, env: TaskEnv) -> TaskResult:
    """Runs the attempt that ``order`` names and gives what it wrote, staged, with its figures."""
    started = _Clock()
    pinned: dict[object, Schema] = {}
    folder = env.scratch / "tasks" / quote(str(order.attempt), safe="")
    context = TaskContext(env.log)
    try:
        for _ in range(_MOST_STARTS):
            work = Work(order, env, context, folder, pinned)
            try:
                outlets = _Task(stage, work).run()
            except WidenedSchema as wider:
                pinned[wider.step] = wider.schema
                context.counters.clear()
            else:
                return _result(work, outlets, started)
        raise InvalidPlan("the types of its rows keep growing", place=str(order.attempt), remedy="Declare a schema.")
    finally:
        context.end_if_forked()
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


class _Clock:
    """Wall and processor time from here on, that of ended child processes included."""

    def __init__(self) -> None:
        self._wall_s = time.monotonic()
        self._cpu_s = self._cpu()

    @staticmethod
    def _cpu() -> float:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    def seconds(self) -> tuple[float, float]:
        """Wall and processor seconds."""
        return time.monotonic() - self._wall_s, self._cpu() - self._cpu_s


def _result(work: Work, outlets: Outlets, started: _Clock) -> TaskResult:
    seconds, cpu_seconds = started.seconds()
    wholes: list[MapOutput | PendingPart] = [*outlets.outputs, *outlets.parts]
    return TaskResult(
        attempt=work.order.attempt,
        outputs=tuple(outlets.outputs),
        parts=tuple(outlets.parts),
        rows_in=work.rows_in,
        bytes_in=work.bytes_read(),
        rows_out=sum(whole.rows for whole in wholes),
        bytes_out=sum(whole.bytes_ for whole in wholes),
        bytes_spilled=work.bytes_spilled,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        counters=tuple(sorted(work.context.counters.items())),
        quarantined=tuple(QuarantinedRecord(file, record, "") for file, record in work.skipped),
        printed=work.context.printed.tail,
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A step and what it reads: the rows of a map, or the sorted inputs of a reduce."""

    step: Step
    rows: Input | None = None
    inputs: Sorted = ()


class _Task:
    """One start of a task."""

    def __init__(self, stage: Stage, work: Work) -> None:
        self._stage = stage
        self._work = work
        self._outlets = Outlets(work)
        self._steps = Steps(work, local_folders(stage, work.env.stores))

    def run(self) -> Outlets:
        """Runs body and outlets; drops what was written if something fails."""
        try:
            with running(self._work.context):
                self._run()
        except BaseException:
            self._work.context.end_if_forked()
            self._outlets.abort()
            raise
        return self._outlets

    def _run(self) -> None:
        body = self._open()
        if len(self._stage.outlets) == 1:
            self._write(self._stage.outlets[0], body)
            return
        tables = self._spooled(body)
        for outlet in self._stage.outlets:
            if not isinstance(outlet, ExchangeWrite) and not outlet.steps:
                given = ((name, batch) for name, table in tables.items() for batch in batches_of(table))
                self._store(outlet, given)
            else:
                rows = Stream(batches_of(next(iter(tables.values()))), step_name(body.step))
                self._write(outlet, _Source(_identity(body.step), rows=self._input(body.step, rows)))

    def _open(self) -> _Source:
        stage, work = self._stage, self._work
        if stage.scan is None:
            inputs = [(read, self._read(read)) for read in stage.reads]
            bytes_ = sum(_fed_bytes(work, read) for read in stage.reads)
            work.bytes_read = lambda: bytes_
            return _Source(stage.body, inputs=inputs)
        reader = open_split(stage.scan.source, stage.scan.splits[work.partition], work.env.stores, work.env.blocks)
        work.bytes_read = lambda: reader.bytes_read
        return _Source(stage.body, rows=SplitInput(stage.scan.input, reader, work.seen))

    def _read(self, read: ExchangeRead) -> Stream:
        work = self._work
        bytes_ = _fed_bytes(work, read)
        rows = read_partition(
            work.feed(read.exchange),
            read.spec,
            work.partition,
            work.env.fetch,
            self._reading_bytes() // len(self._stage.reads),
            work.path("merge"),
            self._steps.table_combine(read.exchange, read.spec) if bytes_ > _COMBINED_AGAIN_BYTES else None,
        )
        return Stream(_counted(rows, work), f"job {read.exchange.job}, input {read.input}", rows.schema)

    def _reading_bytes(self) -> int:
        """What reading may take: where no fragment runs and nothing combines, the fragment's share as well."""
        stage, memory = self._stage, self._work.memory
        steps = (stage.body, *(step for outlet in stage.outlets for step in outlet.steps))
        busy = any(step.fragment for step in steps) or any(read.spec.combine for read in stage.reads)
        return memory.reader if busy else memory.reader + memory.fragment

    def _keys(self) -> tuple[str, ...]:
        """The key columns of the stage's own rows, for the key ranges of parts."""
        return self._stage.reads[0].spec.keys if self._stage.reads else ()

    def _spooled(self, body: _Source) -> dict[str, pa.Table]:
        """The body's rows, to be read by several outlets; by output where the body itself has several.

        Outlets that read the job rather than store it get the rows of its first output.
        """
        own = [each for each in self._stage.outlets if not isinstance(each, ExchangeWrite) and not each.steps]
        names = tuple(output.name for output in own[0].outputs) if own else ("",)
        name = step_name(body.step)
        if len(names) == 1:
            return {names[0]: self._fill(Stream(self._batches(body), name))}
        queues: dict[str, list[pa.RecordBatch]] = {each: [] for each in names}
        for output, batch in self._routed(body, names):
            queues[output].append(batch)
        return {each: self._fill(Stream(queues[each], name)) for each in names}

    def _fill(self, rows: Stream) -> pa.Table:
        return Spool(rows, self._work.path("body"), self._work.memory.spool, self._work.spilled).table()

    def _input(self, made_by: Step, rows: Stream, name: str = "input") -> Input:
        return self._steps.spooled(name, rows, f"{made_by.job}#{self._work.partition}")

    def _last(self, source: _Source, steps: tuple[Step, ...]) -> _Source:
        """The last of the steps with the rows that all before it give."""
        for step in steps:
            rows = Stream(self._batches(source), step_name(source.step))
            source = _Source(step, rows=self._input(source.step, rows, step.input or "input"))
        return source

    def _batches(self, source: _Source) -> Iterator[pa.RecordBatch]:
        if source.rows is not None:
            return self._steps.map(source.step, source.rows)
        return self._steps.reduce(source.step, source.inputs)

    def _routed(self, source: _Source, names: tuple[str, ...]) -> Iterator[tuple[str, pa.RecordBatch]]:
        if source.rows is not None:
            return self._steps.map_routed(source.step, source.rows, names)
        return self._steps.reduce_routed(source.step, source.inputs, names)

    def _write(self, outlet: Outlet, source: _Source) -> None:
        last = self._last(source, outlet.steps)
        if not isinstance(outlet, SinkWrite):
            self._work.mixed.add(step_name(last.step))
        if isinstance(outlet, ExchangeWrite):
            self._write_exchange(outlet, last)
            return
        names = tuple(output.name for output in outlet.outputs)
        one = ((names[0], batch) for batch in self._batches(last)) if len(names) == 1 else None
        self._store(outlet, one or self._routed(last, names))

    def _store(self, outlet: SinkWrite | HeldWrite, batches: Iterable[tuple[str, pa.RecordBatch]]) -> None:
        """Rows for a job's outputs, each with the name of its output."""
        if isinstance(outlet, HeldWrite):
            self._outlets.held(outlet, batches)
        else:
            self._outlets.sink(outlet, batches, () if outlet.steps else self._keys())

    def _write_exchange(self, outlet: ExchangeWrite, last: _Source) -> None:
        combine = outlet.spec.combine
        if last.rows is not None and isinstance(combine, PythonFragment) and combines_in_memory(last.step, combine):
            batches = self._steps.map_combined(last.step, last.rows, combine)
        else:
            batches = self._batches(last)
        table_combine = self._steps.table_combine(outlet.exchange, outlet.spec)
        self._outlets.exchange(outlet, batches, table_combine, self._steps.partition_of(outlet.spec))


def _identity(step: Step) -> Step:
    """A step that passes on the rows of ``step`` as they are."""
    return Step(step.job, step.input, None)


def _counted(rows: pa.RecordBatchReader, work: Work) -> Iterator[pa.RecordBatch]:
    given = False
    for batch in rows:
        work.seen(batch.num_rows)
        given = True
        yield batch
    if not given:
        yield one_batch(rows.schema.empty_table())


def _fed_bytes(work: Work, read: ExchangeRead) -> int:
    """Bytes of map output that a task reads on average; what its own partition has, only the files know."""
    return sum(output.bytes_ for output in work.feed(read.exchange).outputs) // read.spec.partitions


def local_folders(stage: Stage, stores: Stores) -> frozenset[str]:
    """The folders of all local files that the stage reads, side inputs included: those that its SQL may read."""
    steps = (stage.body, *(step for outlet in stage.outlets for step in outlet.steps))
    splits = [split for step in steps for side in step.sides for split in side.splits]
    splits += stage.scan.splits if stage.scan is not None else ()
    uris = {piece.uri for split in splits for piece in split.pieces}
    paths = [stores.filesystem(uri).local_path(uri) for uri in uris]
    return frozenset(str(path.parent) for path in paths if path is not None)
