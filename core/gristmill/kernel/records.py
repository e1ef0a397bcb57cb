"""Records as map functions get them: keys and values in chunks, each chunk knowing the file and number of its records.

A record's name, in messages and in the list of records to skip, is (file, number): the file's URI, with ``@START`` for
a range that does not begin the file and whose records are numbered from that byte; for the rows of an upstream job
its name and ``#`` the task's partition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any

import pyarrow as pa

from gristmill.kernel.values import rows_of, values_of

PAIR_COLUMNS = ("key", "value")
_CHUNK_ROWS = 8192

LeftOut = Callable[[str, int], None]
"""Told the file and number of a record that was skipped."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one file. ``keys`` has a key for each; None: all have ``key``, with the record's number
    beside it where ``numbered``."""

    file: str
    first: int
    values: list[Any]
    key: object = None
    numbered: bool = False
    keys: list[Any] | None = None

    def key_iterator(self) -> Iterable[Any]:
        """The keys in order; may be endless."""
        if self.keys is not None:
            return self.keys
        return zip(repeat(self.key), count(self.first)) if self.numbered else repeat(self.key)

    def part(self, start: int, end: int) -> Chunk:
        """Records ``start`` to ``end`` (counted from the chunk's first) as a chunk."""
        keys = self.keys[start:end] if self.keys is not None else None
        return Chunk(self.file, self.first + start, self.values[start:end], self.key, self.numbered, keys)


def without(chunks: Iterable[Chunk], skip: frozenset[tuple[str, int]], left_out: LeftOut) -> Iterator[Chunk]:
    """The chunks without the records named in ``skip``; ``left_out`` is told of each."""
    for chunk in chunks:
        bad = sorted(n - chunk.first for file, n in skip if file == chunk.file)
        start = 0
        for at in bad:
            if start <= at < len(chunk.values):
                left_out(chunk.file, chunk.first + at)
                yield chunk.part(start, at)
                start = at + 1
        yield chunk.part(start, len(chunk.values)) if start else chunk


def is_pairs(schema: pa.Schema) -> bool:
    """Whether rows of this schema are pairs: exactly the columns ``key`` and ``value``."""
    return tuple(schema.names) == PAIR_COLUMNS


def row_chunks(batch: pa.RecordBatch, file: str, first: int, key: object, pairs: bool) -> Iterator[Chunk]:
    """The rows of a batch as records: pairs, or dicts keyed by (``key``, row number)."""
    for start in range(0, batch.num_rows, _CHUNK_ROWS):
        part = batch.slice(start, _CHUNK_ROWS)
        if pairs:
            yield Chunk(file, first + start, values_of(part.column("value")), keys=values_of(part.column("key")))
        else:
            rows = rows_of(part.columns, part.schema.names) or [{} for _ in range(part.num_rows)]
            yield Chunk(file, first + start, rows, key=key, numbered=True)


def stream_chunks(batches: Iterable[pa.RecordBatch], file: str, key: str) -> Iterator[Chunk]:
    """The rows of another job as records, numbered from 0 within the task that made them."""
    first = 0
    for batch in batches:
        yield from row_chunks(batch, file, first, key, is_pairs(batch.schema))
        first += batch.num_rows


class Routed:
    """A pair or row for one of a job's named outputs."""

    __slots__ = ("item", "output")

    def __init__(self, output: str, item: Any) -> None:
        self.output = output
        self.item = item

    def __repr__(self) -> str:
        return f"gm.to({self.output!r}, {self.item!r})"


def to(output_name: str, pair_or_row: Any) -> Routed:
    """Marks what a function yields for the job's output of that name; the rest goes to the first output."""
    return Routed(output_name, pair_or_row)
