"""What user functions yield, collected into batches: pairs, rows, or rows for several named outputs.

Each collector takes the yields of one ``Calls`` a slice at a time. The size of slices follows the size of the rows, so
that a batch of documents takes no more memory than one of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from gristmill.errors import FragmentError
from gristmill.kernel.calls import NOTHING, Calls
from gristmill.kernel.columns import Typed
from gristmill.kernel.records import PAIR_COLUMNS, Routed
from gristmill.plan.fragment import Calling

A_PAIR = "(key, value) pairs"
A_ROW = "dicts, one for each row"
_FIRST_SLICE = 4096
_LARGEST_SLICE = 65_536
_BATCH_BYTES = 8 << 20


def _next_slice(batch: pa.RecordBatch) -> int:
    """How many rows like these make a good batch."""
    wanted = _BATCH_BYTES * max(batch.num_rows, 1) // max(batch.nbytes, 1)
    return int(min(max(wanted, 1), _LARGEST_SLICE))


def collect(calls: Calls, calling: Calling, typed: Typed) -> Iterator[pa.RecordBatch]:
    """All that the function yields, as batches of one schema; at least one batch."""
    take = _take_pairs if calling is Calling.PAIRS else _take_rows
    size, given = _FIRST_SLICE, False
    while columns_and_rows := take(calls, size, typed):
        calls.end_if_forked()
        columns, rows = columns_and_rows
        batch = typed.batch(columns, rows, calls.locate)
        size, given = _next_slice(batch), True
        yield batch
    if not given:
        yield typed.nothing()


_Columns = tuple[dict[str, Any], int]


def _take_pairs(calls: Calls, size: int, typed: Typed) -> _Columns | None:
    keys: list[Any] = []
    values: list[Any] = []
    calls.begin_slice()
    pair: Any = NOTHING
    try:
        for pair in islice(calls.results, size):
            key, value = pair
            keys.append(key)
            values.append(value)
    except BaseException as error:
        raise calls.failure(error, A_PAIR, unpacking(error, pair)) from error
    if not keys:
        return None
    require_pair(calls, pair)
    return {"key": keys, "value": values}, len(keys)


def require_pair(calls: Calls, item: Any) -> None:
    """Raises the error for an item that came apart in two but is no pair: a string of two letters, a dict."""
    if not isinstance(item, (tuple, list)):
        raise calls.failure(FragmentError(""), A_PAIR, item)


def unpacking(error: BaseException, item: Any) -> Any:
    """The item at hand, if ``error`` is about taking it apart, which only the engine's own loops do."""
    own = error.__traceback__ is not None and error.__traceback__.tb_next is None
    return item if own and isinstance(error, (TypeError, ValueError)) and "unpack" in str(error) else NOTHING


def _take_rows(calls: Calls, size: int, typed: Typed) -> _Columns | None:
    calls.begin_slice()
    rows: list[Any] = []
    try:
        rows.extend(islice(calls.results, size))
    except BaseException as error:
        raise calls.failure(error, A_ROW) from error
    if not rows:
        return None
    return row_columns(calls, rows, typed), len(rows)


def row_columns(calls: Calls, rows: list[Any], typed: Typed) -> dict[str, list[Any]]:
    """The rows as columns, missing keys None."""
    if set(map(type, rows)) != {dict}:
        for row in rows:
            if not isinstance(row, dict):
                raise calls.failure(FragmentError(""), A_ROW, row)
    names = dict.fromkeys(chain.from_iterable(rows))
    if stranger := next((name for name in names if not isinstance(name, str)), None):
        raise calls.failure(FragmentError(""), "column names that are strings", stranger)
    if not names:
        raise calls.failure(FragmentError(""), "dicts of at least one column", rows[0])
    ordered = [*names] if typed.names is None else [*typed.names, *(n for n in names if n not in typed.names)]
    return {name: [row.get(name) for row in rows] for name in ordered}


def collect_routed(
    calls: Calls, calling: Calling, outputs: tuple[str, ...], make: Callable[[str], Typed]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """As ``collect``, for several outputs: (output, batch). Unmarked items go to the first."""
    typed = {name: make(name) for name in outputs}
    given: set[str] = set()
    size = _FIRST_SLICE
    while items := _take_routed(calls, size, outputs):
        calls.end_if_forked()
        for name, mine in items.items():
            batch = _routed_batch(calls, calling, mine, typed[name])
            given.add(name)
            size = min(size, _next_slice(batch))
            yield name, batch
    for name in outputs:
        if name not in given:
            yield name, typed[name].nothing()


def _take_routed(calls: Calls, size: int, outputs: tuple[str, ...]) -> dict[str, list[Any]]:
    calls.begin_slice()
    found: dict[str, list[Any]] = {}
    try:
        for item in islice(calls.results, size):
            name, inner = (item.output, item.item) if isinstance(item, Routed) else (outputs[0], item)
            if name not in outputs:
                raise calls.failure(FragmentError(""), f"one of the outputs {', '.join(outputs)}", item)
            found.setdefault(name, []).append(inner)
    except BaseException as error:
        raise calls.failure(error, A_ROW) from error
    return found


def _routed_batch(calls: Calls, calling: Calling, items: list[Any], typed: Typed) -> pa.RecordBatch:
    if calling is not Calling.PAIRS:
        return typed.batch(row_columns(calls, items, typed), len(items), calls.locate)
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise calls.failure(FragmentError(""), A_PAIR, item)
    columns = dict(zip(PAIR_COLUMNS, map(list, zip(*items, strict=True)), strict=True))
    return typed.batch(columns, len(items), calls.locate)
