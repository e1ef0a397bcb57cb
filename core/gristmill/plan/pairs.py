"""Which rows are pairs: the columns ``key`` and ``value`` that functions of the MapReduce paper's kind give.

The manifest's loader and the Python API ask, to know the key of an input that names none.
"""

from __future__ import annotations

from collections.abc import Mapping

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import Calling, Fragment, PythonFragment
from gristmill.plan.job import JobInput, JobPlan
from gristmill.plan.source import FileSource, Format, Source

PAIR_KEY = ("key",)


def default_key(job: JobPlan, input_: JobInput, jobs: Mapping[str, JobPlan]) -> tuple[str, ...]:
    """The key of an input that names none: ``("key",)`` where its rows are pairs and the job partitions by key.

    ``jobs`` are the chain's by name; keys that inputs of ``job`` already have do not count.
    """
    if job.reduce is None and job.partitions is None and not job.sort:
        return ()
    if job.reduce is None and job.sort and job.partition not in (ExchangeKind.HASH, ExchangeKind.CUSTOM):
        return ()
    if input_.exchange is ExchangeKind.BROADCAST:
        return ()
    return PAIR_KEY if _maps_to_pairs(input_.map, input_.source, jobs, frozenset({job.name})) else ()


def _maps_to_pairs(map_: Fragment | None, source: Source, jobs: Mapping[str, JobPlan], readers: frozenset[str]) -> bool:
    if map_ is not None:
        return isinstance(map_, PythonFragment) and map_.calling is Calling.PAIRS
    if isinstance(source, FileSource):
        return source.format in (Format.PAIRS, Format.TEXT)
    if source.job not in jobs or source.job in readers:
        return False
    return gives_pairs(jobs[source.job], jobs, readers | {source.job})


def gives_pairs(job: JobPlan, jobs: Mapping[str, JobPlan], readers: frozenset[str] = frozenset()) -> bool:
    """Whether the rows of ``job`` are pairs; ``jobs`` are the chain's by name, ``readers`` those on the way to it."""
    if job.reduce is not None:
        return isinstance(job.reduce, PythonFragment) and job.reduce.calling is Calling.PAIRS
    return all(_maps_to_pairs(input_.map, input_.source, jobs, readers) for input_ in job.inputs)
