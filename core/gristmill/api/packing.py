"""Packs the source of a chain's Python functions, so that the plan names them instead of carrying pickles.

Source runs on any Python version and can be read in a manifest; pickles are for workers of the caller's own kind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gristmill.errors import InvalidPlan
from gristmill.plan.fragment import Code, CodeFile, Fragment, PythonFragment, PythonFunction
from gristmill.plan.job import ChainPlan, JobPlan


def with_source(chain: ChainPlan) -> ChainPlan:
    """The chain with its functions named ``module:function`` and their files inline.

    Raises InvalidPlan for a function that no file has at its top level.
    """
    return replace(chain, jobs=tuple(_packed(job) for job in chain.jobs))


def _packed(job: JobPlan) -> JobPlan:
    functions = [function for function in _functions(job) if function.pickled is not None]
    if not functions:
        return job
    files = dict.fromkeys(_file(function, job.name) for function in functions)
    inline = tuple(CodeFile(file.name, file.read_text(encoding="utf-8")) for file in files)
    return replace(
        job,
        inputs=tuple(replace(each, map=_named(each.map)) for each in job.inputs),
        combine=_named(job.combine),
        reduce=_named(job.reduce),
        partitioner=None if job.partitioner is None else _function(job.partitioner),
        code=replace(job.code or Code(), inline=(*job.code.inline, *inline)),
    )


def _functions(job: JobPlan) -> Iterator[PythonFunction]:
    for fragment in (*(each.map for each in job.inputs), job.combine, job.reduce):
        if isinstance(fragment, PythonFragment):
            yield fragment.function
    if job.partitioner is not None:
        yield job.partitioner


def _file(function: PythonFunction, job: str) -> Path:
    """The file that defines the function at its top level."""
    module_name, _, qualname = function.entry.partition(":")
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file is None or not qualname.isidentifier():
        raise InvalidPlan(
            f"function {function.entry} cannot be named in a manifest",
            place=f"job {job!r}",
            remedy="define it with a name at the top level of a file",
        )
    return Path(file)


def _named(fragment: Fragment | None) -> Fragment | None:
    if isinstance(fragment, PythonFragment):
        return replace(fragment, function=_function(fragment.function))
    return fragment


def _function(function: PythonFunction) -> PythonFunction:
    if function.pickled is None:
        return function
    module_name, _, name = function.entry.partition(":")
    return PythonFunction(f"{Path(str(sys.modules[module_name].__file__)).stem}:{name}")
