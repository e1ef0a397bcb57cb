"""The stage compiler: a chain of jobs and the splits of their inputs become a graph of stages.

Jobs are cut where rows change hands. A job that reads another one gets no map stage of its own: its map runs at the
end of the other's tasks, so rows pass from job to job through the shuffle and never stop in storage between. Called
by the coordinator and by EXPLAIN; pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gristmill.errors import InvalidPlan
from gristmill.ids import ExchangeId, Side, StageId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.fragment import Code, CommandFragment, Fragment, PythonFragment, SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, SideInput
from gristmill.plan.schema import SortKey
from gristmill.plan.source import FileSource, JobSource, Split, on_volume
from gristmill.plan.stage import (
    ExchangeRead,
    ExchangeWrite,
    HeldWrite,
    Outlet,
    Scan,
    SideScan,
    SinkWrite,
    Stage,
    StageGraph,
    Step,
    held_exchange,
)

PARTITION_BYTES = 64 << 20
"""Input bytes for each reduce partition where the job does not say how many it wants."""
MAX_DEFAULT_PARTITIONS = 2048

SplitsByInput = Mapping[tuple[str, str], tuple[Split, ...]]
"""Splits by (job, input or side input), for every input that comes from files."""


def compile_chain(chain: ChainPlan, splits: SplitsByInput) -> StageGraph:
    """The stages that run ``chain``. Depends on inputs and spec only, never on workers or memory.

    Raises InvalidPlan where a job reads one that is not there.
    """
    return _Compiler(chain, splits).graph()


def default_partitions(bytes_: int) -> int:
    """Reduce partitions for so many input bytes: one for each 64 MiB, rounded up to a power of two.

    DuckDB's hash wants one, and a mask costs less than a remainder.
    """
    wanted = min(max(1, -(-bytes_ // PARTITION_BYTES)), MAX_DEFAULT_PARTITIONS)
    return 1 << (wanted - 1).bit_length()


def reduce_order(job: JobPlan, keys: tuple[str, ...]) -> tuple[SortKey, ...]:
    """The order in which rows reach the reducer: keys that ``sort`` does not name first, then ``sort``."""
    if job.reduce is None and job.partition is ExchangeKind.RANGE and job.sort:
        return job.sort
    named = {term.by for term in job.sort}
    return (*(SortKey(key) for key in keys if key not in named), *job.sort)


@dataclass(slots=True)
class _Compiler:
    """One compilation: looks up jobs, readers and partition counts, and builds stages in chain order."""

    chain: ChainPlan
    splits: SplitsByInput
    _partitions: dict[str, int] = field(default_factory=dict)
    _bytes: dict[str, int] = field(default_factory=dict)
    _ending_in_map: dict[str, bool] = field(default_factory=dict)

    def graph(self) -> StageGraph:
        for job in self.chain.jobs:
            self._size(job)
        stages = [stage for job in self.chain.jobs for stage in self._stages(job)]
        return StageGraph(_in_reading_order(stages), self.chain.result_job.name, self.chain.stores)

    def _job(self, name: str, reader: str) -> JobPlan:
        try:
            return self.chain.job(name)
        except KeyError:
            names = ", ".join(job.name for job in self.chain.jobs)
            raise InvalidPlan(
                f"there is no job {name!r} in this chain", place=reader, remedy=f"jobs: {names}"
            ) from None

    def _size(self, job: JobPlan) -> None:
        """Fixes how many partitions the job's reduce has, from the bytes that flow into it."""
        bytes_, upstream = 0, 1
        for input_ in job.inputs:
            if isinstance(input_.source, JobSource):
                source = self._job(input_.source.job, job.name)
                if source.name not in self._bytes:
                    raise InvalidPlan(
                        f"job {source.name!r} must stand before {job.name!r} in the chain", place=job.name
                    )
                bytes_ += self._bytes[source.name]
                upstream = max(upstream, self._partitions[source.name])
            else:
                bytes_ += sum(split.bytes_ for split in self.splits[job.name, input_.name])
        self._bytes[job.name] = bytes_
        if is_fused(job):
            self._partitions[job.name] = upstream
        elif job.partition is ExchangeKind.SINGLE:
            self._partitions[job.name] = 1
        elif job.partition is ExchangeKind.FORWARD:
            self._partitions[job.name] = job.partitions or upstream
        else:
            self._partitions[job.name] = job.partitions or default_partitions(bytes_)

    def _stages(self, job: JobPlan) -> Iterator[Stage]:
        fused = is_fused(job) or self._ends_in_map(job)
        for input_ in job.inputs:
            if isinstance(input_.source, JobSource):
                continue
            outlets = self._fused_outlets(job, input_, 0) if fused else (self._write(job, input_, 0),)
            splits = self.splits[job.name, input_.name]
            yield Stage(
                StageId(job.name, Side.MAP, input_.name),
                len(splits),
                self._map_step(job, input_),
                outlets,
                scan=Scan(input_.name, input_.source, splits),
                retry=job.retry,
            )
        if not fused:
            yield Stage(
                StageId(job.name, Side.REDUCE),
                self._partitions[job.name],
                self._step(job, "", job.reduce),
                self._outlets(job, 0),
                reads=tuple(
                    ExchangeRead(input_.name, ExchangeId(job.name, input_.name), self._spec(job, input_))
                    for input_ in job.inputs
                ),
                retry=job.retry,
            )
        yield from self._write_stages(job)

    def _write_stages(self, job: JobPlan) -> Iterator[Stage]:
        """A stage for each output of a job whose rows were held back by some stage before."""
        if not self._is_untyped(job):
            return
        tasks = self._makers(job)
        for output in job.outputs:
            read = ExchangeRead("input", held_exchange(job.name, output.name), self._held_spec(job))
            yield Stage(
                StageId(job.name, Side.WRITE, output.name),
                tasks,
                Step(job.name, "", None),
                (SinkWrite(job.name, (output,)),),
                reads=(read,),
                retry=job.retry,
            )

    def _held_spec(self, job: JobPlan) -> Exchange:
        return Exchange(ExchangeKind.HELD, self._makers(job), job.inputs[0].key)

    def _makers(self, job: JobPlan) -> int:
        """How many tasks make the job's rows."""
        return sum(self._tasks(job, each) for each in job.inputs) if is_fused(job) else self._partitions[job.name]

    def _is_untyped(self, job: JobPlan) -> bool:
        """Whether a function or program that does not declare what it gives makes rows of the job since the last
        shuffle: then each task would find types of its own."""
        if _gives_any_type(job.reduce):
            return True
        if not is_fused(job):
            return False
        sources = (self._job(each.source.job, job.name) for each in job.inputs if isinstance(each.source, JobSource))
        return any(_gives_any_type(each.map) for each in job.inputs) or any(map(self._is_untyped, sources))

    def _sink(self, job: JobPlan, offset: int) -> SinkWrite | HeldWrite:
        if self._is_untyped(job):
            return HeldWrite(job.name, job.outputs, self._held_spec(job), first_part=offset)
        return SinkWrite(job.name, job.outputs, first_part=offset)

    def _map_step(self, job: JobPlan, input_: JobInput) -> Step:
        return self._step(job, input_.name, input_.map)

    def _step(self, job: JobPlan, input_: str, fragment: Fragment | None) -> Step:
        from_files = [side for side in job.side_inputs if isinstance(side.source, FileSource)]
        from_jobs = [s for s in job.side_inputs if isinstance(s.source, JobSource) and _may_read(fragment, s)]
        return Step(
            job.name,
            input_,
            fragment,
            job.code,
            tuple(
                SideScan(side.name, side.source, self.splits[job.name, side.name])
                for side in from_files
                if isinstance(side.source, FileSource)
            ),
            tuple(ExchangeRead(side.name, ExchangeId(job.name, side.name), _BROADCAST) for side in from_jobs),
        )

    def _spec(self, job: JobPlan, input_: JobInput) -> Exchange:
        """How the input's rows are partitioned, ordered and combined on their way to the job's reduce."""
        kind = input_.exchange or job.partition
        ordered = kind is not ExchangeKind.BROADCAST and _wants_order(job)
        order = reduce_order(job, input_.key) if ordered else ()
        return Exchange(
            kind,
            self._partitions[job.name],
            input_.key,
            order,
            job.hash,
            job.partitioner,
            job.combine,
            cut=len(input_.key) if job.reduce is not None else len(order),
            code=job.code if job.combine is not None or job.partitioner is not None else Code(),
        )

    def _write(self, job: JobPlan, input_: JobInput, first_task: int, *steps: Step) -> ExchangeWrite:
        return ExchangeWrite(ExchangeId(job.name, input_.name), self._spec(job, input_), steps, first_task)

    def _outlets(self, job: JobPlan, offset: int) -> tuple[Outlet, ...]:
        """Where the rows of ``job`` go from a stage whose task 0 is number ``offset`` among all that make them."""
        outlets: list[Outlet] = []
        if job.outputs:
            outlets.append(self._sink(job, offset))
        for reader in self.chain.jobs:
            sides = (side for side in reader.side_inputs if side.source == JobSource(job.name))
            outlets.extend(self._side_write(reader, side, offset) for side in sides)
            for input_ in reader.inputs:
                if input_.source == JobSource(job.name):
                    outlets.extend(self._into(reader, input_, offset))
        return tuple(outlets)

    def _side_write(self, reader: JobPlan, side: SideInput, offset: int) -> ExchangeWrite:
        return ExchangeWrite(ExchangeId(reader.name, side.name), _BROADCAST, (), offset)

    def _into(self, reader: JobPlan, input_: JobInput, offset: int) -> Iterator[Outlet]:
        steps = self._steps_of(reader, input_, input_.map)
        fused = is_fused(reader) or self._ends_in_map(reader)
        outlets = self._fused_outlets(reader, input_, offset) if fused else (self._write(reader, input_, offset),)
        for outlet in outlets:
            yield replace(outlet, steps=(*steps, *outlet.steps))

    def _fused_outlets(self, job: JobPlan, input_: JobInput, offset: int) -> tuple[Outlet, ...]:
        """Where the rows of a job go whose reduce, if any, runs over one input at the end of the tasks that make it."""
        steps = self._steps_of(job, input_, job.reduce)
        outlets = self._outlets(job, self._offset(job, input_) + offset)
        return tuple(replace(outlet, steps=(*steps, *outlet.steps)) for outlet in outlets)

    def _ends_in_map(self, job: JobPlan) -> bool:
        if job.name not in self._ending_in_map:
            self._ending_in_map[job.name] = self._can_end_in_map(job)
        return self._ending_in_map[job.name]

    def _can_end_in_map(self, job: JobPlan) -> bool:
        """Whether one task makes all that the job's only task reduces, and so might as well reduce it: there is then
        nothing to hand over. Not where the work would wait for further rows, or run once for each of several readers,
        or where a volume has to be at hand that the map can do without.
        """
        if len(job.inputs) != 1 or self._partitions[job.name] != 1 or self._tasks(job, job.inputs[0]) != 1:
            return False
        only = job.inputs[0]
        if (only.exchange or job.partition) is not ExchangeKind.SINGLE or only.key or _wants_order(job) or job.combine:
            return False
        after = [outlet.steps for outlet in self._outlets(job, 0)]
        steps = [*self._steps_of(job, only, job.reduce), *(step for steps in after for step in steps)]
        to_the_caller = not job.outputs and job is self.chain.result_job
        if len(after) + to_the_caller > 1 or any(step.side_reads for step in steps):
            return False
        sides = [piece.uri for step in steps for side in step.sides for split in side.splits for piece in split.pieces]
        return not any(map(on_volume, [*sides, *(output.uri for output in job.outputs)]))

    def _steps_of(self, job: JobPlan, input_: JobInput, fragment: Fragment | None) -> tuple[Step, ...]:
        return (self._step(job, input_.name, fragment),) if fragment is not None else ()

    def _offset(self, job: JobPlan, input_: JobInput) -> int:
        """How many tasks make the rows of the inputs that stand before ``input_`` in a job without a shuffle."""
        before = job.inputs[: job.inputs.index(input_)]
        return sum(self._tasks(job, earlier) for earlier in before)

    def _tasks(self, job: JobPlan, input_: JobInput) -> int:
        if not isinstance(input_.source, JobSource):
            return len(self.splits[job.name, input_.name])
        source = self._job(input_.source.job, job.name)
        if is_fused(source):
            return sum(self._tasks(source, earlier) for earlier in source.inputs)
        return self._partitions[source.name]


