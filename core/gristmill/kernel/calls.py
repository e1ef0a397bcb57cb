"""Calls of user functions over records and over groups, as one long iterator of what they yield.

The loop over records runs in C (``chain`` over ``map``), so a record costs the user's function and little else. What
failed, and on which record, is worked out only when something did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, starmap
from operator import length_hint
from typing import Any, Protocol

from gristmill.errors import FragmentError, GristmillError, TypeConflict
from gristmill.kernel.context import Sides, TaskContext
from gristmill.kernel.groups import Groups
from gristmill.kernel.records import PAIR_COLUMNS, Chunk, LeftOut, Routed
from gristmill.kernel.user_code import blamed, in_user_code

NOTHING = object()
"""Stands for no item at hand."""


class Calls(Protocol):
    """One user function over all records (or groups) of a task."""

    results: Iterator[Any]
    """Everything that the function yields, in record order. Raises whatever the function raises."""

    def failure(self, error: BaseException, expected: str, item: object = NOTHING) -> GristmillError:
        """The error to show for an exception that came out of ``results`` or out of taking ``item`` apart."""
        ...

    def begin_slice(self) -> None:
        """Says that what ``results`` gives from here on is one slice, in which ``locate`` looks."""
        ...

    def locate(self, column: str, value: object) -> TypeConflict:
        """A TypeConflict, without reason yet, about the record of this slice that yielded ``value`` in ``column``."""
        ...

    def end_if_forked(self) -> None:
        """See TaskContext."""
        ...


def short(value: object) -> str:
    """``repr`` cut to a length that fits a message."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the repr is the user's code too
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


