"""Sort keys as machine words: each key column as unsigned integers whose plain order is DuckDB's order.

Ordering sorts by the first word and looks at further ones only where rows tie, so a word is made on demand and only
for the rows that need it. The words follow DuckDB: NaN greatest and equal to itself, -0.0 = 0.0, text by UTF-8 bytes;
what numpy cannot order by itself (structs, lists, intervals, enums, ...) is encoded by DuckDB's ``create_sort_key``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.plan.schema import Column
from gristmill.rows.buffers import (
    Mask,
    Rows,
    UIntArray,
    decimal_halves,
    fixed_values,
    is_bytes,
    null_mask,
    text_buffers,
)
from gristmill.rows.carriers import carrier, logical_of, rebuilt
from gristmill.rows.casting import cast_array, duckdb_cast_list
from gristmill.rows.duck import query
from gristmill.rows.logical import ArrayOf, Decimal, ListOf, Logical, Scalar, StructOf, quote_name

_ENCODED = frozenset({"UHUGEINT", "TIME WITH TIME ZONE", "BIGNUM", "INTERVAL", "GEOMETRY", "VARIANT"})
_SAMPLE = 1024
_WORDS_COMPARED = 32
_LEADING = np.array([0, *(~((1 << (64 - 8 * size)) - 1) & (2**64 - 1) for size in range(1, 9))], np.uint64)
"""Masks that keep so many leading bytes of a word."""


class Words(Protocol):
    """One key column as a sequence of words, the most significant first."""

    def word(self, depth: int, rows: Rows | None) -> UIntArray | None:
        """The word of that depth for ``rows`` (None: all); None where there are no more."""


def words_of(column: pa.Array, field: pa.Field, desc: bool, nulls_first: bool) -> Iterator[Words]:
    """The words of one column, ascending or with ``desc`` reversed; all NULLs have the same words.

    ``field`` tells the logical type of the column. A struct is its fields in turn, where a NULL is greatest.
    """
    kind = logical_of(field)
    if needs_encoding(kind):
        column = encoded(column, field, desc)
    if column.null_count and not pa.types.is_null(column.type):
        yield NullWord(column, nulls_first)
    if needs_encoding(kind):
        yield TextWords(column, inverted=False)
    elif pa.types.is_struct(column.type):
        for part, inner in struct_parts(column):
            yield from words_of(part, inner, desc, nulls_first=desc)
    else:
        yield _simple_words(cast_array(column, carrier(kind), field.name), desc)


def _simple_words(column: pa.Array, desc: bool) -> Words:
    if is_bytes(column.type):
        return TextWords(column, inverted=desc)
    words = _decimal_words(column) if pa.types.is_decimal(column.type) else (number_word(column),)
    return FixedWords(words, null_mask(column), inverted=desc)


def struct_parts(column: pa.StructArray) -> list[tuple[pa.Array, pa.Field]]:
    """The fields of a struct column, each NULL where the struct is."""
    return [(pc.struct_field(column, at), column.type.field(at)) for at in range(column.type.num_fields)]


def needs_encoding(kind: Logical) -> bool:
    """Whether only DuckDB can order the type: nested ones but structs, and those whose carrier sorts otherwise."""
    return kind.name in _ENCODED if isinstance(kind, Scalar) else not isinstance(kind, Decimal | StructOf)


class NullWord:
    """One word that puts NULLs before or after the rest."""

    def __init__(self, column: pa.Array, nulls_first: bool) -> None:
        missing = column.is_null().to_numpy(zero_copy_only=False)
        self._place: UIntArray = (~missing if nulls_first else missing).astype(np.uint8)

    def word(self, depth: int, rows: Rows | None) -> UIntArray | None:
        if depth:
            return None
        return self._place if rows is None else self._place[rows]


class FixedWords:
    """Words that exist from the start: numbers, dates, times, booleans; two words for wide decimals."""

    def __init__(self, words: tuple[UIntArray, ...], missing: Mask | None, inverted: bool) -> None:
        self._words = tuple(_settled(word, missing, inverted) for word in words)

    def word(self, depth: int, rows: Rows | None) -> UIntArray | None:
        if depth >= len(self._words):
            return None
        return self._words[depth] if rows is None else self._words[depth][rows]


def _settled(word: UIntArray, missing: Mask | None, inverted: bool) -> UIntArray:
    if missing is not None:
        word = np.where(missing, word.dtype.type(0), word)
    return ~word if inverted else word


def number_word(column: pa.Array) -> UIntArray:
    """A fixed-width column as unsigned integers of its own width in the same order; NULLs hold anything."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.uint8)
    if pa.types.is_boolean(column.type):
        flags: UIntArray = pc.cast(column, pa.uint8()).fill_null(0).to_numpy()
        return flags
    values = fixed_values(column)
    if values.dtype.kind == "f":
        return _float_word(values)
    unsigned: UIntArray = values.view(f"u{values.dtype.itemsize}")
    if values.dtype.kind == "u":
        return unsigned
    return unsigned ^ unsigned.dtype.type(1 << (8 * values.dtype.itemsize - 1))


def _float_word(values: npt.NDArray[np.floating[Any]]) -> UIntArray:
    size = values.dtype.itemsize
    bits = (values + values.dtype.type(0)).view(f"u{size}")
    sign = bits.dtype.type(1 << (8 * size - 1))
    word = np.where(bits & sign, ~bits, bits | sign)
    settled: UIntArray = np.where(np.isnan(values), ~bits.dtype.type(0), word)
    return settled


