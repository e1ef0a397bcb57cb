"""Narrow forms: on their way through the shuffle, whole numbers take as few bytes as the range of their values needs.

Numbers of a column become unsigned differences to a base (frame of reference; Lemire and Boytsov 2015, section 1):
eight or sixteen bytes become one, two or four, so that less is scattered, written and read. A narrow table is an
ordinary one whose fields say in their metadata what the base is. The writer narrows, whoever decodes a block widens;
nobody else sees such rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.rows.buffers import Mask, fixed_values, null_mask

_BASE_KEY = b"gristmill.base"
_FEWEST_ROWS = 1024
"""Below this, what describes the form takes more than it saves."""
_SAFE_DIGITS = 18
_HALF = pa.int64()
"""For decimals of 128 bits whose values fit in half of that."""
_UNSIGNED = ((1, pa.uint8()), (2, pa.uint16()), (4, pa.uint32()))

Words = npt.NDArray[np.integer[Any]]


def narrowed(table: pa.Table) -> pa.Table:
    """The rows with each column of whole numbers (dates, times, decimals too) as narrow as it can be."""
    if table.num_rows < _FEWEST_ROWS or is_narrow(table.schema):
        return table
    columns = [_narrowed(table.column(at), field) for at, field in enumerate(table.schema)]
    return pa.Table.from_arrays([column for column, _ in columns], schema=pa.schema([field for _, field in columns]))


def widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The inverse of ``narrowed``: rows of ``schema``. Columns that are not narrow are not copied."""
    if not is_narrow(batch.schema):
        return batch
    columns = [
        _widened(column, given, wanted)
        for column, given, wanted in zip(batch.columns, batch.schema, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def widened_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """As ``widened``, for all batches of a table."""
    if not is_narrow(table.schema):
        return table
    return pa.Table.from_batches([widened(batch, schema) for batch in table.to_batches()], schema)


def joined(tables: Sequence[pa.Table]) -> Iterator[pa.Table]:
    """The tables as one, where they are of one form."""
    if all(table.schema.equals(tables[0].schema, check_metadata=True) for table in tables):
        yield pa.concat_tables(tables)
    else:
        yield from tables


def is_narrow(schema: pa.Schema) -> bool:
    """Whether any column is narrow."""
    return any(_BASE_KEY in (field.metadata or ()) for field in schema)


def bytes_saved(form: pa.Schema, schema: pa.Schema) -> int:
    """By how much a row of ``form`` is narrower than one of ``schema``."""
    return sum(
        wide.type.byte_width - narrow.type.byte_width
        for narrow, wide in zip(form, schema, strict=True)
        if _BASE_KEY in (narrow.metadata or ())
    )


def _narrowed(column: pa.ChunkedArray, field: pa.Field) -> tuple[pa.ChunkedArray | pa.Array, pa.Field]:
    """One column and its field."""
    if not _is_whole(field.type):
        return column, field
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    words = [_whole_numbers(chunk) for chunk in chunks]
    low, high = _range(chunks, words)
    kind = _narrowest(low, high, field.type.byte_width) if _fits_words(chunks, words) else None
    if kind is None:
        return column, field
    base = 0 if low >= 0 and high >> kind.bit_width == 0 else low
    narrow = np.empty(len(column), kind.to_pandas_dtype())
    at = 0
    for values in words:
        narrow[at : at + len(values)] = values - values.dtype.type(base) if base else values
        at += len(values)
    missing = np.concatenate([_missing(chunk) for chunk in chunks]) if column.null_count else None
    return pa.array(narrow, kind, mask=missing), pa.field(field.name, kind, metadata={_BASE_KEY: str(base).encode()})


def _is_whole(kind: pa.DataType) -> bool:
    """Whether values are whole numbers of more than a byte, or decimals of 128 bits."""
    if pa.types.is_decimal(kind):
        return bool(kind.bit_width == 128)
    return bool((pa.types.is_integer(kind) or pa.types.is_temporal(kind)) and kind.bit_width in (16, 32, 64))


def _whole_numbers(column: pa.Array) -> Words:
    """The values of a column; of decimals the lower 64 bits."""
    return fixed_values(column) if column.type.bit_width <= 64 else _pairs(column)[:, 0]


def _pairs(column: pa.Array) -> npt.NDArray[np.int64]:
    """The lower and upper half of each 128-bit value, without a copy."""
    return np.frombuffer(column.buffers()[1], np.int64, 2 * len(column), column.offset * 16).reshape(-1, 2)


def _missing(column: pa.Array) -> Mask:
    missing = null_mask(column)
    return np.zeros(len(column), np.bool_) if missing is None else missing


def _range(chunks: Sequence[pa.Array], words: Sequence[Words]) -> tuple[int, int]:
    """The least and greatest value that is not NULL; zeros where there is none."""
    known = [
        values if chunk.null_count == 0 else values[~_missing(chunk)]
        for chunk, values in zip(chunks, words, strict=True)
    ]
    some = [values for values in known if len(values)]
    if not some:
        return 0, 0
    return min(int(values.min()) for values in some), max(int(values.max()) for values in some)


def _fits_words(chunks: Sequence[pa.Array], words: Sequence[Words]) -> bool:
    """Whether all values need no more than 64 bits."""
    kind = chunks[0].type
    if not pa.types.is_decimal(kind) or kind.precision <= _SAFE_DIGITS:
        return True
    return all(
        bool(((_pairs(chunk)[:, 1] == values >> 63) | _missing(chunk)).all())
        for chunk, values in zip(chunks, words, strict=True)
    )


def _narrowest(low: int, high: int, width: int) -> pa.DataType | None:
    """The type for numbers of that range, in place of one of ``width`` bytes; None where none is narrower."""
    for bytes_, kind in _UNSIGNED:
        if bytes_ < width and (high - low) >> 8 * bytes_ == 0:
            return kind
    return _HALF if width > _HALF.byte_width else None


def _widened(column: pa.Array, given: pa.Field, wanted: pa.Field) -> pa.Array:
    base = (given.metadata or {}).get(_BASE_KEY)
    if base is None:
        return column
    validity = pa.array(~missing).buffers()[1] if (missing := null_mask(column)) is not None else None
    values = _wide(fixed_values(column), int(base), wanted.type)
    return pa.Array.from_buffers(wanted.type, len(column), [validity, pa.py_buffer(values)])


def _wide(narrow: Words, base: int, kind: pa.DataType) -> Words:
    """The values buffer of a column of type ``kind``."""
    if kind.byte_width <= _HALF.byte_width:
        unsigned = pa.types.is_unsigned_integer(kind)
        values = narrow.astype(f"{'u' if unsigned else 'i'}{kind.byte_width}")
        if base:
            values += values.dtype.type(base)
        return values
    pairs = np.zeros((len(narrow), 2), np.int64)
    pairs[:, 0] = narrow
    if base:
        pairs[:, 0] += base
    if base < 0 or narrow.dtype.kind == "i":
        pairs[:, 1] = pairs[:, 0] >> 63
    return pairs
