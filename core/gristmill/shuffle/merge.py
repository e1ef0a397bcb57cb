"""Merging sorted runs of rows into one, in bounded memory: for spills of a writer and for the runs of a reader.

The merge works on whole buffers, not on rows: all rows up to the smallest last key of the runs that have more to
come are concatenated in run order and sorted stably, which timsort does in one pass over runs that are sorted. Ties
keep run order, then row order, whatever the size of the buffers.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gristmill.plan.schema import SortKey
from gristmill.rows.ordering import key_table, sort_indices
from gristmill.shuffle.format import BlockWriter, OpenFile, storage_error

Combine = Callable[[pa.Table], pa.Table]
Order = tuple[SortKey, ...]

BLOCK_BYTES = 1 << 20
BLOCK_ROWS = 1 << 16
_FAN_IN_BYTES = 4 * BLOCK_BYTES


def blocks_of(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The rows in batches of about a MiB and at most 65,536 rows; small chunks are put together."""
    rows = table.num_rows
    if not rows:
        return
    limit = max(1, min(BLOCK_ROWS, BLOCK_BYTES * rows // max(table.nbytes, 1)))
    chunks = table.column(0).num_chunks if table.num_columns else 1
    if chunks > 1 and rows < chunks * min(limit, 4096):
        table = table.combine_chunks()
    yield from table.to_batches(max_chunksize=limit)


def fan_in(memory_bytes: int) -> int:
    """How many runs may be merged at once."""
    return max(2, memory_bytes // _FAN_IN_BYTES)


def merge_runs(
    runs: Sequence[Iterable[pa.Table]], order: Order, memory_bytes: int, spill_dir: Path, combine: Combine | None
) -> Iterator[pa.Table]:
    """All rows of sorted ``runs`` in ``order``, ties in run order; ``combine`` is applied to each piece and keeps it
    in order.

    More runs than memory has room for are merged in groups of neighbours into spill files first, so a very wide
    fan-in becomes a tree. The spill files are gone when the iterator ends or is closed. Raises StorageError.
    """
    limit = fan_in(memory_bytes)
    files: list[OpenFile] = []
    try:
        while len(runs) > limit:
            merged: list[Iterable[pa.Table]] = []
            for start in range(0, len(runs), limit):
                group = runs[start : start + limit]
                path = spill_dir / f"merge-{uuid.uuid4().hex}"
                file = _merged_file(group, order, memory_bytes, path, combine)
                files.append(file)
                merged.append(file.tables(0))
            runs = merged
        for table in _merge(runs, order, memory_bytes):
            yield table if combine is None else combine(table)
    finally:
        for file in files:
            file.path.unlink(missing_ok=True)


def gathered(tables: Iterable[pa.Table], bytes_: int) -> Iterator[pa.Table]:
    """Neighbouring tables put together until they hold about ``bytes_``."""
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        held.append(table)
        size += table.nbytes
        if size >= bytes_:
            yield pa.concat_tables(held)
            held, size = [], 0
    if held:
        yield pa.concat_tables(held)


def _merged_file(
    runs: Sequence[Iterable[pa.Table]], order: Order, memory_bytes: int, path: Path, combine: Combine | None
) -> OpenFile:
    tables = _merge(runs, order, memory_bytes)
    first = next(tables, None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = BlockWriter(path, pa.schema([]) if first is None else first.schema, None)
        for table in chain(() if first is None else (first,), tables):
            for batch in blocks_of(table if combine is None else combine(table)):
                writer.append(0, batch)
        writer.finish("")
        return OpenFile.open(path)
    except OSError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def in_order(table: pa.Table, order: Order) -> pa.Table:
    """The table sorted stably; itself where there is no order."""
    if not order or table.num_rows < 2:
        return table
    table = table.combine_chunks()
    return table.take(pa.array(sort_indices(table, order)))


def _merge(runs: Sequence[Iterable[pa.Table]], order: Order, memory_bytes: int) -> Iterator[pa.Table]:
    share = memory_bytes // (4 * max(len(runs), 1))
    cursors = [_Cursor(iter(run), order, share) for run in runs]
    while True:
        live = [cursor for cursor in cursors if cursor.fill()]
        if not live:
            return
        if len(live) == 1:
            yield live[0].take_all()
        else:
            yield _next_piece(live, order)


class _Cursor:
    """The buffered head of one run: rows that were read and not yet given out, with their keys."""

    def __init__(self, run: Iterator[pa.Table], order: Order, share_bytes: int) -> None:
        self._run = run
        self._order = order
        self._share_bytes = share_bytes
        self.rows: Any = None
        self.keys: Any = None
        self.exhausted = False

    def fill(self) -> bool:
        """Reads at least one block ahead, up to the run's share of memory; False when nothing is left."""
        held = self.rows
        while not self.exhausted and (held is None or held.nbytes < self._share_bytes // 2):
            more = next(self._run, None)
            if more is None:
                self.exhausted = True
            elif more.num_rows:
                held = more if held is None else pa.concat_tables([held, more])
        self._hold(held)
        return held is not None

    def drop(self, count: int) -> None:
        """Forgets the first ``count`` rows."""
        if self.rows is not None:
            self._hold(self.rows.slice(count) if count < self.rows.num_rows else None)

    def take_all(self) -> pa.Table:
        """Gives out all that is buffered."""
        rows = self.rows
        self._hold(None)
        return rows

    def edge(self, last: bool) -> pa.Table:
        """The key of the first or the last buffered row."""
        return self.keys.slice(self.keys.num_rows - 1 if last else 0, 1)

    def _hold(self, rows: pa.Table | None) -> None:
        if rows is not self.rows:
            self.rows = rows
            self.keys = None if rows is None else key_table(rows, self._order)


def _next_piece(live: list[_Cursor], order: Order) -> pa.Table:
    """The sorted rows that no row yet to be read can precede."""
    open_ = [at for at, cursor in enumerate(live) if not cursor.exhausted]
    if open_:
        last = pa.concat_tables([live[at].edge(last=True) for at in open_])
        limiting = open_[int(sort_indices(last, order)[0])]
        firsts = pa.concat_tables([cursor.edge(last=False) for cursor in live] + [live[limiting].edge(last=True)])
        ranked = sort_indices(firsts, order)
        before = {int(at) for at in ranked[: int(np.flatnonzero(ranked == len(live))[0])]}
        chosen = [at for at in range(len(live)) if at in before]
    else:
        limiting, chosen = -1, list(range(len(live)))
    return _cut([live[at] for at in chosen], chosen.index(limiting) if limiting >= 0 else -1, order)


def _cut(cursors: list[_Cursor], limiting: int, order: Order) -> pa.Table:
    """Sorts the buffers of ``cursors`` together and gives the rows up to the last one of the limiting run."""
    sizes = [cursor.keys.num_rows for cursor in cursors]
    ends = np.cumsum(sizes)
    ranked = sort_indices(pa.concat_tables([cursor.keys for cursor in cursors]), order)
    if limiting >= 0:
        ranked = ranked[: int(np.flatnonzero(ranked == ends[limiting] - 1)[0]) + 1]
    owners = np.searchsorted(ends, ranked, side="right")
    counts = np.bincount(owners, minlength=len(cursors))
    heads = [cursor.rows.slice(0, int(count)) for cursor, count in zip(cursors, counts, strict=True)]
    offsets = np.cumsum(counts) - counts
    picked = pa.concat_tables(heads).combine_chunks()
    for cursor, count in zip(cursors, counts, strict=True):
        cursor.drop(int(count))
    if np.count_nonzero(counts) == 1:
        return picked
    starts = ends - sizes
    return picked.take(pa.array(ranked - starts[owners] + offsets[owners]))
