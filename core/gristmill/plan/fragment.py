"""Fragments: the work inside one task, as a value.

A fragment says what to run over named inputs; how is the kernel's business. A map fragment sees its rows as
``input`` (and under the input's own name), a reduce fragment sees every input under its name (and as ``input``
where there is only one); both see side inputs under theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.plan.schema import Schema


class Calling(StrEnum):
    """How a Python function is called and what it gives."""

    PAIRS = "pairs"
    """``f(key, value)`` or ``f(key, values)``, yielding (key, value) pairs: columns ``key`` and ``value``."""
    ROWS = "rows"
    """The same arguments, yielding dicts: one column for each key of the dicts."""
    BATCHES = "batches"
    """A map is called with one ``pyarrow.RecordBatch`` at a time, a reduce with an iterator of the partition's
    batches in key order (several inputs: as keyword arguments by name); both give a batch, a table, or yield them."""


@dataclass(frozen=True, slots=True)
class PythonFunction:
    """A function of the user: by name in the job's code, or as a pickle by value.

    ``entry`` is ``module:qualname``; with a ``pickled`` (cloudpickle bytes, for lambdas, closures and callers of
    the API in the same Python version) it is the name that messages use.
    """

    entry: str
    pickled: bytes | None = None


@dataclass(frozen=True, slots=True)
class PythonFragment:
    """A Python function over records, or over Arrow record batches. ``schema`` is what it gives, where declared."""

    function: PythonFunction
    calling: Calling = Calling.PAIRS
    schema: Schema | None = None


TASK_VARIABLE = "gristmill_task"
"""What ``getvariable`` gives in SQL: a text that each task has another of, at every try the same."""


@dataclass(frozen=True, slots=True)
class SqlFragment:
    """One SELECT in DuckDB's dialect over the fragment's named inputs."""

    sql: str


@dataclass(frozen=True, slots=True)
class CommandFragment:
    """A program in any language: records as JSON lines on stdin and stdout. ``schema`` is what it gives."""

    argv: tuple[str, ...]
    schema: Schema | None = None


Fragment = PythonFragment | SqlFragment | CommandFragment


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A source file that travels with a job; ``path`` is relative, with forward slashes."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """The user's source for a job's Python and command fragments: at most one of the ways is used.

    ``inline`` carries the text, ``local`` names files beside the manifest (for ``run`` and ``submit`` only),
    ``config_map``, ``uri`` (with ``sha256``) and ``image`` point to it.
    """

    inline: tuple[CodeFile, ...] = ()
    local: tuple[str, ...] = ()
    config_map: str = ""
    uri: str = ""
    sha256: str = ""
    image: str = ""
    requirements: tuple[str, ...] = ()
