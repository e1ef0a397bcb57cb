"""Which partition of the file each row goes to, and a buffer of rows grouped (and sorted, and combined) by that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.errors import FragmentError, InvalidPlan
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.rows.hashing import PartitionIds, partition_ids
from gristmill.rows.ordering import sort_indices
from gristmill.shuffle.merge import Combine, in_order
from gristmill.shuffle.narrow import narrowed

PartitionOf = Callable[[pa.RecordBatch], npt.NDArray[np.integer[Any]]]

_TAKEN_BYTES = 8 << 20
_PARTITIONED = (ExchangeKind.HASH, ExchangeKind.CUSTOM)


class Grouping:
    """Cuts tables of rows into those of each partition, as one exchange wants it.

    ``partition_of`` gives the partition of each row of a batch for a CUSTOM exchange.
    """

    def __init__(self, spec: Exchange, combine: Combine | None, partition_of: PartitionOf | None) -> None:
        if spec.kind is ExchangeKind.CUSTOM and partition_of is None:
            raise InvalidPlan("a CUSTOM exchange without its partitioner")
        self.spec = spec
        self.combine = combine
        self._partition_of = partition_of
        self.partitions = spec.partitions if spec.kind in _PARTITIONED else 1

    @property
    def whole_buffers(self) -> bool:
        """Whether rows are best grouped a whole buffer at a time: they are sorted or combined."""
        return bool(self.spec.order) or self.combine is not None

    @property
    def keeps_content(self) -> bool:
        """Whether equal rows in equal order are all that decides what is written: no user's function has a say."""
        return self.combine is None and self._partition_of is None

    def groups(self, table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        """Partition by partition in ascending order, rows of ``table`` in the exchange's order, combined.

        A partition may come in several pieces, one after the other. Rows that are not combined are narrow.
        """
        if not table.num_rows:
            return
        ids = self._ids(table)
        indices = self._indices(table, ids)
        ends = np.searchsorted(ids, np.arange(self.partitions, dtype=ids.dtype), side="right", sorter=indices)
        if self.combine is not None:
            table = table.combine_chunks()
            for partition, start, end in _spans(ends, 0, table.num_rows):
                yield partition, self.combined(partition, _taken(table, indices, start, end))
            return
        table = narrowed(table).combine_chunks()
        window = max(1, _TAKEN_BYTES * table.num_rows // max(table.nbytes, 1))
        for first in range(0, table.num_rows, window):
            last = min(first + window, table.num_rows)
            taken = _taken(table, indices, first, last)
            for partition, start, end in _spans(ends, first, last):
                yield partition, taken.slice(start - first, end - start)

    def combined(self, partition: int, table: pa.Table) -> pa.Table:
        """The rows of one partition combined, in the exchange's order.

        Raises FragmentError where the combine moved rows to other partitions.
        """
        if self.combine is None:
            return table
        rows = in_order(self.combine(table), self.spec.order)
        if self.partitions > 1 and rows.num_rows and bool((self._ids(rows) != partition).any()):
            raise FragmentError(
                "the combine gave a row whose key belongs to another partition",
                place="combine",
                remedy="A combine must keep the key of the rows that it was called with.",
            )
        return rows

    def _ids(self, table: pa.Table) -> PartitionIds:
        if self.partitions == 1:
            return np.zeros(table.num_rows, np.uint8)
        if self._partition_of is None:
            return partition_ids(table, self.spec.keys, self.partitions, self.spec.hash)
        return self._custom_ids(table)

    def _custom_ids(self, table: pa.Table) -> PartitionIds:
        assert self._partition_of is not None
        parts = [np.asarray(self._partition_of(batch)) for batch in table.to_batches()]
        ids = np.concatenate(parts) if parts else np.empty(0, np.int64)
        wrong = np.flatnonzero((ids < 0) | (ids >= self.partitions))
        if len(wrong):
            raise FragmentError(
                f"partition {ids[wrong[0]]} of {self.partitions}",
                place=self.spec.partitioner.entry if self.spec.partitioner else "partition",
                remedy=f"The partition function must give 0 to {self.partitions - 1}.",
            )
        return ids.astype(np.uint16 if self.partitions <= 1 << 16 else np.uint32)

    def _indices(self, table: pa.Table, ids: PartitionIds) -> npt.NDArray[np.int64] | None:
        if self.spec.order:
            return sort_indices(table, self.spec.order, ids if self.partitions > 1 else None)
        return np.argsort(ids, kind="stable") if self.partitions > 1 else None


def _taken(table: pa.Table, indices: npt.NDArray[np.int64] | None, start: int, end: int) -> pa.Table:
    if indices is None:
        return table.slice(start, end - start)
    return pc.take(table, pa.array(indices[start:end]), boundscheck=False)


def _spans(ends: npt.NDArray[np.int64], first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """The partitions that have rows between ``first`` and ``last``, each with its rows there."""
    partition = int(np.searchsorted(ends, first, side="right"))
    start = first
    while start < last:
        end = min(int(ends[partition]), last)
        if end > start:
            yield partition, start, end
        start = end
        partition += 1
