"""``gm.Job``: one map -> shuffle -> reduce as a Python value, and the chain that jobs form by reading each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gristmill.api.checks import SchemaLike, columns, key_columns, must_be, schema_of, seconds, stores_of, whole_number
from gristmill.api.functions import Work, check_arguments, fragment_of, function_of, sendable, with_functions
from gristmill.api.packing import with_source
from gristmill.api.sources import Input
from gristmill.errors import InvalidPlan
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import Calling, Fragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output, OutputMode, RetryPolicy, SideInput, Store
from gristmill.plan.manifest import dump_manifest
from gristmill.plan.pairs import default_key
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import SortKey
from gristmill.plan.source import FileSource, Format, JobSource
from gristmill.plan.validate import validate


def asc(by: str, *, nulls_first: bool = False) -> SortKey:
    """Sort by this column (or dotted path, as ``value.hour``), smallest first."""
    return SortKey(by, nulls_first=nulls_first)


def desc(by: str, *, nulls_first: bool = False) -> SortKey:
    """Sort by this column (or dotted path), greatest first; NULLs last unless asked otherwise."""
    return SortKey(by, desc=True, nulls_first=nulls_first)


def output(
    uri: str,
    *,
    format: str = "parquet",
    mode: str = "error",
    compression: str = "",
    partition_by: Sequence[str] = (),
) -> Output:
    """Where rows go, and how: format parquet, csv, json, text or arrow; mode error, overwrite or append."""
    must_be(uri, (str, Path), "a URI", "gm.output(...)")
    if not str(uri):
        raise InvalidPlan("the URI is empty", place="gm.output(...)", remedy="Name a folder.")
    place = f"output {uri}"
    for name, given, known in (("format", format, list(Format)), ("mode", mode, list(OutputMode))):
        if given not in known:
            raise InvalidPlan(f"there is no {name} {given!r}", place=place, remedy=did_you_mean(str(given), known))
    keys = columns(partition_by, "partition_by", place)
    return Output(str(uri), "", Format(format), OutputMode(mode), compression, keys)


class Job:
    """One MapReduce job.

    ``input`` is an input (``gm.text(...)``, ``gm.parquet(...)``, another Job, …) or several by name, each with its own
    map and key; ``map`` is for those without one. ``map(key, value)``, ``combine(key, values)`` and
    ``reduce(key, values)`` yield (key, value) pairs; with ``rows=True`` the last of them yields dicts.
    ``map_batches`` and ``reduce_batches`` take and give Arrow record batches. All of them may be SQL text
    (``gm.sql_fragment``) or programs (``gm.command``) instead. No ``reduce``: rows are only mapped, or, with keys,
    sort or partitions, brought together in order.

    ``partition`` is ``"hash"``, ``"range"`` (parts in total order), ``"single"`` or a function
    ``f(key, partitions) -> int``. ``sort`` orders the rows of each partition after their key. ``side`` names small
    tables that every task gets whole (``gm.side(name)``). ``output`` is a URI or ``gm.output(...)``; ``outputs`` names
    several. ``schema`` declares the columns of the result, ``map_schema`` those of the map.

    Nothing runs and nothing is read before ``gm.run``. Raises InvalidPlan for what could never run.
    """

    def __init__(
        self,
        name: str,
        *,
        input: Input | Job | Mapping[str, Input | Job],
        map: Work | None = None,
        combine: Work | None = None,
        reduce: Work | None = None,
        map_batches: Work | None = None,
        reduce_batches: Work | None = None,
        rows: bool = False,
        key: Sequence[str] = (),
        partitions: int | None = None,
        partition: str | Callable[[Any, int], int] = "hash",
        sort: Sequence[str | SortKey] = (),
        side: Mapping[str, Input | Job] | None = None,
        output: str | Output | None = None,
        outputs: Mapping[str, str | Output] | None = None,
        schema: SchemaLike = None,
        map_schema: SchemaLike = None,
        skip_records: int = 0,
        task_timeout_s: float | None = None,
        deadline_s: float | None = None,
        scratch: str = "",
        stores: Sequence[Store] = (),
    ) -> None:
        must_be(name, str, "a name", "gm.Job(...)", 'as gm.Job("wordcount", ...)')
        self.name = name
        self.stores = stores_of(stores, self._place)
        whole_number(partitions, "partitions", self._place)
        whole_number(skip_records, "skip_records", self._place)
        seconds(task_timeout_s, "task_timeout_s", self._place)
        seconds(deadline_s, "deadline_s", self._place)
        must_be(scratch, str, "a URI", f"{self._place}, scratch")
        self._upstream: dict[str, Job] = {}
        pairs_or_rows = Calling.ROWS if rows else Calling.PAIRS
        map_calling = pairs_or_rows if reduce is None and reduce_batches is None else Calling.PAIRS
        kind, partitioner = self._partitioning(partition)
        mapped = _one_of(map, map_batches, map_calling, f"map of {self._place}", schema_of(map_schema, self._place))
        self._plan = self._with_default_keys(
            JobPlan(
                name=name,
                inputs=self._inputs(input, mapped, key_columns(key, self._place), map_calling),
                combine=self._combine(combine),
                reduce=_one_of(
                    reduce, reduce_batches, pairs_or_rows, f"reduce of {self._place}", schema_of(schema, self._place)
                ),
                partition=kind,
                partitioner=partitioner,
                partitions=partitions,
                sort=_sort_keys(sort, self._place),
                side_inputs=self._sides(side or {}),
                outputs=_outputs(output, outputs, self._place),
                retry=RetryPolicy(skip_records=skip_records, task_timeout_s=task_timeout_s),
                scratch=scratch,
                deadline_s=deadline_s,
            )
        )

    @property
    def plan(self) -> JobPlan:
        """The job as an immutable value, without the jobs it reads. Functions are copied now, as they are now."""
        return with_functions(self._plan, sendable)

    def chain(self) -> ChainPlan:
        """The job and all it reads, directly or not, in an order in which they can run. Raises InvalidPlan."""
        jobs = self._jobs()
        stores = dict.fromkeys(store for job in jobs.values() for store in job.stores)
        chain = ChainPlan(tuple(job.plan for job in jobs.values()), self.name, tuple(stores))
        validate(chain)
        return chain

    def explain(self) -> str:
        """The chain, its stages and exchanges as text. Lists the inputs, reads no rows."""
        from gristmill.api.run import explain_chain

        return explain_chain(self.chain())

    def manifest(self) -> str:
        """The chain as YAML that ``gristmill run`` and ``kubectl apply`` take.

        Functions must stand at the top level of a file, which travels along as source; raises InvalidPlan naming one
        that does not (a lambda, a closure).
        """
        return dump_manifest(with_source(self.chain()))

    def __repr__(self) -> str:
        return f"gm.Job({self.name!r})"

    @property
    def _place(self) -> str:
        """The job, in messages."""
        return f"job {self.name!r}"

    def _inputs(
        self,
        given: Input | Job | Mapping[str, Input | Job],
        default_map: Fragment | None,
        default_key: tuple[str, ...],
        calling: Calling,
    ) -> tuple[JobInput, ...]:
        return tuple(
            self._input(name, source, default_map, default_key, calling) for name, source in self._named(given).items()
        )

    def _combine(self, combine: Work | None) -> Fragment | None:
        place = f"combine of {self._place}"
        check_arguments(combine, place)
        return fragment_of(combine, Calling.PAIRS, place)

    def _sides(self, given: Mapping[str, Input | Job]) -> tuple[SideInput, ...]:
        must_be(given, Mapping, "a dict of inputs by name", f"{self._place}, side inputs")
        return tuple(SideInput(name, self._source(source)) for name, source in self._named(given).items())

    def _with_default_keys(self, plan: JobPlan) -> JobPlan:
        """The plan, each input with the key that it has where it names none."""
        jobs = {name: job._plan for name, job in self._jobs().items() if job is not self}
        keyed = (replace(each, key=each.key or default_key(plan, each, jobs)) for each in plan.inputs)
        return replace(plan, inputs=tuple(keyed))

    def _named(self, given: Input | Job | Mapping[str, Input | Job]) -> dict[str, Input | Job]:
        named = dict(given) if isinstance(given, Mapping) else {"input": given}
        for name, each in named.items():
            must_be(name, str, "the name of an input", self._place)
            if not isinstance(each, Input | Job):
                raise InvalidPlan(
                    f"{type(each).__name__} is not an input",
                    place=self._place,
                    remedy="give gm.text(...), gm.parquet(...), …, another job, or a dict of them by name",
                )
        return named

    def _source(self, given: Input | Job) -> FileSource | JobSource:
        source = given.source if isinstance(given, Input) else given
        if isinstance(source, Job):
            if self._upstream.setdefault(source.name, source) is not source:
                raise _same_name(source.name)
            return JobSource(source.name)
        return source

    def _input(
        self,
        name: str,
        given: Input | Job,
        default_map: Fragment | None,
        key: tuple[str, ...],
        calling: Calling,
    ) -> JobInput:
        input_ = given if isinstance(given, Input) else Input(given)
        place = f"map of input {name!r} of {self._place}"
        own = _one_of(input_.map, input_.map_batches, calling, place, None)
        return JobInput(name, self._source(given), own or default_map, input_.key or key, input_.exchange)

    def _partitioning(self, partition: str | Callable[[Any, int], int]) -> tuple[ExchangeKind, Any]:
        if callable(partition):
            return ExchangeKind.CUSTOM, function_of(partition, f"partition of {self._place}")
        known = {"hash": ExchangeKind.HASH, "range": ExchangeKind.RANGE, "single": ExchangeKind.SINGLE}
        if partition not in known:
            raise InvalidPlan(
                f"there is no partition {partition!r}",
                place=self._place,
                remedy=f"use {', '.join(map(repr, known))}, or a function f(key, partitions) -> int",
            )
        return known[partition], None

    def _jobs(self) -> dict[str, Job]:
        """This job and all that it reads, directly or not, each after those that it reads."""
        found: dict[str, Job] = {}
        entered: set[int] = set()
        pending = [self]
        while pending:
            job = pending[-1]
            if id(job) not in entered:
                entered.add(id(job))
                pending += reversed(job._upstream.values())
            elif found.setdefault(job.name, pending.pop()) is not job:
                raise _same_name(job.name)
        return found


def _sort_keys(given: Sequence[str | SortKey], place: str) -> tuple[SortKey, ...]:
    terms = columns(given, "sort", place)
    for term in terms:
        must_be(
            term, (str, SortKey), "a column to sort by", f"{place}, sort", 'give "column", gm.asc(...) or gm.desc(...)'
        )
    return tuple(SortKey(term) if isinstance(term, str) else term for term in terms)


def _same_name(name: str) -> InvalidPlan:
    return InvalidPlan(f"two different jobs are named {name!r}", place="chain", remedy="rename one of them")


def _one_of(work: Work | None, batches: Work | None, calling: Calling, place: str, schema: Any) -> Fragment | None:
    if work is not None and batches is not None:
        raise InvalidPlan("both the record and the batch form are given", place=place, remedy="give one of them")
    if batches is not None:
        return fragment_of(batches, Calling.BATCHES, place, schema)
    check_arguments(work, place)
    return fragment_of(work, calling, place, schema)


def _outputs(one: str | Output | None, several: Mapping[str, str | Output] | None, place: str) -> tuple[Output, ...]:
    if one is not None and several:
        raise InvalidPlan("both output and outputs are given", place=place, remedy="give one of them")
    if one is not None:
        return (_output(one, place),)
    named = {} if several is None else several
    must_be(named, Mapping, "a dict of outputs by name", f"{place}, outputs")
    return tuple(replace(_output(each, place), name=name) for name, each in named.items())


def _output(given: str | Output, place: str) -> Output:
    must_be(given, (str, Path, Output), "an output", place, "give a URI or gm.output(...)")
    return given if isinstance(given, Output) else output(str(given))
