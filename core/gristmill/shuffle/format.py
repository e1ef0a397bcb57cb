"""The shuffle file: blocks of rows grouped by partition, and the index that says where each block lies.

::

    magic | schema message | block | block | ... | index | tail

A block is one encapsulated Arrow IPC record batch message (perhaps compressed), so any range of blocks can be read
with the schema message alone, and copied from file to file as it is. Rows may be in narrow forms (see ``narrow``).
The index is an Arrow IPC stream with one row for each block (partition, offset, length, rows, form, check; for a RANGE
run also the first sort key), its metadata holds what concerns the whole file: the forms of its blocks are schema
messages there. The tail is the index's offset, length and check, and the magic again. Every byte that is read is
covered by a 64-bit xxh3.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from gristmill.errors import StorageError
from gristmill.shuffle.narrow import bytes_saved, is_narrow, widened

MAGIC = b"GMSHUF2\n"
_TAIL = struct.Struct("<QQQ8s")
_INDEX = pa.schema(
    [
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
        pa.field("rows", pa.int64()),
        pa.field("memory", pa.int64()),
        pa.field("form", pa.int32()),
        pa.field("check", pa.uint64()),
    ]
)
_FIRST_KEY = "first_key"
_CONTENT = b"content"
_FORM = "form %d"
_SCHEMA_BYTES = b"schema_bytes"
_SCHEMA_CHECK = b"schema_check"
_END_OF_STREAM = 8


ReadRange = Callable[[int, int], pa.Buffer]
"""Gives the bytes of a file from an offset on, as many as asked for."""


class CorruptFile(Exception):
    """Bytes that are not what was written; readers turn it into LostBlock, which names the map output."""


def storage_error(error: OSError, path: Path) -> StorageError:
    """What a user is told when the disk refuses a file of the shuffle."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free some space there, or point GRISTMILL_LOCAL_DIR to a larger disk."
    else:
        remedy = "The scratch directory must exist and be writable."
    return StorageError(f"cannot write map output: {error.strerror or error}", place=str(path), remedy=remedy)


@dataclass(frozen=True, slots=True)
class Block:
    """Where one block lies, how many rows it holds, the bytes they take in memory, their form, and the block's xxh3."""

    partition: int
    offset: int
    length: int
    rows: int
    memory: int
    form: int
    """Which of the file's forms its rows have."""
    check: int


@dataclass(frozen=True, slots=True)
class Index:
    """What a shuffle file holds: ``table`` has a row for each block, in ascending order of partitions."""

    forms: tuple[pa.Schema, ...]
    """The schema of the rows, then the narrow forms of it that blocks have."""
    table: pa.Table
    content: str
    columns: tuple[npt.NDArray[np.integer[Any]], ...]
    """The fields of all blocks, one array for each field of Block."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of the rows."""
        return self.forms[0]

    def all_blocks(self) -> list[Block]:
        """Every block."""
        return self.blocks(0, self.table.num_rows)

    def blocks_of(self, partition: int) -> list[Block]:
        """The blocks of one partition."""
        partitions = self.columns[0]
        return self.blocks(int(partitions.searchsorted(partition)), int(partitions.searchsorted(partition, "right")))

    def blocks(self, start: int, end: int) -> list[Block]:
        """The blocks numbered ``start`` to ``end`` - 1."""
        fields = [column[start:end].tolist() for column in self.columns]
        return [Block(*row) for row in zip(*fields, strict=True)]

    @property
    def first_keys(self) -> pa.Table | None:
        """The sort key of each block's first row, for a RANGE run."""
        if _FIRST_KEY not in self.table.column_names:
            return None
        return pa.Table.from_struct_array(self.table.column(_FIRST_KEY))


