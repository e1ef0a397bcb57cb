"""Order and groups of rows, as DuckDB has them: stable argsort by several keys, and where groups start.

The shuffle sorts and merges with it, the kernel finds groups. NULLS LAST unless the key says otherwise, NaN greatest
and equal to itself, -0.0 = 0.0, text by UTF-8 bytes. The first word of the keys is sorted for all rows (timsort: runs
that are sorted already merge cheaply); later words only order the rows that tie so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.plan.schema import SortKey
from gristmill.rows.buffers import Mask, Rows, UIntArray, is_bytes, null_mask
from gristmill.rows.carriers import carrier, logical_of
from gristmill.rows.casting import cast_array
from gristmill.rows.key_fields import key_field
from gristmill.rows.logical import StructOf
from gristmill.rows.words import Words, encoded, needs_encoding, number_word, struct_parts, words_of


def sort_indices(
    table: pa.Table | pa.RecordBatch, order: Sequence[SortKey], partitions: UIntArray | None = None
) -> Rows:
    """Row numbers in the order of ``order``; rows that are equal there stay as they are. int64.

    With ``partitions`` (a number for each row) rows are ordered by that first. Raises InvalidPlan for a key that is
    no column.
    """
    words = [word for key in order for word in _key_words(table, key)]
    return _Refinement(table.num_rows, partitions).sorted_by(words)


def insertion_point(table: pa.Table, order: Sequence[SortKey]) -> int:
    """How many rows come before the first one, which is followed by rows that are in order already."""
    start, stop = 1, table.num_rows
    for words in (words for key in order for words in _key_words(table, key)):
        depth = 0
        while start < stop:
            word = words.word(depth, np.concatenate(([0], np.arange(start, stop))))
            if word is None:
                break
            start, stop = (start + int(np.searchsorted(word[1:], word[0], side)) for side in ("left", "right"))
            depth += 1
        if start == stop:
            break
    return start - 1


def group_starts(table: pa.Table | pa.RecordBatch, keys: Sequence[str]) -> Rows:
    """The first row of each run of neighbours with equal keys (NULL = NULL); none for no rows. int64."""
    rows = table.num_rows
    if rows == 0:
        return np.empty(0, np.int64)
    differs = np.zeros(rows, np.bool_)
    differs[0] = True
    for key in keys:
        differs[1:] |= _differs_from_previous(*key_column(table, key))
    return np.flatnonzero(differs)


def key_column(table: pa.Table | pa.RecordBatch, by: str) -> tuple[pa.Array, pa.Field]:
    """One chunk with the column named ``by``, or the field that a dotted path into structs names.

    Raises InvalidPlan with the columns there are.
    """
    field, (first, *inner) = key_field(table.schema, by)
    column = _one_chunk(table.column(first))
    for at in inner:
        column = pc.struct_field(column, at)
    return column, field


def key_table(table: pa.Table | pa.RecordBatch, order: Sequence[SortKey]) -> pa.Table:
    """Only the sort keys of ``table``, in a table whose columns are named as the keys."""
    names = list(dict.fromkeys(key.by for key in order))
    found = [key_column(table, name) for name in names]
    fields = [field.with_name(name) for name, (_, field) in zip(names, found, strict=True)]
    return pa.table([column for column, _ in found], schema=pa.schema(fields))


def _one_chunk(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def _key_words(table: pa.Table | pa.RecordBatch, key: SortKey) -> Iterator[Words]:
    column, field = key_column(table, key.by)
    yield from words_of(column, field, key.desc, key.nulls_first)


class _Refinement:
    """A row order that gets finer word by word."""

    def __init__(self, rows: int, partitions: UIntArray | None) -> None:
        self._order: Rows | None = None
        self._partitions = partitions
        self._ties = np.ones(max(rows - 1, 0), np.bool_)
        self._rows = rows

    def sorted_by(self, keys: Sequence[Words]) -> Rows:
        for key in keys:
            depth = 0
            while self._refine(key, depth):
                depth += 1
        if self._order is None:
            return np.arange(self._rows) if self._partitions is None else _stable_argsort(self._partitions)
        return self._order

    def _refine(self, key: Words, depth: int) -> bool:
        """Orders tied rows by one more word; False when none is left, of words or of ties."""
        if self._order is None:
            word = key.word(depth, None)
            if word is None:
                return False
            self._order, self._ties, exact = packed_order(word, self._partitions)
            if not exact:
                self._order_ties(self._tied_places(), word)
            return True
        tied = self._tied_places()
        if not len(tied):
            return False
        word = key.word(depth, self._order[tied])
        if word is None:
            return False
        self._order_ties(tied, word, gathered=True)
        return True

    def _order_ties(self, tied: Rows, word: UIntArray, gathered: bool = False) -> None:
        """Orders the rows in the places ``tied`` by ``word``: a word for each of them, or for every row."""
        if self._order is None or not len(tied):
            return
        rows = self._order[tied]
        if not gathered:
            word = word[rows]
        group = np.cumsum(np.concatenate(([True], ~self._ties)))[tied]
        by = _lexsort(word, group)
        self._order[tied] = rows[by]
        word = word[by]
        same = (word[1:] == word[:-1]) & (group[1:] == group[:-1])
        self._ties[tied[1:] - 1] &= same

    def _tied_places(self) -> Rows:
        tied = np.zeros(self._rows, np.bool_)
        if self._rows:
            tied[1:] = self._ties
            tied[:-1] |= self._ties
        return np.flatnonzero(tied)


def packed_order(word: UIntArray, partitions: UIntArray | None = None) -> tuple[Rows, Mask, bool]:
    """Stable order by partition, then by one word: row numbers, which neighbours tie, and whether by the whole word.

    Partition, key and row number are packed into one 64-bit integer and sorted as such: 2 to 3 times as fast as an
    argsort once the keys outgrow the processor's caches, and runs that are sorted already still merge cheaply. Where
    that needs more than 64 bits, only the key's leading bits take part.
    """
    rows = len(word)
    if rows < 2 or (partitions is None and word.dtype.itemsize <= 2):
        order = np.argsort(word, kind="stable")
        ordered = word[order]
        return order, ordered[1:] == ordered[:-1], True
    low = word.min()
    row_bits = (rows - 1).bit_length()
    key_bits = int(word.max() - low).bit_length()
    partition_bits = 0 if partitions is None else int(partitions.max()).bit_length()
    dropped = max(0, partition_bits + key_bits + row_bits - 64)
    packed = (word - low).astype(np.uint64)
    packed >>= np.uint64(dropped)
    if partitions is not None and partition_bits:
        packed |= partitions.astype(np.uint64) << np.uint64(key_bits - dropped)
    packed <<= np.uint64(row_bits)
    packed |= np.arange(rows, dtype=np.uint64)
    packed.sort(kind="stable")
    ties = (packed[1:] ^ packed[:-1]) < np.uint64(1 << row_bits)
    packed &= np.uint64((1 << row_bits) - 1)
    return packed.view(np.int64), ties, not dropped


def _stable_argsort(word: UIntArray) -> Rows:
    order, ties, exact = packed_order(word)
    return order if exact or not ties.any() else np.argsort(word, kind="stable")


def _lexsort(word: UIntArray, group: Rows) -> Rows:
    """Stable order by group, then word; groups arrive in order, so a single one needs no second pass."""
    by = _stable_argsort(word)
    if group[0] == group[-1]:
        return by
    number = group - group[0]
    place = number.astype(np.uint16 if number[-1] < 1 << 16 else np.uint64)
    return by[_stable_argsort(place[by])]


def _differs_from_previous(column: pa.Array, field: pa.Field) -> Mask:
    kind = logical_of(field)
    if isinstance(kind, StructOf) and pa.types.is_struct(column.type):
        parts = [_differs_from_previous(part, inner) for part, inner in struct_parts(column)]
        return _with_nulls(np.logical_or.reduce(parts) if parts else np.zeros(len(column) - 1, np.bool_), column)
    if needs_encoding(kind):
        column = encoded(column, field)
    if is_bytes(column.type) or pa.types.is_decimal(column.type):
        unequal = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).fill_null(False)
        return _with_nulls(unequal.to_numpy(zero_copy_only=False), column)
    word = number_word(cast_array(column, carrier(kind), field.name))
    return _with_nulls(word[1:] != word[:-1], column)


def _with_nulls(unequal: Mask, column: pa.Array) -> Mask:
    missing = null_mask(column)
    if missing is None:
        return unequal
    both, one = missing[1:] & missing[:-1], missing[1:] ^ missing[:-1]
    return (unequal & ~both) | one
