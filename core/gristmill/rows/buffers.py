"""The buffers of Arrow columns as numpy arrays, without a copy where there can be: what words, hashes and narrow forms
are made of.

Knows neither logical types nor DuckDB, so that those who only pass blocks on need not load it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UIntArray = npt.NDArray[np.unsignedinteger[Any]]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_CODES = {"float": "f4", "double": "f8"}


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values are text or bytes of any length."""
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_binary(kind) or types.is_large_string(kind) or types.is_large_binary(kind)
    )


def null_mask(column: pa.Array) -> Mask | None:
    """Where the column is NULL; None where nowhere."""
    if not column.null_count:
        return None
    missing: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return missing


def fixed_values(column: pa.Array) -> npt.NDArray[Any]:
    """The values buffer of a fixed-width column of 1, 2, 4 or 8 bytes, without a copy; NULLs hold anything."""
    kind = column.type
    width = kind.bit_width // 8
    sign = "u" if pa.types.is_unsigned_integer(kind) else "i"
    code = _CODES.get(str(kind), f"{sign}{width}")
    if len(column) == 0:
        return np.empty(0, code)
    values: npt.NDArray[Any] = np.frombuffer(column.buffers()[1], code, len(column), column.offset * width)
    return values


def decimal_halves(column: pa.Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The low and the high half of a decimal128 column; NULLs count as zero."""
    if len(column) == 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    pairs = np.frombuffer(column.buffers()[1], np.uint64, 2 * len(column), column.offset * 16).reshape(-1, 2)
    low, high = pairs[:, 0].copy(), pairs[:, 1].copy()
    if column.null_count:
        missing = null_mask(column)
        low[missing], high[missing] = 0, 0
    return low, high.view(np.int64)


def text_buffers(column: pa.Array) -> tuple[Rows, Rows, npt.NDArray[np.uint8]]:
    """Start, length and bytes of each value of a string or binary column; NULLs have length 0."""
    offsets_type, width = (np.int64, 8) if _is_large(column.type) else (np.int32, 4)
    if len(column) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(8, np.uint8)
    _, offsets_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, offsets_type, len(column) + 1, column.offset * width).astype(np.int64)
    lengths = np.diff(offsets)
    if column.null_count:
        lengths[null_mask(column)] = 0
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    if len(data) < 8:
        data = np.concatenate([data, np.zeros(8, np.uint8)])
    return offsets[:-1], lengths, data


def _is_large(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_large_binary(kind))