class MapCalls:
    """A map function over chunks of records. ``name`` is the function's name for messages."""

    def __init__(
        self, function: Callable[..., Any], name: str, chunks: Iterable[Chunk], context: TaskContext, sides: Sides
    ) -> None:
        self.function = function
        self._name = name
        self._context = context
        self._sides = sides
        self._chunks = iter(chunks)
        self._chunk: Chunk | None = None
        self.left: Iterator[Any] = iter(())
        """The values at hand that the function has not been called with yet; taking one moves on to its record."""
        self._broken: BaseException | None = None
        self._slice: list[Chunk] = []
        self.results: Iterator[Any] = chain.from_iterable(chain.from_iterable(self._over_all()))
        self.end_if_forked = context.end_if_forked
        context.loops.add(self)

    def drop_rest(self) -> None:
        """See HasRest."""
        deque(self.left, maxlen=0)

    def _over_all(self) -> Iterator[Iterator[Any]]:
        while (chunk := self._next()) is not None:
            self._enter(chunk)
            self._slice.append(chunk)
            yield map(self.function, chunk.key_iterator(), self.left)

    def parts(self, records: Callable[[], int]) -> Iterator[Chunk]:
        """The records in chunks of at most ``records()``, for a caller that calls ``function`` on ``left`` itself."""
        while (chunk := self._next()) is not None:
            start = 0
            while start < len(chunk.values):
                part = chunk.part(start, start + records())
                start += len(part.values)
                self._enter(part)
                self._slice = [part]
                yield part

    def _enter(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self.left = iter(chunk.values)
        self._context.sides = self._sides

    def _next(self) -> Chunk | None:
        self.end_if_forked()
        try:
            return next(self._chunks, None)
        except BaseException as error:
            self._broken = error
            raise

    def record(self) -> tuple[str, int]:
        """File and number of the record that was passed to the function last."""
        if self._chunk is None:
            return "", 0
        taken = len(self._chunk.values) - length_hint(self.left)
        return self._chunk.file, self._chunk.first + max(taken - 1, 0)

    def _place(self, file: str, number: int) -> str:
        return f"{file}, record {number}, {self._name}"

    def failure(self, error: BaseException, expected: str, item: object = NOTHING) -> GristmillError:
        """See Calls."""
        if error is self._broken:
            raise error
        file, number = self.record()
        if not in_user_code(error):
            error = misused(error, expected, item)
        return blamed(error, self._place(file, number), file=file, record=number)

    def begin_slice(self) -> None:
        """See Calls."""
        if self._chunk is None:
            return
        taken = len(self._chunk.values) - length_hint(self.left)
        self._slice = [self._chunk.part(max(taken - 1, 0), len(self._chunk.values))]

    def locate(self, column: str, value: object) -> TypeConflict:
        """See Calls. Runs the function again over the records of the slice, which it was given just now."""
        file, number = self._search(column, value) or self.record()
        return TypeConflict("", place=self._place(file, number), file=file, record=number)

    def _search(self, column: str, value: object) -> tuple[str, int] | None:
        """The record that gives ``value`` again; of values that equal nothing, the first of their type."""
        alike: tuple[str, int] | None = None
        try:
            for record, item in self._slice_again():
                given = _part(item, column)
                if type(given) is type(value):
                    if given == value:
                        return record
                    alike = alike or record
        except Exception:  # noqa: BLE001 - it did not raise the first time; then the record is not found
            return None
        return alike

    def _slice_again(self) -> Iterator[tuple[tuple[str, int], Any]]:
        for chunk in self._slice:
            records = zip(chunk.key_iterator(), chunk.values, strict=False)
            for number, (key, value) in enumerate(records, chunk.first):
                for item in self.function(key, value):
                    yield (chunk.file, number), item


class ReduceCalls:
    """A reduce function over the groups of a task's partition. The record of an error is (``file``, group number)."""

    def __init__(
        self, function: Callable[..., Any], name: str, groups: Groups, file: str, context: TaskContext, sides: Sides
    ) -> None:
        self._name = name
        self._groups = groups
        self._file = file
        self._skip: frozenset[tuple[str, int]] = frozenset()
        self._left_out: LeftOut = lambda file, number: None
        context.sides = sides
        self.results: Iterator[Any] = chain.from_iterable(starmap(function, self._wanted()))
        self.end_if_forked = context.end_if_forked

    def leave_out(self, skip: frozenset[tuple[str, int]], left_out: LeftOut) -> None:
        """Passes over the groups named in ``skip``, and tells ``left_out`` of each."""
        self._skip, self._left_out = skip, left_out

    def _wanted(self) -> Iterator[tuple[Any, Iterator[Any]]]:
        for group in self._groups:
            if (self._file, self._groups.number) in self._skip:
                self._left_out(self._file, self._groups.number)
            else:
                yield group
                self.end_if_forked()

    def _place(self) -> str:
        return f"{self._file}, group {self._groups.number} (key {short(self._groups.key)}), {self._name}"

    def failure(self, error: BaseException, expected: str, item: object = NOTHING) -> GristmillError:
        """See Calls."""
        if error is self._groups.broken:
            raise error
        if not in_user_code(error):
            error = misused(error, expected, item)
        return blamed(error, self._place(), file=self._file, record=self._groups.number)

    def begin_slice(self) -> None:
        """See Calls. Groups cannot be read again, so nothing is kept."""

    def locate(self, column: str, value: object) -> TypeConflict:
        """See Calls. The group is that of the slice's end, so it names no record to leave out."""
        return TypeConflict("", place=f"{self._file}, up to group {self._groups.number}, {self._name}")


def _part(item: Any, column: str) -> Any:
    """What a yielded row or pair has in a column."""
    if isinstance(item, Routed):
        item = item.item
    return item.get(column) if isinstance(item, dict) else item[PAIR_COLUMNS.index(column)]


def misused(error: BaseException, expected: str, item: object) -> BaseException:
    """The error for a function that gave the wrong thing: nothing to iterate over, or an item that is not a pair."""
    if item is not NOTHING:
        return FragmentError(f"it gave {short(item)} ({type(item).__name__})", remedy=f"Expected {expected}.")
    if isinstance(error, TypeError) and str(error).endswith("object is not iterable"):
        kind = str(error).split("'")[1]
        given = "nothing (None)" if kind == "NoneType" else f"a single {kind}"
        return FragmentError(f"it returned {given}", remedy=f"Expected {expected}: yield them, or return a list.")
    return error
