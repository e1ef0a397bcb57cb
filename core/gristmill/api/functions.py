"""Turns what a caller passes as map, combine, reduce or partition into fragments of the plan."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from typing import Any

import cloudpickle

from gristmill.api.checks import SchemaLike, must_be, schema_of
from gristmill.errors import InvalidPlan
from gristmill.kernel.annotations import annotated_schema
from gristmill.plan.fragment import Calling, CommandFragment, Fragment, PythonFragment, PythonFunction, SqlFragment
from gristmill.plan.job import JobPlan
from gristmill.plan.schema import Schema

Work = Callable[..., Any] | Fragment
"""What a job takes as map, combine or reduce: a Python function, or ``sql_fragment(...)``, or ``command(...)``."""


def sql_fragment(sql: str) -> SqlFragment:
    """One SELECT in DuckDB's dialect over ``input`` (a map), or over the job's inputs by name (a reduce)."""
    must_be(sql, str, "SQL text", "gm.sql_fragment(...)")
    return SqlFragment(inspect.cleandoc(sql))


def command(argv: Sequence[str] | str, schema: SchemaLike = None) -> CommandFragment:
    """A program that reads records as JSON lines and writes some; ``schema`` declares the columns it writes."""
    place = "gm.command(...)"
    words = (argv,) if isinstance(argv, str) else argv
    must_be(words, (list, tuple), "a program with its arguments", place, 'as gm.command(["awk", "-f", "x.awk"])')
    for word in words:
        must_be(word, str, "a text", place, "each argument is one")
    return CommandFragment(tuple(words), schema_of(schema, place))


def fragment_of(work: Work | None, calling: Calling, place: str, schema: Schema | None = None) -> Fragment | None:
    """The fragment for ``work``, its function still live. Raises InvalidPlan for what is not callable."""
    if work is None or isinstance(work, SqlFragment | CommandFragment | PythonFragment):
        return work
    return PythonFragment(function_of(work, place), calling, schema or annotated_schema(work, calling))


def function_of(function: Callable[..., Any], place: str) -> PythonFunction:
    """The function as a job holds it until it runs."""
    if not callable(function):
        raise InvalidPlan(
            f"{type(function).__name__} is not a function",
            place=place,
            remedy="give a function, gm.sql_fragment(...) or gm.command(...)",
        )
    name = getattr(function, "__qualname__", type(function).__name__)
    entry = f"{getattr(function, '__module__', None) or '__main__'}:{name}"
    return LiveFunction(entry, None, function, place)


@dataclass(frozen=True, slots=True)
class LiveFunction(PythonFunction):
    """A function of this process, not sent yet: what its file defines further down is still to come."""

    function: Callable[..., Any] = print
    place: str = ""


def sendable(function: PythonFunction) -> PythonFunction:
    """The function as plans carry it: by value, with what it closes over. Raises InvalidPlan if that cannot be."""
    if not isinstance(function, LiveFunction):
        return function
    module = inspect.getmodule(function.function)
    if module is not None and module.__name__ != "__main__" and not _importable(module.__name__):
        cloudpickle.register_pickle_by_value(module)
    try:
        pickled = cloudpickle.dumps(function.function)
    except Exception as error:
        raise InvalidPlan(
            f"the function cannot be sent to workers: {error}",
            place=function.place,
            remedy="it closes over something that cannot be copied (a lock, a connection, a file); make it inside",
        ) from error
    return PythonFunction(function.entry, pickled)


def with_functions(job: JobPlan, change: Callable[[PythonFunction], PythonFunction]) -> JobPlan:
    """The job with each of its Python functions changed."""

    def changed(fragment: Fragment | None) -> Fragment | None:
        if isinstance(fragment, PythonFragment):
            return replace(fragment, function=change(fragment.function))
        return fragment

    return replace(
        job,
        inputs=tuple(replace(each, map=changed(each.map)) for each in job.inputs),
        combine=changed(job.combine),
        reduce=changed(job.reduce),
        partitioner=None if job.partitioner is None else change(job.partitioner),
    )


def _importable(name: str) -> bool:
    """Whether a worker, which gets the caller's ``sys.path``, finds the module by name.

    The finders are asked anew: ``importlib.util.find_spec`` would answer from the modules of this process, however
    they were loaded.
    """
    parts = name.split(".")
    spec = _found(parts[0], None)
    for end in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return False
        spec = _found(".".join(parts[:end]), list(spec.submodule_search_locations))
    if spec is None:
        return False
    loaded = sys.modules.get(name)
    return loaded is None or not spec.has_location or spec.origin == getattr(loaded, "__file__", None)


def _found(name: str, path: list[str] | None) -> ModuleSpec | None:
    specs = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def check_arguments(function: Work | None, place: str) -> None:
    """Raises InvalidPlan, before anything runs, for a Python function that cannot be called with two arguments."""
    if function is None or not callable(function):
        return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions written in C do not tell
        return
    try:
        signature.bind(None, None)
    except TypeError:
        raise InvalidPlan(
            f"the function takes ({', '.join(signature.parameters)}), it will be called with two arguments",
            place=place,
            remedy="a map is called with (key, value), combine and reduce with (key, values)",
        ) from None
