"""Bounds of ranges: chosen from the samples of all map output, and found again in sorted runs by binary search.

Bound number p - 1 is the first key that belongs to partition p: partition p has the rows with
``bounds[p - 1] <= key < bounds[p]``. Comparing is left to the same sort that made the runs, so that NULL, NaN,
descending order and nested keys need no rules of their own here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.plan.schema import SortKey
from gristmill.rows.ordering import insertion_point, key_table, sort_indices
from gristmill.rows.types import cast_table, schema_of, unify
from gristmill.shuffle.sampling import ROWS_KEY, from_stream, to_stream

Order = tuple[SortKey, ...]

_STRIDE = 128
"""A bound is looked for among every so many rows first: encoding keys is what it costs."""


def choose_bounds(samples: Sequence[bytes], order: Order, partitions: int) -> bytes:
    """``partitions - 1`` keys that cut the rows of all samples' files into ranges of about equal size.

    Each sample is an Arrow IPC stream of evenly spread keys of one file, weighted by the rows of the file; the
    result is such a stream too, of no rows where no file has any. The same samples give the same bounds in any order
    of files that only differ in equal keys. A key with more rows than a range holds gives equal bounds: the ranges
    between them are empty. Raises TypeConflict where files disagree on the type of a key.
    """
    tables = [from_stream(sample) for sample in samples if sample]
    tables = [table for table in tables if table.num_rows]
    if not tables:
        return to_stream(pa.table({}))
    schema = unify([schema_of(table.schema) for table in tables], place="sort keys")
    keys = pa.concat_tables([cast_table(table, schema) for table in tables])
    ranked = sort_indices(keys, order)
    weights = np.concatenate([_weights(table) for table in tables])[ranked]
    below = np.cumsum(weights) - weights / 2
    wanted = np.arange(1, partitions) * weights.sum() / partitions
    picked = np.minimum(np.searchsorted(below, wanted), len(ranked) - 1)
    return to_stream(keys.combine_chunks().take(pa.array(ranked[picked])))


def choose_common_bounds(
    samples: Sequence[Sequence[bytes]], orders: Sequence[Order], partitions: int
) -> tuple[bytes, ...]:
    """Bounds for several inputs that meet by their keys, whose names differ: the same cuts, in each input's names."""
    names = [_names(order) for order in orders]
    together = [_renamed(sample, names[0]) for each in samples for sample in each if sample]
    found = choose_bounds(together, orders[0], partitions)
    return tuple(_renamed(found, each) for each in names)


def _names(order: Order) -> list[str]:
    """The columns of a sample."""
    return list(dict.fromkeys(term.by for term in order))


def _renamed(stream: bytes, names: list[str]) -> bytes:
    table = from_stream(stream)
    if not table.num_columns:
        return stream
    fields = [field.with_name(name) for field, name in zip(table.schema, names, strict=True)]
    return to_stream(pa.table(table.columns, schema=pa.schema(fields, table.schema.metadata)))


def _weights(table: pa.Table) -> npt.NDArray[np.float64]:
    rows = int(table.schema.metadata[ROWS_KEY])
    return np.full(table.num_rows, rows / table.num_rows)


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The rows of one partition of a RANGE exchange: ``lower <= key < upper``, where None is open.

    The bounds are tables of one row. ``empty``: no rows at all, since no map output has any.
    """

    lower: pa.Table | None = None
    upper: pa.Table | None = None
    empty: bool = False

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, bounds: bytes, partition: int, partitions: int) -> KeyRange:
        """The range of ``partition`` between the bounds that ``choose_bounds`` gave."""
        table = from_stream(bounds) if bounds else pa.table({})
        if not table.num_rows:
            return cls(empty=partition > 0)
        lower = table.slice(partition - 1, 1) if partition > 0 else None
        upper = table.slice(partition, 1) if partition < partitions - 1 else None
        return cls(lower, upper)

    def blocks(self, first_keys: pa.Table, order: Order) -> range:
        """Which blocks of a sorted run may hold rows of the range, by the first key of each."""
        if self.empty or not first_keys.num_rows:
            return range(0)
        start = 0 if self.lower is None else max(rows_before(first_keys, self.lower, order) - 1, 0)
        stop = first_keys.num_rows if self.upper is None else rows_before(first_keys, self.upper, order)
        return range(start, max(start, stop))

    def cut(self, batch: pa.RecordBatch, order: Order) -> pa.RecordBatch:
        """The rows of a sorted batch that are in the range; not copied."""
        keys = key_table(batch, order)
        start = 0 if self.lower is None else rows_before(keys, self.lower, order)
        stop = keys.num_rows if self.upper is None else rows_before(keys, self.upper, order)
        return batch.slice(start, max(stop - start, 0))


def rows_before(keys: pa.Table, bound: pa.Table, order: Order) -> int:
    """How many rows of the sorted ``keys`` are less than ``bound``."""
    if not bound.schema.equals(keys.schema):
        schema = unify([schema_of(bound.schema), schema_of(keys.schema)], place="sort keys")
        bound, keys = cast_table(bound, schema), cast_table(keys, schema)
    first, rows = 0, keys.num_rows
    while rows > _STRIDE:
        stride = max(_STRIDE, rows // _STRIDE)
        coarse = keys.take(pa.array(np.arange(first, first + rows, stride)))
        found = insertion_point(pa.concat_tables([bound, coarse]), order)
        if not found:
            return first
        first, rows = first + (found - 1) * stride, min(stride, rows - (found - 1) * stride)
    return first + insertion_point(pa.concat_tables([bound, keys.slice(first, rows)]), order)
