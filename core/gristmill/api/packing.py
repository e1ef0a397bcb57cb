"""Packs the source of a chain's Python functions, so that the plan names them instead of carrying pickles.

The file of each function travels, with the modules beside it that it imports. Source runs on any Python version and can
be read in a manifest; pickles are for workers of the caller's own kind.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from gristmill.api.functions import with_functions
from gristmill.api.modules import module_name, source_files
from gristmill.errors import InvalidPlan
from gristmill.plan.fragment import CodeFile, PythonFunction
from gristmill.plan.job import ChainPlan, JobPlan


def with_source(chain: ChainPlan) -> ChainPlan:
    """The chain with its functions named ``module:function`` and their files inline.

    Raises InvalidPlan for a function that no file has at its top level.
    """
    return replace(chain, jobs=tuple(_packed(job) for job in chain.jobs))


def _packed(job: JobPlan) -> JobPlan:
    files: dict[str, Path] = {}

    def named(function: PythonFunction) -> PythonFunction:
        if function.pickled is None:
            return function
        file = _file(function, job.name).resolve()
        for path, source in source_files(file).items():
            if files.setdefault(path, source) != source:
                reason = f"{files[path]} and {source} would both be {path}"
                raise InvalidPlan(reason, place=f"job {job.name!r}", remedy="rename one of them")
        return PythonFunction(f"{module_name(file)}:{function.entry.partition(':')[2]}")

    packed = with_functions(job, named)
    inline = tuple(CodeFile(path, source.read_text(encoding="utf-8")) for path, source in files.items())
    return replace(packed, code=replace(job.code, inline=(*job.code.inline, *inline))) if inline else packed


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
