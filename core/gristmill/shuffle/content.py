"""A checksum over the content of rows, the same however they were batched, spilled and compressed.

The writer feeds it all rows as they come, or every partition's rows in their order; equal rows in equal order give
equal text. The coordinator compares it when a map runs again: another text means that the map is not deterministic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.rows.buffers import fixed_values, is_bytes, null_mask, text_buffers


class ContentDigest:
    """Collects the rows of each partition, a batch at a time, in the order of the partition's rows."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._partitions: dict[int, _PartitionDigest] = {}

    def update(self, partition: int, batch: pa.RecordBatch) -> None:
        """Adds rows of the digest's schema to what ``partition`` holds so far."""
        if partition not in self._partitions:
            self._partitions[partition] = _PartitionDigest()
        self._partitions[partition].update(batch)

    def text(self) -> str:
        """The checksum, as hexadecimal digits."""
        total = xxhash.xxh3_128(self._schema.serialize())
        for partition, digest in sorted(self._partitions.items()):
            total.update(f"{partition}:{digest.rows}:{digest.text()};".encode())
        return str(total.hexdigest())


class _PartitionDigest:
    """One running hash for each leaf of each column."""

    def __init__(self) -> None:
        self.rows = 0
        self._leaves: dict[str, tuple[int, xxhash.xxh3_64]] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        for at, column in enumerate(batch.columns):
            self._add(str(at), column)
        self.rows += batch.num_rows

    def text(self) -> str:
        return ",".join(f"{path}={digest.hexdigest()}" for path, (_, digest) in sorted(self._leaves.items()))

    def _add(self, path: str, column: pa.Array) -> None:
        before, digest = self._leaf(path)
        self._leaves[path] = (before + len(column), digest)
        missing = null_mask(column)
        if missing is not None:
            self._leaf(f"{path}?")[1].update((np.flatnonzero(missing) + before).tobytes())
        self._add_values(path, column, digest)

    def _leaf(self, path: str) -> tuple[int, xxhash.xxh3_64]:
        return self._leaves.setdefault(path, (0, xxhash.xxh3_64()))

    def _add_values(self, path: str, column: pa.Array, digest: xxhash.xxh3_64) -> None:
        kind = column.type
        if pa.types.is_null(kind):
            return
        if pa.types.is_struct(kind):
            for at in range(kind.num_fields):
                self._add(f"{path}.{at}", pc.struct_field(column, at))
        elif pa.types.is_union(kind):
            digest.update(np.asarray(column.type_codes).tobytes())
            for at in range(kind.num_fields):
                self._add(f"{path}.{at}", column.field(at))
        elif pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            self._add_lists(path, column, digest)
        elif is_bytes(kind):
            self._add_text(path, column, digest)
        else:
            digest.update(_value_bytes(column))

    def _add_text(self, path: str, column: pa.Array, digest: xxhash.xxh3_64) -> None:
        if column.null_count:
            column = column.fill_null(b"" if pa.types.is_binary(column.type) else "")
        starts, lengths, data = text_buffers(column)
        self._leaf(f"{path}#")[1].update(_memory(lengths.astype(np.int32)))
        if len(starts):
            digest.update(_memory(data[starts[0] : starts[-1] + lengths[-1]]))

    def _add_lists(self, path: str, column: pa.Array, digest: xxhash.xxh3_64) -> None:
        if pa.types.is_map(column.type):
            entries = pa.struct([column.type.key_field, column.type.item_field])
            column = column.cast(pa.list_(entries))
        digest.update(_memory(pc.list_value_length(column).fill_null(0).cast(pa.int64()).to_numpy()))
        self._add(f"{path}[]", column.flatten())


def _value_bytes(column: pa.Array) -> memoryview:
    kind = column.type
    if pa.types.is_boolean(kind):
        return _memory(pc.cast(column, pa.uint8()).fill_null(0).to_numpy())
    if kind.bit_width > 64:
        return _wide_values(column)
    values = fixed_values(column)
    missing = null_mask(column)
    return _memory(values if missing is None else np.where(missing, values.dtype.type(0), values))


def _wide_values(column: pa.Array) -> memoryview:
    if len(column) == 0:
        return memoryview(b"")
    pairs = np.frombuffer(column.buffers()[1], np.uint64, 2 * len(column), column.offset * 16).reshape(-1, 2)
    missing = null_mask(column)
    return _memory(pairs if missing is None else np.where(missing[:, None], np.uint64(0), pairs))


def _memory(values: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
