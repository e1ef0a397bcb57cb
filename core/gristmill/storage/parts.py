"""Parts: what one task writes for one output, staged so that no reader sees it before the commit.

The kernel makes a ``PartWriter`` for each output of a task, writes batches, and hands the pending parts on to the
coordinator, whose commit makes them visible or drops them.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.errors import GristmillError, InvalidPlan
from gristmill.plan.job import Output
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Schema
from gristmill.plan.source import Format
from gristmill.plan.task import PendingPart
from gristmill.rows.types import cast_table
from gristmill.storage import layout
from gristmill.storage.encoders import Encoder, encoder_for, rows_per_group
from gristmill.storage.filesystem import StagedFile, canonical, join
from gristmill.storage.listing import hive_folder
from gristmill.storage.stores import Stores

_BUFFERED_BYTES = 256 << 20
_FLUSH_BYTES = 1 << 20
_LONGEST_KEY = 1024
_HASHES: dict[str, Callable[[], Any]] = {"sha256": hashlib.sha256, "xxh3": xxhash.xxh3_128}


class PartWriter:
    """Writes the part (with ``partition_by`` the parts) of one reduce partition.

    ``schema`` is that of the batches, which come in its ``arrow_schema``; ``keys`` names the key columns, the first
    of which gives the range in the manifest. Raises InvalidPlan for options that the format does not have,
    StorageError where the store refuses.
    """

    def __init__(
        self,
        job: str,
        output: Output,
        partition: int,
        commit: str,
        schema: Schema,
        stores: Stores,
        *,
        keys: tuple[str, ...] = (),
    ) -> None:
        self._job = job
        self._output = output
        self._partition = partition
        self._commit = commit
        self._keys = keys
        self._schema = schema
        self._uri = canonical(output.uri).rstrip("/")
        self._stored = _without(schema, output)
        self._filesystem = stores.filesystem(self._uri).metered()
        self._open: dict[str, _PartFile] = {}

    @property
    def bytes_written(self) -> int:
        """Bytes given to the store so far."""
        return self._filesystem.usage.bytes_written

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        table = cast_table(pa.Table.from_batches([batch]), self._schema)
        if not self._output.partition_by:
            self._file("").write(table)
            return
        for folder, rows in _by_folder(table, self._output.partition_by):
            self._file(folder).write(rows.select([c.name for c in self._stored]))
        while sum(file.buffered_bytes for file in self._open.values()) > _BUFFERED_BYTES:
            max(self._open.values(), key=lambda file: file.buffered_bytes).flush_block()

    def finish(self) -> tuple[PendingPart, ...]:
        """End all files; they stay invisible. Without rows: one part with schema and no rows (none if partitioned)."""
        if not self._output.partition_by:
            self._file("")
        return tuple(self._pending(folder, self._open[folder]) for folder in sorted(self._open))

    def abort(self) -> None:
        """Drop everything that was written."""
        for file in self._open.values():
            file.abort()
        self._open.clear()

    def _file(self, folder: str) -> _PartFile:
        if folder not in self._open:
            self._open[folder] = self._new_file(folder)
        return self._open[folder]

    def _new_file(self, folder: str) -> _PartFile:
        make, codec = encoder_for(self._output.format, self._output.compression, self._stored, self._uri)
        name = layout.part_name(self._partition, self._commit, self._output.format, codec)
        uri = join(self._uri, folder, name) if folder else join(self._uri, name)
        staged = self._filesystem.stage(uri, layout.staging(self._uri, self._commit))
        sink = _HashingSink(staged, "xxh3" if self._output.format is Format.ARROW else "sha256")
        try:
            grouped = self._output.format in (Format.PARQUET, Format.PAIRS)
            return _PartFile(uri, sink, make(cast(IO[bytes], sink)), grouped, self._stored, self._keys)
        except GristmillError:
            sink.abort()
            raise

    def _pending(self, folder: str, file: _PartFile) -> PendingPart:
        staged = file.finish()
        return PendingPart(
            job=self._job,
            output=self._output.name,
            partition=self._partition,
            uri=file.uri,
            staged=staged,
            rows=file.rows,
            bytes_=file.sink.bytes_,
            checksum=file.sink.checksum,
            key_min=_as_json(file.key_min),
            key_max=_as_json(file.key_max),
            schema=self._schema,
            folder=folder,
        )


class _PartFile:
    """One file being written: cuts rows into blocks that do not depend on how they arrive."""

    def __init__(
        self, uri: str, sink: _HashingSink, encoder: Encoder, grouped: bool, schema: Schema, keys: tuple[str, ...]
    ) -> None:
        self.uri = uri
        self.sink = sink
        self.rows = 0
        self.key_min: Any = None
        self.key_max: Any = None
        self.buffered_bytes = 0
        self._encoder = encoder
        self._grouped = grouped
        self._block_rows = 0 if grouped else encoder.rows_per_block
        self._key = keys[0] if keys and keys[0] in {c.name for c in schema} else None
        self._kept: list[pa.Table] = []
        self._kept_rows = 0

    def write(self, table: pa.Table) -> None:
        self._note_key(table)
        self.rows += table.num_rows
        self._kept.append(table)
        self._kept_rows += table.num_rows
        self.buffered_bytes += table.nbytes
        if not self._block_rows and self._kept_rows >= 4096:
            self._block_rows = rows_per_group(pa.concat_tables(self._kept))
        while self._block_rows and self._kept_rows >= self._block_rows:
            self._write_rows(self._block_rows)

    def flush_block(self) -> None:
        """Write what is kept as a short block: bounds memory where one task fills very many folders."""
        self._write_rows(self._kept_rows)

    def finish(self) -> str:
        if self._kept_rows:
            self._write_rows(self._kept_rows)
        self._encoder.close()
        return self.sink.finish()

    def abort(self) -> None:
        self.sink.abort()

    def _write_rows(self, rows: int) -> None:
        table = pa.concat_tables(self._kept)
        self._encoder.write(table.slice(0, rows))
        rest = table.slice(rows)
        self._kept = [rest] if rest.num_rows else []
        self._kept_rows = rest.num_rows
        self.buffered_bytes = rest.nbytes

    def _note_key(self, table: pa.Table) -> None:
        if self._key is None or not table.num_rows:
            return
        column = table.column(self._key)
        try:
            low, high = cast(Any, pc.min_max(column)).values()
        except pa.ArrowNotImplementedError:
            self._key = None
            return
        for value in (low.as_py(), high.as_py()):
            if value is not None and not (isinstance(value, float) and math.isnan(value)):
                self.key_min = value if self.key_min is None else min(self.key_min, value)
                self.key_max = value if self.key_max is None else max(self.key_max, value)


class _HashingSink(io.RawIOBase):
    """Collects small writes, counts and hashes them, and passes them on to the staged file."""

    def __init__(self, staged: StagedFile, hash_name: str) -> None:
        self.bytes_ = 0
        self._staged = staged
        self._hash_name = hash_name
        self._hash = _HASHES[hash_name]()
        self._buffer = bytearray()

    @property
    def checksum(self) -> str:
        return f"{self._hash_name}:{self._hash.hexdigest()}"

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.bytes_ += len(view)
        if len(view) >= _FLUSH_BYTES:
            self._pass_on()
            self._hash.update(view)
            self._staged.write(view)
        else:
            self._buffer += view
            if len(self._buffer) >= _FLUSH_BYTES:
                self._pass_on()
        return len(view)

    def tell(self) -> int:
        return self.bytes_

    def finish(self) -> str:
        self._pass_on()
        return self._staged.finish()

    def abort(self) -> None:
        self._staged.abort()

    def _pass_on(self) -> None:
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            self._hash.update(data)
            self._staged.write(data)


def _without(schema: Schema, output: Output) -> Schema:
    """The columns that files hold: all but those that became folders."""
    names = [column.name for column in schema]
    for name in output.partition_by:
        if name not in names:
            raise InvalidPlan(
                f"partition_by names {name!r}, which the rows do not have",
                place=output.uri,
                remedy=did_you_mean(name, names),
            )
    stored = tuple(column for column in schema if column.name not in output.partition_by)
    if not stored:
        raise InvalidPlan("partition_by names every column: none is left for the files", place=output.uri)
    return stored


def _by_folder(table: pa.Table, columns: tuple[str, ...]) -> list[tuple[str, pa.Table]]:
    """The rows of each Hive folder, in their order; folders in order of first appearance."""
    texts = [pc.cast(table.column(name), pa.string()) for name in columns]
    keyed = pa.table({**{str(i): text for i, text in enumerate(texts)}, "row": pa.array(range(table.num_rows))})
    found = keyed.group_by([str(i) for i in range(len(columns))], use_threads=False).aggregate([("row", "list")])
    groups = []
    for group in found.to_pylist():
        values = [group[str(i)] for i in range(len(columns))]
        folder = "/".join(hive_folder(name, value) for name, value in zip(columns, values, strict=True))
        groups.append((folder, table.take(group["row_list"])))
    return groups


def _as_json(value: Any) -> str | None:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return None if value is None or len(text) > _LONGEST_KEY else text
