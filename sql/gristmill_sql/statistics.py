"""What Parquet footers tell of a column's distinct values. For estimates only: a wrong guess costs time, never truth.

A dictionary's size tells how many values a row group has; the range of an integer or date column bounds them.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

_FIXED_BYTES = {"INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8, "INT96": 12}


def distinct_values(footers: Sequence[Any], rows: int | None) -> tuple[tuple[str, int], ...]:
    """Estimated distinct values of columns, by name, from some files' pyarrow metadata; ``rows`` is the table's.

    Columns of which nothing is known are left out.
    """
    found: dict[str, int] = {}
    for name, chunks in _chunks(footers).items():
        estimate = _estimate(chunks)
        if estimate is not None:
            found[name] = max(1, min(estimate, rows if rows is not None else estimate))
    return tuple(found.items())


def column_bytes(footers: Sequence[Any]) -> tuple[tuple[str, int], ...]:
    """Uncompressed bytes of each top-level column, by name, in these files' pyarrow metadata."""
    found: dict[str, int] = {}
    for metadata in footers:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                name = chunk.path_in_schema.partition(".")[0]
                found[name] = found.get(name, 0) + chunk.total_uncompressed_size
    return tuple(found.items())


def _chunks(footers: Iterable[Any]) -> dict[str, list[Any]]:
    """The column chunks of all row groups, by top-level column; nested columns are left out."""
    chunks: dict[str, list[Any]] = {}
    for metadata in footers:
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for index in range(row_group.num_columns):
                chunk = row_group.column(index)
                if "." not in chunk.path_in_schema:
                    chunks.setdefault(chunk.path_in_schema, []).append(chunk)
    return chunks


def _estimate(chunks: Sequence[Any]) -> int | None:
    by_range = _range(chunks)
    sizes = [_dictionary_values(chunk) for chunk in chunks]
    found = [size for size in sizes if size is not None]
    by_dictionary = None
    if len(found) == len(chunks):
        by_dictionary = sum(found) if _is_sorted(chunks) else max(found, default=None)
    known = [estimate for estimate in (by_range, by_dictionary) if estimate is not None]
    return min(known, default=None)


def _is_sorted(chunks: Sequence[Any]) -> bool:
    """Whether each row group has values of its own, so that their numbers add up."""
    bounds = sorted((c.statistics.min, c.statistics.max) for c in chunks if _has_bounds(c))
    return len(bounds) == len(chunks) > 1 and all(a[1] <= b[0] for a, b in itertools.pairwise(bounds))


def _range(chunks: Sequence[Any]) -> int | None:
    """The number of integers or days between the smallest and the largest value."""
    bounds = [(chunk.statistics.min, chunk.statistics.max) for chunk in chunks if _has_bounds(chunk)]
    if len(bounds) < len(chunks) or not bounds:
        return None
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if isinstance(low, dt.date) and isinstance(high, dt.date) and not isinstance(low, dt.datetime):
        return (high - low).days + 1
    return high - low + 1 if isinstance(low, int) and isinstance(high, int) else None


def _has_bounds(chunk: Any) -> bool:
    return bool(chunk.statistics is not None and chunk.statistics.has_min_max)


def _dictionary_values(chunk: Any) -> int | None:
    """How many values the dictionary of a chunk holds, from its size; None where not all values are in it."""
    if not chunk.has_dictionary_page or chunk.dictionary_page_offset is None:
        return None
    size = chunk.data_page_offset - chunk.dictionary_page_offset - _PAGE_HEADER_BYTES
    width = _FIXED_BYTES.get(chunk.physical_type) or _text_bytes(chunk)
    values = max(1, _COMPRESSION * size // width) if size > 0 and width else None
    return None if values is None or _falls_back(chunk, values) else values


_PAGE_HEADER_BYTES = 14
_COMPRESSION = 2
"""By how much a dictionary page is compressed, roughly: only its compressed size is known."""


def _falls_back(chunk: Any, values: int) -> bool:
    """Whether some pages hold plain values since the dictionary grew too large: indexes alone would be smaller."""
    bits = max(1, values.bit_length())
    indexes = chunk.num_values * bits // 8 + chunk.num_values // 16
    dictionary = _COMPRESSION * (chunk.data_page_offset - chunk.dictionary_page_offset)
    return bool(chunk.total_uncompressed_size > indexes + 2 * dictionary + (64 << 10))


def _text_bytes(chunk: Any) -> int:
    if not _has_bounds(chunk):
        return 0
    ends = [value for value in (chunk.statistics.min, chunk.statistics.max) if isinstance(value, str | bytes)]
    return 4 + sum(map(len, ends)) // len(ends) if ends else 0
