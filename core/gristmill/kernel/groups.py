"""Groups of equal keys out of rows that come sorted by them, as reduce functions get them.

``values`` is a one-pass iterator; what a function leaves unread is dropped. Keys are found once a batch, in Arrow, so
that grouping follows the engine's order (NULL is one group, NaN equals NaN) and not Python's equality.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from gristmill.kernel.records import is_pairs
from gristmill.kernel.values import rows_of, values_of
from gristmill.plan.schema import SortKey
from gristmill.rows.ordering import group_starts, key_column

_PAGE_ROWS = 32_768


class Tagged(NamedTuple):
    """A value of a reduce over several inputs: the input's name and the value."""

    input: str
    value: Any


class Groups(Protocol):
    """An iterator of (key, values) that knows which group is at hand."""

    number: int
    """Of the group at hand, from 0 in the partition."""
    key: Any

    @property
    def broken(self) -> BaseException | None:
        """What reading the rows raised, if it did."""
        ...

    def __iter__(self) -> Iterator[tuple[Any, Iterator[Any]]]: ...


@dataclass(slots=True)
class _Page:
    """Some rows: their values, where groups start, and the key of each start. ``starts[0]`` is above 0 where the first
    rows belong to the last group of the page before."""

    values: list[Any]
    starts: list[int]
    keys: list[Any]


class SortedGroups:
    """The groups of one input. ``keys`` are the columns that group; none: all rows are one group with the key None."""

    def __init__(self, batches: Iterable[pa.RecordBatch], keys: tuple[str, ...]) -> None:
        self._pages = self._read(batches, keys)
        self._page: _Page | None = None
        self.number = -1
        self.key: Any = None
        self.broken: BaseException | None = None

    def __iter__(self) -> Iterator[tuple[Any, Iterator[Any]]]:
        page = self._next_page()
        while page is not None:
            starts, values, keys = page.starts, page.values, page.keys
            for at in range(len(starts) - 1):
                self.number += 1
                self.key = keys[at]
                yield self.key, iter(values[starts[at] : starts[at + 1]])
            self.number += 1
            self.key = keys[-1]
            last = self._open_group(page)
            yield self.key, last
            for _ in last:
                pass
            page = self._page

    def _open_group(self, page: _Page) -> Iterator[Any]:
        """The values of a page's last group, which may go on in pages that follow; leaves the page after it."""
        self._page = None
        yield from page.values[page.starts[-1] :]
        while (following := self._next_page()) is not None:
            if not following.starts:
                yield from following.values
                continue
            self._page = following
            yield from following.values[: following.starts[0]]
            return

    def _next_page(self) -> _Page | None:
        try:
            return next(self._pages, None)
        except BaseException as error:
            self.broken = error
            raise

    def _read(self, batches: Iterable[pa.RecordBatch], keys: tuple[str, ...]) -> Iterator[_Page]:
        last: pa.RecordBatch | None = None
        for batch in batches:
            for at in range(0, batch.num_rows, _PAGE_ROWS):
                part = batch.slice(at, _PAGE_ROWS)
                starts = _starts(part, last, keys)
                yield _Page(_values(part), starts.tolist(), keys_of(part.take(pa.array(starts)), keys))
                last = part.slice(part.num_rows - 1)


