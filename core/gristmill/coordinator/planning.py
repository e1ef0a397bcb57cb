"""Planning: a chain as the user asked for it becomes stages, with inputs listed, and a tier to run in.

Called before anything runs, by runs and by EXPLAIN alike. All that listings and footers can tell to be wrong is told
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from gristmill.errors import InvalidPlan
from gristmill.plan.compile import compile_chain
from gristmill.plan.fragment import CommandFragment, PythonFragment, SqlFragment
from gristmill.plan.job import ChainPlan, JobPlan
from gristmill.plan.source import FileSource, Source
from gristmill.plan.stage import StageGraph
from gristmill.plan.validate import validate
from gristmill.rows.declared import check_types
from gristmill.storage.filesystem import is_near
from gristmill.storage.packing import SPLIT_BYTES, coarser
from gristmill.storage.splits import PlannedInput, plan_input
from gristmill.storage.stores import Stores
from gristmill.units import bytes_text

INLINE_SQL_BYTES = 32 << 20
INLINE_CODE_BYTES = 8 << 20
"""Inputs up to these sizes are done in the calling process: sooner than worker processes have started. Python
functions and commands are slower per byte than SQL, so their bound is lower."""

WHOLE_OF_MEMORY = 4
"""A query runs whole where it reads at most so many times the memory: what it has to hold of that is less, and DuckDB
spills as well as workers on the same machine do."""

_PLANNERS = 8


class Tier(StrEnum):
    """Where a chain runs."""

    WHOLE = "whole, in this process"
    INLINE = "in this process"
    EMBEDDED = "worker processes on this machine"
    POOL = "pods of a pool"


@dataclass(frozen=True, slots=True)
class PlannedChain:
    """A chain that is ready to run. ``why`` says in a few words why the tier is what it is."""

    chain: ChainPlan
    graph: StageGraph
    inputs: dict[tuple[str, str], PlannedInput]
    tier: Tier
    why: str

    @property
    def bytes_(self) -> int:
        """The size of all input files."""
        return sum(planned.bytes_ for planned in self.inputs.values())


def plan_for_pool(
    chain: ChainPlan, stores: Stores, pool: str, known: Mapping[FileSource, PlannedInput]
) -> PlannedChain:
    """As ``plan_chain``, for the pods of that pool: whatever the size, nothing runs in this process."""
    return replace(plan_chain(chain, stores, force_distributed=True, known=known), tier=Tier.POOL, why=pool)


def plan_chain(
    chain: ChainPlan,
    stores: Stores,
    *,
    force_distributed: bool = False,
    known: Mapping[FileSource, PlannedInput] = MappingProxyType({}),
) -> PlannedChain:
    """Lists the inputs, but for those that are ``known`` already, makes splits and stages, and picks the tier.

    Raises InvalidPlan, InputError or StorageError, each naming the job and input.
    """
    validate(chain)
    _check_declared(chain)
    in_memory = _in_memory(chain)
    if in_memory and force_distributed:
        raise InvalidPlan(
            "memory:// is this process's memory, which workers cannot reach",
            place=in_memory,
            remedy="Run it without force_distributed (--force-distributed), or use files.",
        )
    inputs = _plan_inputs(chain, stores, known)
    listed = replace(chain, jobs=tuple(_with_sources(job, inputs) for job in chain.jobs))
    graph = compile_chain(listed, {name: planned.splits for name, planned in inputs.items()})
    tier, why = _tier(listed, inputs, force_distributed=force_distributed)
    return PlannedChain(listed, graph, inputs, tier, why)


def _check_declared(chain: ChainPlan) -> None:
    """Raises InvalidPlan for a declared type that there is not: of inputs, and of what fragments give."""
    for job in chain.jobs:
        place = f"job {job.name}"
        sources = [(each.name, each.source) for each in job.inputs]
        for name, source in (*sources, *((side.name, side.source) for side in job.side_inputs)):
            if isinstance(source, FileSource) and source.schema is not None:
                check_types(source.schema, f"{place}, schema of input {name}")
        fragments = [(f"map of {each.name}", each.map) for each in job.inputs]
        for name, fragment in (*fragments, ("reduce", job.reduce)):
            if isinstance(fragment, PythonFragment | CommandFragment) and fragment.schema is not None:
                check_types(fragment.schema, f"{place}, schema of its {name}")


def whole_tier(bytes_: int, memory_bytes: int, *, parquet: bool) -> tuple[bool, str]:
    """Whether a query that reads so many (uncompressed) bytes runs whole, in the calling process, and why.

    Other formats than Parquet are parsed on one thread there, so worker processes pay sooner.
    """
    limit, what = INLINE_SQL_BYTES, f"{bytes_text(INLINE_SQL_BYTES)} of other formats than Parquet"
    size = f"{bytes_text(bytes_)} to read"
    if parquet:
        limit, what = WHOLE_OF_MEMORY * memory_bytes, f"{WHOLE_OF_MEMORY} times {bytes_text(memory_bytes)} of memory"
    if bytes_ <= limit:
        return True, f"{size}, at most {what}"
    return False, f"{size}, more than {what}"


def _plan_inputs(
    chain: ChainPlan, stores: Stores, known: Mapping[FileSource, PlannedInput]
) -> dict[tuple[str, str], PlannedInput]:
    """Lists each different source once, many at a time where that means waiting."""
    wanted = {(job.name, name): source for job in chain.jobs for name, source in _file_sources(job)}
    planned = {source: found for source in wanted.values() if (found := _of_known(source, known)) is not None}
    places: dict[FileSource, str] = {}
    for (job_name, name), source in wanted.items():
        if source not in planned:
            places.setdefault(source, f"input {name!r} of job {job_name!r}")
    if len(places) == 1 or all(is_near(uri) for source in places for uri in source.uris):
        planned |= {source: plan_input(source, stores, place) for source, place in places.items()}
    elif places:
        with ThreadPoolExecutor(_PLANNERS) as pool:
            results = pool.map(lambda item: plan_input(item[0], stores, item[1]), places.items())
            planned |= dict(zip(places, results, strict=True))
    return {name: planned[source] for name, source in wanted.items()}


def _of_known(source: FileSource, known: Mapping[FileSource, PlannedInput]) -> PlannedInput | None:
    """What is known of a source, be it in smaller splits, which are then put together."""
    if source in known or source.split_bytes is None or source.split_bytes < SPLIT_BYTES:
        return known.get(source)
    fine = known.get(replace(source, split_bytes=None))
    if fine is None:
        return None
    listed = replace(fine.source, split_bytes=source.split_bytes)
    return replace(fine, source=listed, splits=coarser(fine.splits, source.split_bytes))


def _file_sources(job: JobPlan) -> Iterator[tuple[str, FileSource]]:
    sources: Iterable[tuple[str, Source]] = (
        *((each.name, each.source) for each in job.inputs),
        *((each.name, each.source) for each in job.side_inputs),
    )
    return ((name, source) for name, source in sources if isinstance(source, FileSource))


def _with_sources(job: JobPlan, inputs: dict[tuple[str, str], PlannedInput]) -> JobPlan:
    """The job reading what was listed: absolute URIs and known schemas."""
    planned = {name: found.source for (owner, name), found in inputs.items() if owner == job.name}
    return replace(
        job,
        inputs=tuple(replace(each, source=planned.get(each.name, each.source)) for each in job.inputs),
        side_inputs=tuple(replace(each, source=planned.get(each.name, each.source)) for each in job.side_inputs),
    )


def _tier(
    chain: ChainPlan, inputs: dict[tuple[str, str], PlannedInput], *, force_distributed: bool
) -> tuple[Tier, str]:
    if force_distributed:
        return Tier.EMBEDDED, "asked for"
    if _in_memory(chain):
        return Tier.INLINE, "memory:// can be reached in this process only"
    bytes_ = sum(planned.bytes_ for planned in inputs.values())
    limit = INLINE_SQL_BYTES if all(_is_sql(job) for job in chain.jobs) else INLINE_CODE_BYTES
    size = f"{bytes_text(bytes_)} of input"
    if bytes_ <= limit:
        return Tier.INLINE, f"{size}, at most {limit >> 20} MiB"
    return Tier.EMBEDDED, f"{size}, more than {limit >> 20} MiB"


def _in_memory(chain: ChainPlan) -> str:
    """The first input or output of the chain that lies in this process's memory; empty if none does."""
    for job in chain.jobs:
        uris = (*(uri for _, source in _file_sources(job) for uri in source.uris), *(each.uri for each in job.outputs))
        for uri in uris:
            if uri.startswith("memory://"):
                return f"{uri} of job {job.name!r}"
    return ""


def _is_sql(job: JobPlan) -> bool:
    fragments = (*(each.map for each in job.inputs), job.combine, job.reduce)
    return all(fragment is None or isinstance(fragment, SqlFragment) for fragment in fragments)