class BlockWriter:
    """Appends blocks to a new shuffle file and ends it with the index."""

    def __init__(self, path: Path, schema: pa.Schema, compression: str | None) -> None:
        self._compression = compression
        self._forms = [schema]
        self._saved = [0]
        self._head = schema.serialize()
        self._file: BinaryIO = path.open("wb", buffering=1 << 20)
        self._file.write(MAGIC)
        self._file.write(self._head)
        self._at = len(MAGIC) + self._head.size
        self._blocks: list[Block] = []
        self._first_keys: list[pa.Table] = []

    @property
    def blocks(self) -> list[Block]:
        """The blocks written so far."""
        return self._blocks

    def append(self, partition: int, batch: pa.RecordBatch, first_key: pa.Table | None = None) -> None:
        """Writes one batch, wide or narrow, as one block of ``partition``. Raises OSError."""
        form = self._form(batch.schema)
        message = batch.serialize() if self._compression is None else _compressed(batch, self._compression)
        memory = batch.nbytes + batch.num_rows * self._saved[form]
        self._file.write(message)
        check = xxhash.xxh3_64_intdigest(message)
        self._blocks.append(Block(partition, self._at, message.size, batch.num_rows, memory, form, check))
        self._at += message.size
        if first_key is not None:
            self._first_keys.append(first_key)

    def _form(self, schema: pa.Schema) -> int:
        """The number of a form, the last one being the likeliest."""
        if not is_narrow(schema):
            return 0
        for number in range(len(self._forms) - 1, 0, -1):
            if schema.equals(self._forms[number], check_metadata=True):
                return number
        self._forms.append(schema)
        self._saved.append(bytes_saved(schema, self._forms[0]))
        return len(self._forms) - 1

    def finish(self, content: str) -> int:
        """Writes index and tail; gives the size of the file. Raises OSError."""
        index = self._index(content)
        self._file.write(index)
        self._file.write(_TAIL.pack(self._at, index.size, xxhash.xxh3_64_intdigest(index), MAGIC))
        self._file.close()
        size: int = self._at + index.size + _TAIL.size
        return size

    def close(self) -> None:
        """Gives the file up as it is."""
        self._file.close()

    def _index(self, content: str) -> pa.Buffer:
        columns = [[getattr(block, name) for block in self._blocks] for name in _INDEX.names]
        table = pa.table(
            [pa.array(column, kind.type) for column, kind in zip(columns, _INDEX, strict=True)], schema=_INDEX
        )
        if self._first_keys:
            keys = pa.concat_tables(self._first_keys).combine_chunks()
            rows = keys.to_struct_array().combine_chunks()
            table = table.append_column(pa.field(_FIRST_KEY, rows.type), rows)
        metadata: dict[bytes | str, bytes] = {
            _CONTENT: content.encode(),
            _SCHEMA_BYTES: str(self._head.size).encode(),
            _SCHEMA_CHECK: str(xxhash.xxh3_64_intdigest(self._head)).encode(),
            **{_FORM % number: form.serialize().to_pybytes() for number, form in enumerate(self._forms) if number},
        }
        table = table.replace_schema_metadata(metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return sink.getvalue()


def _compressed(batch: pa.RecordBatch, codec: str) -> pa.Buffer:
    """The message of a batch with compressed buffers: what stands between a stream's schema and its end."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as stream:
        stream.write_batch(batch)
    written = sink.getvalue()
    return written[batch.schema.serialize().size : written.size - _END_OF_STREAM]


def read_index(read: ReadRange, size: int) -> Index:
    """The index of a shuffle file of ``size`` bytes, in three reads. Raises CorruptFile."""
    if size < len(MAGIC) + _TAIL.size:
        raise CorruptFile(f"{size} bytes are too few")
    at, length, check, magic = _TAIL.unpack(read(size - _TAIL.size, _TAIL.size))
    if magic != MAGIC or at + length + _TAIL.size != size:
        raise CorruptFile("the tail is damaged or missing")
    written = read(at, length)
    if xxhash.xxh3_64_intdigest(written) != check:
        raise CorruptFile("the index fails its check")
    table = pa.ipc.open_stream(written).read_all()
    metadata = table.schema.metadata
    head = read(len(MAGIC), int(metadata[_SCHEMA_BYTES]))
    if xxhash.xxh3_64_intdigest(head) != int(metadata[_SCHEMA_CHECK]):
        raise CorruptFile("the schema fails its check")
    columns = tuple(table.column(field.name).to_numpy() for field in _INDEX)
    schema = pa.ipc.read_schema(head)
    return Index((schema, *_narrow_forms(metadata)), table, metadata[_CONTENT].decode(), columns)


def _narrow_forms(metadata: dict[bytes, bytes]) -> Iterator[pa.Schema]:
    for number in itertools.count(1):
        if (message := metadata.get((_FORM % number).encode())) is None:
            return
        yield pa.ipc.read_schema(pa.py_buffer(message))


class _KnownIndexes:
    """The indexes of the files that were read last: every reducer of a worker opens the same files."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[str, int, int, int], Index] = OrderedDict()
        self._changing = threading.Lock()

    def of(self, path: Path, status: os.stat_result, data: pa.Buffer) -> Index:
        """The index of the file at ``path``, which is mapped as ``data``. Raises CorruptFile."""
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        with self._changing:
            if (index := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return index
        # Copied, so that the file is not kept mapped.
        index = read_index(lambda offset, length: pa.py_buffer(data[offset : offset + length].to_pybytes()), data.size)
        with self._changing:
            if key not in self._known:
                self._known[key] = index
                self._bytes += index.table.nbytes
            while self._bytes > self._most_bytes:
                self._bytes -= self._known.popitem(last=False)[1].table.nbytes
        return index


_known_indexes = _KnownIndexes(16 << 20)


def decode_block(message: pa.Buffer, block: Block, forms: Sequence[pa.Schema]) -> pa.RecordBatch:
    """The rows of one block, in its form. Raises CorruptFile where its bytes fail their check."""
    if xxhash.xxh3_64_intdigest(message) != block.check:
        raise CorruptFile("a block fails its check")
    return pa.ipc.read_record_batch(message, forms[block.form])


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A shuffle file mapped into memory."""

    path: Path
    data: pa.Buffer
    index: Index

    @classmethod
    def open(cls, path: Path) -> OpenFile:
        """Maps the file. Raises OSError, CorruptFile."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            if status.st_size == 0:
                raise CorruptFile("the file is empty")
            # In an eighth of the time that pa.memory_map takes.
            data = pa.py_buffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)
        return cls(path, data, _known_indexes.of(path, status, data))

    def message(self, block: Block) -> pa.Buffer:
        """The bytes of a block, not copied."""
        return self.data[block.offset : block.offset + block.length]

    def encoded(self, block: Block) -> pa.RecordBatch:
        """The rows of a block, in its form. Raises CorruptFile."""
        return decode_block(self.message(block), block, self.index.forms)

    def rows(self, block: Block) -> pa.RecordBatch:
        """The rows of a block. Raises CorruptFile."""
        return widened(self.encoded(block), self.index.schema)

    def tables(self, partition: int) -> Iterator[pa.Table]:
        """The rows of one partition, block by block. Raises CorruptFile."""
        for block in self.index.blocks_of(partition):
            yield pa.Table.from_batches([self.rows(block)])

    def encoded_tables(self, partition: int) -> Iterator[pa.Table]:
        """As ``tables``, each block in its form. Raises CorruptFile."""
        for block in self.index.blocks_of(partition):
            yield pa.Table.from_batches([self.encoded(block)])
