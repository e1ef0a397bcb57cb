"""Packs the source of a chain's Python functions, so that the plan names them instead of carrying pickles.

Source runs on any Python version and can be read in a manifest; pickles are for workers of the caller's own kind.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from gristmill.api.functions import with_functions
from gristmill.errors import InvalidPlan
from gristmill.plan.fragment import CodeFile, PythonFunction
from gristmill.plan.job import ChainPlan, JobPlan


def with_source(chain: ChainPlan) -> ChainPlan:
    """The chain with its functions named ``module:function`` and their files inline.

    Raises InvalidPlan for a function that no file has at its top level.
    """
    return replace(chain, jobs=tuple(_packed(job) for job in chain.jobs))


def _packed(job: JobPlan) -> JobPlan:
    files: dict[Path, None] = {}

    def named(function: PythonFunction) -> PythonFunction:
        if function.pickled is None:
            return function
        file = _file(function, job.name)
        files[file] = None
        return PythonFunction(f"{file.stem}:{function.entry.partition(':')[2]}")

    packed = with_functions(job, named)
    inline = tuple(CodeFile(file.name, file.read_text(encoding="utf-8")) for file in files)
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
