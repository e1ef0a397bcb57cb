"""Rows on their way through one task: a stream of record batches of one schema, and a spool that keeps them.

Fragments take and give streams; the schema of a stream is known as soon as its first batch is, and every stream has
at least one batch, of no rows if need be. Logical types stand in the fields' metadata (see rows.carriers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
            yield from self._batches
        except BaseException as error:
            self.broken = error
            raise

    def reader(self) -> pa.RecordBatchReader:
        """The same as an Arrow reader."""
        return pa.RecordBatchReader.from_batches(self.arrow_schema, iter(self))


class Spool:
    """Rows kept to be read again: in memory up to ``memory_bytes``, then in an Arrow IPC file at ``path``.

    The file is memory-mapped when it is read, so its pages can be dropped by the system under pressure.
    """

    def __init__(self, path: Path, memory_bytes: int) -> None:
        self._path = path
        self._memory_bytes = memory_bytes
        self._kept: list[pa.RecordBatch] = []
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None
        self._bytes = 0
        self.bytes_spilled = 0

    def fill(self, stream: Stream) -> pa.Table:
        """Reads the whole stream and gives it as a table, whose data may lie in the mapped file."""
        self._schema = stream.arrow_schema
        for batch in stream:
            self._add(batch)
        if self._writer is None:
            return pa.Table.from_batches(self._kept, self._schema)
        self._writer.close()
        self.bytes_spilled = self._path.stat().st_size
        return pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()

    def _add(self, batch: pa.RecordBatch) -> None:
        if self._writer is not None:
            self._writer.write_batch(batch)
            return
        self._kept.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > self._memory_bytes:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pa.ipc.new_file(str(self._path), self._schema)
            for each in self._kept:
                self._writer.write_batch(each)
            self._kept.clear()

    def drop(self) -> None:
        """Removes the file, if there is one. Tables that were read from it stay valid."""
        self._path.unlink(missing_ok=True)
