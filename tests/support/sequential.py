"""Runs chains task by task in this process: the kernel with real storage and shuffle, without scheduler or workers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from gristmill.ids import AttemptId, ExchangeId, TaskId
from gristmill.kernel.environment import TaskEnv
from gristmill.kernel.task import run_task
from gristmill.plan.compile import compile_chain
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.job import ChainPlan, JobPlan, Output
from gristmill.plan.source import FileSource, Format, Split
from gristmill.plan.stage import ExchangeWrite, HeldWrite, Stage, StageGraph
from gristmill.plan.task import ExchangeFeed, MapOutput, PendingPart, TaskOrder, TaskResult
from gristmill.rows.types import arrow_schema, cast_table, unify
from gristmill.shuffle.blocks import LocalFiles
from gristmill.shuffle.bounds import choose_bounds
from gristmill.storage.commit import OutputCommit
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores


@dataclass
class Ran:
    """What a sequential run gave: every task's result in order, and the rows of each output by (job, output)."""

    results: list[TaskResult] = field(default_factory=list)
    tables: dict[tuple[str, str], pa.Table] = field(default_factory=dict)

    @property
    def table(self) -> pa.Table:
        """The rows of the only output."""
        (table,) = self.tables.values()
        return table

    @property
    def counters(self) -> dict[str, int]:
        """Sums over all tasks."""
        total: dict[str, int] = {}
        for result in self.results:
            for name, n in result.counters:
                total[name] = total.get(name, 0) + n
        return total


def run_job(job: JobPlan, tmp: Path, **options: object) -> Ran:
    """Runs one job; without an output it gets one in ``tmp``."""
    return run_chain(ChainPlan((job,)), tmp, **options)  # type: ignore[arg-type]


def run_chain(chain: ChainPlan, tmp: Path, *, memory_bytes: int = 1 << 30, skip: object = ()) -> Ran:
    """Runs the jobs of a chain. The result's job gets an output in ``tmp`` if it has none."""
    if not chain.result_job.outputs:
        stored = replace(chain.result_job, outputs=(Output(str(tmp / "out"), format=Format.PARQUET),))
        chain = replace(chain, jobs=tuple(stored if job == chain.result_job else job for job in chain.jobs))
    stores = Stores(chain.stores)
    planned: dict[tuple[str, str], tuple[Split, ...]] = {}
    jobs = tuple(_planned(job, stores, planned) for job in chain.jobs)
    chain = replace(chain, jobs=jobs)
    ran = Ran()
    parts = run_graph(compile_chain(chain, planned), tmp, ran, memory_bytes=memory_bytes, skip=skip)
    for job in chain.jobs:
        for output in job.outputs:
            _commit(job.name, output, [part for part in parts if part.job == job.name], stores)
            own = [part for part in parts if (part.job, part.output) == (job.name, output.name)]
            ran.tables[job.name, output.name] = _stored(output, own, stores)
    return ran


def run_graph(
    graph: StageGraph, tmp: Path, ran: Ran, *, memory_bytes: int = 1 << 30, skip: object = ()
) -> list[PendingPart]:
    """Runs the stages of a graph one after the other and gives the parts they staged."""
    feeds: dict[ExchangeId, list[MapOutput]] = {}
    outlets = [outlet for stage in graph.stages for outlet in stage.outlets]
    specs = {outlet.exchange: outlet.spec for outlet in outlets if isinstance(outlet, ExchangeWrite)}
    for outlet in outlets:
        if isinstance(outlet, HeldWrite):
            specs.update((outlet.exchange(output.name), outlet.spec) for output in outlet.outputs)
    env = TaskEnv(
        stores=Stores(graph.stores),
        scratch=tmp / "scratch",
        outputs=tmp / "outputs",
        fetch=LocalFiles(),
        feed_updates=lambda exchange: _sealed(exchange, feeds, specs),
        worker="sequential",
        host="here",
    )
    parts: list[PendingPart] = []
    for stage in graph.stages:
        for partition in range(stage.tasks):
            order = _order(stage, partition, feeds, specs, memory_bytes, skip)
            result = run_task(stage, order, env)
            ran.results.append(result)
            parts.extend(result.parts)
            for output in result.outputs:
                feeds.setdefault(output.exchange, []).append(output)
    return parts


def _order(
    stage: Stage,
    partition: int,
    feeds: dict[ExchangeId, list[MapOutput]],
    specs: dict[ExchangeId, Exchange],
    memory_bytes: int,
    skip: object,
) -> TaskOrder:
    sealed = tuple(_sealed(exchange, feeds, specs) for exchange in stage.exchanges_read)
    attempt = AttemptId(TaskId(stage.id, partition), 0)
    return TaskOrder(attempt, "run1", "", sealed, memory_bytes, skip=skip)  # type: ignore[arg-type]


def _sealed(
    exchange: ExchangeId, feeds: dict[ExchangeId, list[MapOutput]], specs: dict[ExchangeId, Exchange]
) -> ExchangeFeed:
    outputs = tuple(sorted(feeds.get(exchange, []), key=lambda output: output.task_order))
    spec = specs[exchange]
    bounds = b""
    if spec.kind is ExchangeKind.RANGE:
        bounds = choose_bounds([output.sample for output in outputs], spec.order, spec.partitions)
    return ExchangeFeed(exchange, outputs, unify([output.schema for output in outputs], str(exchange)), bounds)


def _planned(job: JobPlan, stores: Stores, planned: dict[tuple[str, str], tuple[Split, ...]]) -> JobPlan:
    """The job with the schemas of its files filled in; its splits go to ``planned``."""

    def filled(name: str, source: object) -> object:
        if not isinstance(source, FileSource):
            return source
        found = plan_input(source, stores, f"{job.name}, input {name}")
        planned[job.name, name] = found.splits
        return replace(source, schema=found.schema)

    inputs = tuple(replace(each, source=filled(each.name, each.source)) for each in job.inputs)
    sides = tuple(replace(each, source=filled(each.name, each.source)) for each in job.side_inputs)
    return replace(job, inputs=inputs, side_inputs=sides)


def _commit(job: str, output: Output, parts: list[PendingPart], stores: Stores) -> None:
    commit = OutputCommit(job, "run1", (output,), stores)
    commit.prepare()
    commit.commit([part for part in parts if part.output == output.name], commit.acquire_epoch())


def _stored(output: Output, parts: list[PendingPart], stores: Stores) -> pa.Table:
    """The rows of an output in the order of its parts, read back as any job would read them."""
    tables = []
    for part in sorted(parts, key=lambda part: (part.partition, part.folder)):
        found = plan_input(FileSource((part.uri,), output.format, schema=part.schema or None), stores, "output")
        for split in found.splits:
            reader = open_split(FileSource((part.uri,), output.format, schema=found.schema), split, stores, None)
            schema = reader.schema()
            tables.append((schema, pa.Table.from_batches(reader.batches(), arrow_schema(schema))))
    if not tables:
        return pa.table({})
    schema = unify([schema for schema, _ in tables], "output")
    return pa.concat_tables([cast_table(table, schema) for _, table in tables])
