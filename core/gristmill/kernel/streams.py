"""Rows on their way through one task: a stream of record batches of one schema, and a spool that keeps them.

Fragments take and give streams; the schema of a stream is known as soon as its first batch is, and every stream has
at least one batch, of no rows if need be. Logical types stand in the fields' metadata (see rows.carriers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa

from gristmill.plan.schema import Schema
from gristmill.rows.types import schema_of


class Stream:
    """Batches that can be read once. ``origin`` names where the rows come from, for messages."""

    def __init__(self, batches: Iterable[pa.RecordBatch], origin: str, schema: pa.Schema | None = None) -> None:
        self._batches = iter(batches)
        self._schema = schema
        self.origin = origin
        self.broken: BaseException | None = None
        """What making a batch raised: libraries that pull batches do not pass exceptions on as they are."""

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of the batches; makes the first batch if none was asked for yet."""
        if self._schema is None:
            first = next(self._batches)
            self._schema = first.schema
            self._batches = chain([first], self._batches)
        return self._schema

    @property
    def schema(self) -> Schema:
        """The logical types of the columns."""
        return schema_of(self.arrow_schema)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                if self._schema is None:
                    self._schema = batch.schema
                yield batch
        except BaseException as error:
            self.broken = error
            raise

    def reader(self) -> pa.RecordBatchReader:
        """The same as an Arrow reader."""
        return pa.RecordBatchReader.from_batches(self.arrow_schema, iter(self))


class Spool:
    """Rows kept to be read again: in memory up to ``memory_bytes``, then in an Arrow IPC file at ``path``.

    The file is memory-mapped when it is read, so its pages can be dropped by the system under pressure. ``spilled`` is
    told the bytes of the file.
    """

    def __init__(self, stream: Stream, path: Path, memory_bytes: int, spilled: Callable[[int], None]) -> None:
        self._stream = stream
        self._rest = iter(stream)
        self._path = path
        self._memory_bytes = memory_bytes
        self._spilled = spilled
        self._kept: list[pa.RecordBatch] = []

    def small(self) -> pa.Table | None:
        """All rows, if they fit in memory."""
        held = sum(batch.nbytes for batch in self._kept)
        for batch in self._rest:
            self._kept.append(batch)
            held += batch.nbytes
            if held > self._memory_bytes:
                return None
        return pa.Table.from_batches(self._kept, self._stream.arrow_schema)

    def table(self) -> pa.Table:
        """All rows, whose data may lie in the mapped file."""
        found = self.small()
        if found is not None:
            return found
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with pa.ipc.new_file(str(self._path), self._stream.arrow_schema) as writer:
            for batch in self.once():
                writer.write_batch(batch)
        self._spilled(self._path.stat().st_size)
        return pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()

    def once(self) -> Iterator[pa.RecordBatch]:
        """All rows, for one reading."""
        while self._kept:
            yield self._kept.pop(0)
        yield from self._rest
