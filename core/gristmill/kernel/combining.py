"""Combine: the reduce applied early to the values of a key, in the mapper's memory and where sorted runs are merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.errors import FragmentError, TypeConflict
from gristmill.kernel.calls import NOTHING, misused, short
from gristmill.kernel.collect import A_PAIR, unpacking
from gristmill.kernel.context import end_if_forked
from gristmill.kernel.user_code import blamed, in_user_code
from gristmill.kernel.values import values_of
from gristmill.rows.ordering import group_starts
from gristmill.rows.types import cast_array, infer


class GroupCombine:
    """The user's combine over the values of one key. ``name`` is what messages call it."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self._name = name

    def values(self, key: Any, values: list[Any]) -> list[Any]:
        """The combined values, nearly always one. Raises FragmentError, or TypeConflict for another type or key."""
        pair: Any = NOTHING
        found: list[Any] = []
        try:
            for pair in self._function(key, iter(values)):
                given, value = pair
                if given is not key and given != key and given == given:  # noqa: PLR0124 - NaN is not itself
                    raise FragmentError(f"it gave the key {short(given)}", remedy=_SAME_KEY)
                found.append(value)
        except BaseException as error:
            raise self._failure(error, key, pair) from error
        end_if_forked()
        for value in found:
            if type(value) is not type(values[0]) or isinstance(value, (tuple, list)):
                self._require_same_type(key, values, value)
        return found

    def _failure(self, error: BaseException, key: Any, pair: Any) -> BaseException:
        if not in_user_code(error):
            error = misused(error, A_PAIR, unpacking(error, pair))
        return blamed(error, f"{self._name}, key {short(key)}")

    def _require_same_type(self, key: Any, values: list[Any], value: Any) -> None:
        if not _is_like(value, values):
            raise TypeConflict(
                f"it turned values of type {type(values[0]).__name__} such as {short(values[0])} into {short(value)}",
                place=f"{self._name}, key {short(key)}",
                remedy="A combine gives what the reduce takes: values of the type it got.",
            )


_SAME_KEY = "A combine keeps the key that it got: yield (key, value)."


def _is_like(value: Any, examples: list[Any]) -> bool:
    """Whether ``value`` has the type of one of ``examples``, in all its parts; None goes with everything."""
    known = [each for each in examples if each is not None]
    alike = [each for each in known if type(each) is type(value)]
    if value is None or not known:
        return True
    if isinstance(value, tuple):
        same = [each for each in alike if len(each) == len(value)]
        return bool(same) and all(_is_like(part, [each[at] for each in same]) for at, part in enumerate(value))
    if isinstance(value, list):
        items = [item for each in alike for item in each]
        return bool(alike) and all(_is_like(item, items) for item in value)
    return bool(alike)


def combine_pairs(combine: GroupCombine, table: pa.Table) -> pa.Table:
    """``table`` of sorted pairs with each key's values combined; itself where no key comes twice.

    Only the rows of keys that come several times pass through Python.
    """
    starts = group_starts(table, ("key",))
    sizes = np.diff(starts, append=table.num_rows)
    several = np.flatnonzero(sizes > 1)
    if not len(several):
        return table
    values = values_of(table.column("value").take(pa.array(_ranges(starts[several], sizes[several]))))
    keys = values_of(table.column("key").take(pa.array(starts[several])))
    counts = np.ones(len(starts), np.int64)
    found: list[Any] = []
    at = 0
    for group, key, size in zip(several.tolist(), keys, sizes[several].tolist(), strict=True):
        combined = combine.values(key, values[at : at + size])
        counts[group] = len(combined)
        found.extend(combined)
        at += size
    field = table.schema.field("value")
    new = cast_array(infer(found, "column 'value'"), field.type, "value")
    groups = np.repeat(np.arange(len(starts)), counts)
    rows = starts[groups]
    rows[sizes[groups] > 1] = table.num_rows + np.arange(len(found))
    column = pa.chunked_array([*table.column("value").chunks, new], field.type).take(pa.array(rows))
    return pa.Table.from_arrays([table.column("key").take(pa.array(starts[groups])), column], schema=table.schema)


def _ranges(starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers of all rows of runs that begin at ``starts``."""
    before = np.cumsum(sizes) - sizes
    rows: npt.NDArray[np.int64] = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    return rows
