"""Jobs and chains: what a user asked for, before inputs are listed. Immutable; compare, print and serialise.

A job is one map -> shuffle -> reduce; a chain is the DAG of jobs that a query or workflow became.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gristmill.plan.cluster import ClusterOptions
from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import Code, Fragment, PythonFunction
from gristmill.plan.schema import SortKey
from gristmill.plan.source import Format, Source


class OutputMode(StrEnum):
    """What to do when the output prefix already holds a result."""

    ERROR = "error"
    OVERWRITE = "overwrite"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a job's rows go: one part for each reduce partition.

    ``name`` is empty for a job's only output; of several, a Python fragment picks one by yielding
    ``gm.to(name, row)``. ``partition_by`` names columns that become Hive-style folders. ``compression`` is the
    format's own name for a codec; empty: the format's default.
    """

    uri: str
    name: str = ""
    format: Format = Format.PARQUET
    mode: OutputMode = OutputMode.ERROR
    compression: str = ""
    partition_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobInput:
    """One named input of a job, with its own map and key.

    ``map`` None is the identity. ``key`` names the columns (of what the map gives) that partition and group; pairs
    have ``("key",)``. ``exchange`` None: the job's. A BROADCAST input goes whole to every reducer.
    ``note`` is a word for EXPLAIN on why the input goes the way it does.
    """

    name: str
    source: Source
    map: Fragment | None = None
    key: tuple[str, ...] = ()
    exchange: ExchangeKind | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SideInput:
    """A small table that every task of the job sees whole, under this name. From files, or from another job."""

    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one task may fail for each cause before the job fails; losses of workers cost nothing."""

    errors: int = 4
    oom: int = 4
    timeouts: int = 3
    task_timeout_s: float | None = None
    skip_records: int = 0
    """So many records that always fail may be left out, each named in the quarantine output."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job.

    ``reduce`` None with ``partitions`` None and no keys: map only, one part per split in input order; otherwise
    None is the identity over rows in order. ``combine`` is reduce applied early; ``partition`` with
    ``partitioner`` picks the exchange, ``sort`` orders rows in each partition after the keys (a secondary sort)
    unless it names the keys itself. ``partitions`` None: from the size of the inputs.
    ``single_reason``: why this job runs in one reducer though it was not asked to, shown by EXPLAIN.
    """

    name: str
    inputs: tuple[JobInput, ...]
    reduce: Fragment | None = None
    combine: Fragment | None = None
    partition: ExchangeKind = ExchangeKind.HASH
    partitioner: PythonFunction | None = None
    hash: HashName = HashName.GM1
    partitions: int | None = None
    sort: tuple[SortKey, ...] = ()
    side_inputs: tuple[SideInput, ...] = ()
    outputs: tuple[Output, ...] = ()
    code: Code = Code()
    retry: RetryPolicy = RetryPolicy()
    scratch: str = ""
    deadline_s: float | None = None
    note: str = ""
    single_reason: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    cluster: ClusterOptions = ClusterOptions()

    @property
    def map_only(self) -> bool:
        """Whether the job has no shuffle at all."""
        return self.reduce is None and self.partitions is None and not self.sort and not any(i.key for i in self.inputs)


@dataclass(frozen=True, slots=True)
class Store:
    """How to reach a bucket; credentials never stand in a plan, only where they come from."""

    prefix: str
    endpoint: str = ""
    region: str = ""
    path_style: bool = False
    anonymous: bool = False
    secret: str = ""


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """The jobs of a query or workflow in an order in which each comes after those it reads.

    ``result`` names the job whose rows the caller gets; empty: the last.
    """

    jobs: tuple[JobPlan, ...]
    result: str = ""
    stores: tuple[Store, ...] = field(default=())
    scratch: str = ""

    @property
    def result_job(self) -> JobPlan:
        """The job whose rows are the chain's result."""
        return self.job(self.result) if self.result else self.jobs[-1]

    def job(self, name: str) -> JobPlan:
        """The job of that name. Raises KeyError."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise KeyError(name)