_BROADCAST = Exchange(ExchangeKind.BROADCAST, 1)


def _may_read(fragment: Fragment | None, side: SideInput) -> bool:
    """Whether a fragment can ask for a side input. A SQL text that does not name it need not wait for it."""
    if isinstance(fragment, SqlFragment):
        return re.search(rf"\b{re.escape(side.name)}\b", fragment.sql, re.IGNORECASE) is not None
    return fragment is not None


def _in_reading_order(stages: list[Stage]) -> tuple[Stage, ...]:
    """The stages in their order, except that each comes after those whose exchanges it reads.

    Raises InvalidPlan where stages would wait for each other: a job's map runs at the end of the tasks that make its
    input, so its side inputs cannot come from those same tasks.
    """
    waiting = dict(enumerate(stages))
    unwritten = Counter(exchange for stage in stages for exchange in stage.exchanges_written)
    ordered: list[Stage] = []
    while waiting:
        ready = next((at for at, stage in waiting.items() if not any(unwritten[e] for e in stage.exchanges_read)), None)
        if ready is None:
            names = ", ".join(dict.fromkeys(stage.id.job for stage in waiting.values()))
            raise InvalidPlan(
                f"these jobs wait for each other: {names}",
                place="chain",
                remedy="a side input must not come from the tasks whose rows it is read beside; give the input a key",
            )
        stage = waiting.pop(ready)
        unwritten.subtract(stage.exchanges_written)
        ordered.append(stage)
    return tuple(ordered)


def is_fused(job: JobPlan) -> bool:
    """Whether the job runs wholly inside the tasks that make its input: no shuffle, so no reduce stage of its own.

    That is a job without reduce, and one whose only input comes forward, partition by partition, from another job.
    """
    if job.map_only:
        return True
    if len(job.inputs) != 1:
        return False
    only = job.inputs[0]
    forward = (only.exchange or job.partition) is ExchangeKind.FORWARD
    return forward and isinstance(only.source, JobSource) and not _wants_order(job)


def _gives_any_type(fragment: Fragment | None) -> bool:
    """Whether it is a function or program that does not declare what it gives."""
    return isinstance(fragment, PythonFragment | CommandFragment) and fragment.schema is None


def _wants_order(job: JobPlan) -> bool:
    """Whether rows must reach the reduce in key order: Python and command reduces group runs of equal keys."""
    return bool(job.sort) or job.partition is ExchangeKind.RANGE or not isinstance(job.reduce, SqlFragment)