def _starts(part: pa.RecordBatch, last: pa.RecordBatch | None, keys: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Where groups start in ``part``, which follows the row ``last``."""
    if not keys:
        return np.zeros(0 if last is not None else 1, dtype=np.int64)
    if last is None:
        return group_starts(part, keys)
    return group_starts(pa.Table.from_batches([last, part]), keys)[1:] - 1


def keys_of(rows: pa.RecordBatch, keys: tuple[str, ...]) -> list[Any]:
    """The key of each row: the column's value, a tuple of several columns' values, None without columns."""
    columns = [values_of(key_column(rows, key)[0]) for key in keys]
    if not columns:
        return [None] * rows.num_rows
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _values(rows: pa.RecordBatch) -> list[Any]:
    if is_pairs(rows.schema):
        return values_of(rows.column("value"))
    return rows_of(rows.columns, rows.schema.names) or [{} for _ in range(rows.num_rows)]


class MergedGroups:
    """The groups of several inputs as one: values are ``Tagged`` and come in the order of the inputs.

    All inputs are sorted by their own key columns, as ``terms`` says. A group that only ``broadcast`` inputs have is
    left out, since every partition has them.
    """

    def __init__(
        self, inputs: Sequence[tuple[str, SortedGroups]], terms: Sequence[KeyTerm], broadcast: frozenset[str]
    ) -> None:
        self._inputs = inputs
        self._terms = terms
        self._broadcast = broadcast
        self.number = -1
        self.key: Any = None

    @property
    def broken(self) -> BaseException | None:
        """See Groups."""
        return next((groups.broken for _, groups in self._inputs if groups.broken is not None), None)

    def __iter__(self) -> Iterator[tuple[Any, Iterator[Any]]]:
        heads = {name: _Head(iter(groups), self._terms) for name, groups in self._inputs}
        while True:
            waiting = {name: head for name, head in heads.items() if head.group is not None}
            if not waiting:
                return
            least = min(head.rank for head in waiting.values())
            taken = [(name, head) for name, head in waiting.items() if head.rank == least]
            if any(name not in self._broadcast for name, _ in taken):
                self.number += 1
                self.key = taken[0][1].key
                values = _tagged(taken)
                yield self.key, values
            for _, head in taken:
                head.advance()


def _tagged(taken: Sequence[tuple[str, _Head]]) -> Iterator[Tagged]:
    for name, head in taken:
        for value in head.values:
            yield Tagged(name, value)


class _Head:
    """The first group of an input that was not given yet."""

    def __init__(self, groups: Iterator[tuple[Any, Iterator[Any]]], terms: Sequence[KeyTerm]) -> None:
        self._groups = groups
        self._terms = terms
        self.advance()

    def advance(self) -> None:
        self.group = next(self._groups, None)
        ended: tuple[Any, Iterator[Any]] = (None, iter(()))
        self.key, self.values = self.group or ended
        self.rank = _rank(self.key, self._terms) if self.group is not None else ()


class KeyTerm(NamedTuple):
    """One term of the order of groups: which part of the key, and how it sorts."""

    part: int | None
    """Position in a key of several columns, None for a key of one."""
    sort: SortKey


def key_terms(keys: tuple[str, ...], order: Sequence[SortKey]) -> tuple[KeyTerm, ...]:
    """How groups by ``keys`` follow each other in rows sorted by ``order``."""
    if len(keys) == 1:
        return (KeyTerm(None, next((term for term in order if term.by == keys[0]), SortKey(keys[0]))),)
    return tuple(KeyTerm(keys.index(term.by), term) for term in order if term.by in keys)


def _rank(key: Any, terms: Sequence[KeyTerm]) -> tuple[Any, ...]:
    """What sorts as the engine sorts keys."""
    ranked: list[tuple[int, Any]] = []
    for part, sort in terms:
        value = key if part is None else key[part]
        if value is None:
            ranked.append((0 if sort.nulls_first else 2, 0))
        else:
            ranked.append((1, _Reversed(comparable(value)) if sort.desc else comparable(value)))
    return tuple(ranked)


def comparable(value: Any) -> Any:
    """A value that Python compares as the engine does: NaN greatest, NULL last, texts by code point."""
    match value:
        case None:
            return (2, 0)
        case float() if math.isnan(value):
            return (1, 0)
        case tuple() | list():
            return (0, [comparable(part) for part in value])
        case dict():
            return (0, [comparable(part) for part in value.values()])
        case _:
            return (0, value)


@dataclass(slots=True)
class _Reversed:
    value: Any

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)