def _decimal_words(column: pa.Array) -> tuple[UIntArray, ...]:
    low, high = decimal_halves(column)
    flipped = high.view(np.uint64) ^ np.uint64(1 << 63)
    if bool((high == low.view(np.int64) >> 63).all()):
        return (low ^ np.uint64(1 << 63),)
    return (flipped, low)


class TextWords:
    """Words of 8 bytes of variable-length text or bytes, then the length: a prefix sorts before what it begins.

    Where many rows tie because they are equal, the words after the first are ranks of the distinct values instead;
    so they are where rows still tie after the first words, since long texts have very many of them.
    """

    def __init__(self, column: pa.Array, inverted: bool) -> None:
        self._column = column
        self._inverted = inverted
        self._starts, self._lengths, self._data = text_buffers(column)
        self._ranked = False

    def word(self, depth: int, rows: Rows | None) -> UIntArray | None:
        if self._ranked:
            return None
        if depth and rows is not None and (depth >= _WORDS_COMPARED or self._mostly_equal(rows)):
            self._ranked = True
            found: UIntArray | None = _ranks(self._column.take(pa.array(rows)))
        else:
            found = self._bytes(depth, rows)
        return ~found if self._inverted and found is not None else found

    def _bytes(self, depth: int, rows: Rows | None) -> UIntArray | None:
        starts, lengths = (self._starts, self._lengths) if rows is None else (self._starts[rows], self._lengths[rows])
        longest = int(lengths.max(initial=0))
        if 8 * depth >= longest + 8:
            return None
        if 8 * depth >= longest:
            return lengths.astype(np.uint64)
        return big_endian(self._data, starts + 8 * depth, np.clip(lengths - 8 * depth, 0, 8))

    def _mostly_equal(self, rows: Rows) -> bool:
        if len(rows) < _SAMPLE:
            return False
        sample = self._column.take(pa.array(rows[:_SAMPLE]))
        return int(pc.count_distinct(sample).as_py()) < _SAMPLE // 2


def _ranks(column: pa.Array) -> UIntArray:
    codes = pc.dictionary_encode(column.fill_null(b"" if pa.types.is_binary(column.type) else ""))
    order = np.asarray(pc.sort_indices(pc.cast(codes.dictionary, pa.binary())))
    ranks = np.empty(len(order), np.uint32)
    ranks[order] = np.arange(len(order), dtype=np.uint32)
    places: npt.NDArray[np.int32] = codes.indices.to_numpy()
    return ranks[places]


def big_endian(data: npt.NDArray[np.uint8], starts: Rows, sizes: Rows) -> npt.NDArray[np.uint64]:
    """The ``sizes`` (0 to 8) bytes at each start as a big-endian word, padded with zero bytes on the right."""
    return _gathered(data, starts, sizes, ">u8")


def _gathered(data: npt.NDArray[np.uint8], starts: Rows, sizes: Rows, code: str) -> npt.NDArray[np.uint64]:
    last = len(data) - 8
    windows: npt.NDArray[np.uint64] = np.ndarray((last + 1,), code, data.data, strides=(1,))
    at = np.minimum(starts, last)
    words = windows[at].astype(np.uint64)
    words <<= ((np.minimum(starts, len(data)) - at) * 8).astype(np.uint64) & np.uint64(63)
    return words & _LEADING[sizes]


def encoded(column: pa.Array, field: pa.Field, desc: bool = False) -> pa.Array:
    """Each value as bytes that sort (and compare) as DuckDB sorts the values; NULL stays NULL."""
    kind = _without_bits(logical_of(field))
    schema = (Column("v", str(kind)),)
    given = pa.table([column], schema=pa.schema([field.with_name("v")]))
    direction = "DESC NULLS LAST" if desc else "ASC NULLS LAST"
    text = f"""SELECT CASE WHEN v IS NULL THEN NULL
                      ELSE create_sort_key({_comparable("v", kind)}, '{direction}', '', '{direction}') END
               FROM (SELECT {duckdb_cast_list(schema)} FROM given)"""
    return query(text, given).column(0).combine_chunks()


def _without_bits(kind: Logical) -> Logical:
    """BIT sorts as the text that carries it, which its sort key does not."""
    return Scalar("VARCHAR") if kind == Scalar("BIT") else rebuilt(kind, _without_bits)


def _comparable(expression: str, kind: Logical, depth: int = 0) -> str:
    """SQL for the form of a value in which equal ones look alike: ORDER BY does the same to its terms."""
    item = f"x{depth}"
    match kind:
        case Scalar("INTERVAL"):
            return f"normalized_interval({expression})"
        case Scalar("TIME WITH TIME ZONE"):
            return f"timetz_byte_comparable({expression})"
        case ListOf(inner) | ArrayOf(inner, _) if (form := _comparable(item, inner, depth + 1)) != item:
            return f"list_transform({expression}, lambda {item}: {form})"
        case StructOf(fields):
            forms = [(name, f"{expression}.{quote_name(name)}", part) for name, part in fields]
            changed = [(name, _comparable(access, part, depth), access) for name, access, part in forms]
            if any(form != access for _, form, access in changed):
                packed = ", ".join(f"{quote_name(name)} := {form}" for name, form, _ in changed)
                return f"CASE WHEN {expression} IS NULL THEN NULL ELSE struct_pack({packed}) END"
    return expression
