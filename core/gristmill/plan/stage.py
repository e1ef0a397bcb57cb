"""Stages: what actually runs, after inputs are listed and jobs are joined where no shuffle lies between them.

The stage compiler makes them, the scheduler orders them, the coordinator hands a stage and one of its partitions to
a worker, and the kernel runs that. A job that reads another job adds no map stage of its own: its map runs at the
end of the other's tasks, as a further outlet.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.ids import ExchangeId, StageId
from gristmill.plan.exchange import Exchange
from gristmill.plan.fragment import Code, Fragment
from gristmill.plan.job import Output, RetryPolicy, Store
from gristmill.plan.source import FileSource, Split


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of splits of files, under the input's name."""

    input: str
    source: FileSource
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class ExchangeRead:
    """The rows that an exchange brings to a task, under the input's name."""

    input: str
    exchange: ExchangeId
    spec: Exchange


@dataclass(frozen=True, slots=True)
class SideScan:
    """A side input from files: every task reads all of it."""

    name: str
    source: FileSource
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A fragment with what it needs to be run and named: which job and input it belongs to, and its side inputs.

    ``sides`` come from files, ``side_reads`` from broadcast exchanges.
    """

    job: str
    input: str
    """The map of this input; empty: the job's reduce."""
    fragment: Fragment | None
    code: Code = Code()
    sides: tuple[SideScan, ...] = ()
    side_reads: tuple[ExchangeRead, ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangeWrite:
    """An outlet into an exchange: ``steps`` run over the stage's rows (in order), then the rows are partitioned."""

    exchange: ExchangeId
    spec: Exchange
    steps: tuple[Step, ...] = ()
    first_task: int = 0
    """Position of task 0 among all writers of the exchange, in (input, split) order."""


@dataclass(frozen=True, slots=True)
class SinkWrite:
    """An outlet into a job's outputs: one part for each task of the stage and output."""

    job: str
    outputs: tuple[Output, ...]
    steps: tuple[Step, ...] = ()
    first_part: int = 0
    """Number of the part that task 0 writes (a job without reduce over several inputs numbers them in order)."""


@dataclass(frozen=True, slots=True)
class HeldWrite:
    """An outlet into a job's outputs whose types are not known yet: Python and commands give what they like.

    Rows go to a HELD exchange for each output, as a SinkWrite would route them; the job's write stages make the parts
    once the types of all tasks are unified.
    """

    job: str
    outputs: tuple[Output, ...]
    spec: Exchange
    steps: tuple[Step, ...] = ()
    first_part: int = 0

    def exchange(self, output: str) -> ExchangeId:
        """The exchange that holds the rows of one output. No input has such a name."""
        return held_exchange(self.job, output)


def held_exchange(job: str, output: str) -> ExchangeId:
    """The exchange between a HeldWrite and the write stage of that output."""
    return ExchangeId(job, f"output:{output}")


Outlet = ExchangeWrite | SinkWrite | HeldWrite


@dataclass(frozen=True, slots=True)
class Stage:
    """All tasks that run the same work on different partitions.

    Exactly one of ``scan`` (a map stage: a task for each split) and ``reads`` (a reduce stage: a task for each
    partition of the exchanges) is set. ``body`` runs first; then each outlet gets its rows. ``volumes`` are those that
    a worker must have mounted to run any of the tasks, where not every worker has them (see also ``Split.volumes``).
    """

    id: StageId
    tasks: int
    body: Step
    outlets: tuple[Outlet, ...]
    scan: Scan | None = None
    reads: tuple[ExchangeRead, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    volumes: tuple[str, ...] = ()

    @property
    def exchanges_read(self) -> tuple[ExchangeId, ...]:
        """Every exchange that a task of this stage reads, side inputs of its steps included."""
        steps = (self.body, *(step for outlet in self.outlets for step in outlet.steps))
        sides = [read.exchange for step in steps for read in step.side_reads]
        return tuple(dict.fromkeys([*(read.exchange for read in self.reads), *sides]))

    @property
    def exchanges_written(self) -> tuple[ExchangeId, ...]:
        """Every exchange that a task of this stage writes."""
        return tuple(exchange for exchange, _, _ in self.writes)

    @property
    def writes(self) -> tuple[tuple[ExchangeId, Exchange, int], ...]:
        """Every exchange that a task of this stage writes, how, and the position of task 0 among all its writers."""
        found: list[tuple[ExchangeId, Exchange, int]] = []
        for outlet in self.outlets:
            if isinstance(outlet, ExchangeWrite):
                found.append((outlet.exchange, outlet.spec, outlet.first_task))
            elif isinstance(outlet, HeldWrite):
                found += [(outlet.exchange(each.name), outlet.spec, outlet.first_part) for each in outlet.outputs]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class StageGraph:
    """The stages of a chain, each after those whose exchanges it reads. ``result`` names the result's job."""

    stages: tuple[Stage, ...]
    result: str
    stores: tuple[Store, ...] = ()

    def stage(self, id_: StageId) -> Stage:
        """The stage of that id. Raises KeyError."""
        for stage in self.stages:
            if stage.id == id_:
                return stage
        raise KeyError(str(id_))

    def writers(self, exchange: ExchangeId) -> tuple[Stage, ...]:
        """The stages whose tasks write into that exchange, in input order."""
        return tuple(stage for stage in self.stages if exchange in stage.exchanges_written)
