"""An evenly spread sample of the sort keys of a sorted run, for choosing the bounds of ranges.

The writer of a RANGE run fills it; the sample travels in MapOutput; ``bounds`` reads it.
"""

from __future__ import annotations

import pyarrow as pa

from gristmill.plan.schema import SortKey
from gristmill.rows.ordering import key_table

ROWS_KEY = b"gristmill.rows"
"""Schema metadata of a sample: how many rows the run has."""

_MOST = 1000


class KeySample:
    """Every n-th key of the rows it is shown, in order; n doubles whenever there are more than 1,000."""

    def __init__(self, order: tuple[SortKey, ...]) -> None:
        self._order = order
        self._keys: pa.Table | None = None
        self._stride = 1
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> pa.Table:
        """Shows it further rows; gives the key of the first of them."""
        keys = key_table(batch, self._order)
        first = -self._rows % self._stride
        picked = keys.take(pa.array(range(first, keys.num_rows, self._stride), pa.int64()))
        self._keys = picked if self._keys is None else pa.concat_tables([self._keys, picked])
        self._rows += batch.num_rows
        while self._keys.num_rows > _MOST:
            self._stride *= 2
            self._keys = self._keys.take(pa.array(range(0, self._keys.num_rows, 2), pa.int64()))
        return keys.slice(0, 1)

    def stream(self) -> bytes:
        """The sample as an Arrow IPC stream; empty bytes for no rows."""
        if self._keys is None:
            return b""
        keys = self._keys.combine_chunks().replace_schema_metadata({ROWS_KEY: str(self._rows).encode()})
        return to_stream(keys)


def to_stream(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def from_stream(stream: bytes) -> pa.Table:
    """The inverse of ``to_stream``."""
    return pa.ipc.open_stream(stream).read_all()
