"""Jobs from files: a manifest (.yaml, .json) or a Python file that makes ``gm.Job`` objects."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import gristmill as gm
from gristmill.errors import FragmentError, InputError, InvalidPlan
from gristmill.plan.job import ChainPlan
from gristmill.plan.manifest import load_manifest
from gristmill.plan.problems import did_you_mean

MANIFEST_SUFFIXES = {".yaml", ".yml", ".json"}
_MODULE_NAME = "__job__"


def load(path: Path, name: str | None = None) -> ChainPlan:
    """The job that a file describes, with all jobs it reads.

    In a Python file it is the one called ``name``; without a name the variable ``job``, else the only job there is.
    Raises InputError for a file that cannot be read, InvalidPlan for one that holds no such job, FragmentError
    where its Python code fails.
    """
    if path.suffix == ".py":
        return _pick(_jobs(_module(path)), name, str(path)).chain()
    if path.suffix in MANIFEST_SUFFIXES:
        if name is not None:
            raise InvalidPlan("is for Python files", place="--job", remedy="A manifest runs as a whole: leave it out.")
        return load_manifest(text_of(path), str(path), path.parent)
    raise InvalidPlan("not a job", place=str(path), remedy="A job is a manifest (.yaml, .json) or a Python file (.py).")


def text_of(path: Path) -> str:
    """What the file holds. Raises InputError for one that cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"cannot be read: {reason}", place=str(path)) from None


def _module(path: Path) -> ModuleType:
    """The file run as a script is, its folder importable; like a script's, its functions travel to workers by value."""
    source = text_of(path)
    sys.path.insert(0, str(path.parent.resolve()))
    module = ModuleType(_MODULE_NAME)
    module.__file__ = str(path)
    sys.modules[_MODULE_NAME] = module
    try:
        exec(compile(source, path, "exec"), vars(module))
    except gm.GristmillError:
        raise
    except SyntaxError as error:
        raise FragmentError(error.msg, place=f"{path}:{error.lineno}") from error
    except (Exception, SystemExit) as error:
        raise FragmentError(f"{type(error).__name__}: {error}", place=_last_line(error, path)) from error
    return module


def _last_line(error: BaseException, path: Path) -> str:
    """Where in the user's file the error came up."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}:{line}" if line else str(path)


def _jobs(module: ModuleType) -> dict[str, gm.Job]:
    return {name: value for name, value in vars(module).items() if isinstance(value, gm.Job)}


def _pick(jobs: dict[str, gm.Job], name: str | None, place: str) -> gm.Job:
    if name is not None:
        by_name = {job.name: job for job in jobs.values()} | jobs
        if name not in by_name:
            raise InvalidPlan(f"there is no job {name}", place=place, remedy=did_you_mean(name, by_name))
        return by_name[name]
    if "job" in jobs:
        return jobs["job"]
    if len(jobs) == 1:
        return next(iter(jobs.values()))
    if not jobs:
        raise InvalidPlan("defines no job", place=place, remedy="Make one: job = gm.Job(...)")
    raise InvalidPlan(
        f"defines {len(jobs)} jobs: {', '.join(jobs)}", place=place, remedy="Name the one to run: --job NAME"
    )
