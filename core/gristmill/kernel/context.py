"""What user functions see of the task around them: counters, side inputs, and where their prints go.

``gm.counter`` and ``gm.side`` end here. One task runs at a time in an executor, so the running task is a global of the
process: threads that a user function starts see it too.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral
from typing import Protocol
from weakref import WeakSet

import pyarrow as pa

from gristmill.errors import FragmentError

PRINTED_BYTES = 8 << 10
"""So much of the end of what user code prints stays in the task's result; all of it goes to the log."""

Sides = Mapping[str, Callable[[], pa.Table]]
"""Side inputs of one step: a name to what reads the table, once."""


class Printed(io.TextIOBase):
    """Stands in for stdout and stderr while user code runs: passes text on to the log and keeps the end of it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._tail = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._log(text)
        self._tail = (self._tail + text)[-PRINTED_BYTES:]
        return len(text)

    @property
    def tail(self) -> str:
        """The last ``PRINTED_BYTES`` characters written."""
        return self._tail


class HasRest(Protocol):
    """A loop over records that runs in C."""

    def drop_rest(self) -> None:
        """Leaves the loop nothing to go on with."""
        ...


class TaskContext:
    """Counters, side inputs and prints of the task that runs in this process.

    A user function may fork. The copy belongs to that one call of the function: ``loops`` are emptied in it, and what
    drives them ends the process when the function has returned.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self.counters: Counter[str] = Counter()
        self.sides: Sides = {}
        self.printed = Printed(log)
        self.loops: WeakSet[HasRest] = WeakSet()
        self._forked = False

    def end_if_forked(self) -> None:
        """Ends this process if it is a copy that a user function forked: it must not go on as a second executor."""
        if self._forked:
            os._exit(0)

    def become_copy(self) -> None:
        """Notes that this process is such a copy."""
        self._forked = True
        for loop in self.loops:
            loop.drop_rest()


_running: TaskContext | None = None


def _after_fork() -> None:
    if _running is not None:
        _running.become_copy()


os.register_at_fork(after_in_child=_after_fork)


def end_if_forked() -> None:
    """As the method, for the running task."""
    if _running is not None:
        _running.end_if_forked()


@contextlib.contextmanager
def running(context: TaskContext) -> Iterator[None]:
    """Makes ``context`` what ``counter`` and ``side`` mean, and catches what Python code prints."""
    global _running  # noqa: PLW0603
    _running = context
    try:
        with contextlib.redirect_stdout(context.printed), contextlib.redirect_stderr(context.printed):
            yield
    finally:
        _running = None


def counter(name: str, n: int = 1) -> None:
    """Adds ``n`` to the job's counter ``name``; the sum over all committed tasks is in the result.

    Outside a task, as in a unit test of the function that calls it, it does nothing. Raises FragmentError for what is
    no name or no whole number.
    """
    if not isinstance(name, str) or not isinstance(n, Integral):
        raise FragmentError(
            f"gm.counter({name!r}, {n!r}) counts nothing", remedy="It takes a name and a whole number, by default 1."
        )
    if _running is not None:
        _running.counters[name] += int(n)


def side(name: str) -> pa.Table:
    """The whole side input of that name. Raises FragmentError where the job has none, or outside a task."""
    if _running is None:
        raise FragmentError("gm.side() works only while a task runs", remedy="Pass the table to the function in tests.")
    read = _running.sides.get(name)
    if read is None:
        known = ", ".join(sorted(_running.sides)) or "none"
        raise FragmentError(f"this job has no side input {name!r}", remedy=f"Side inputs here: {known}.")
    return read()
