"""Reading one partition of an exchange: all map outputs' rows for one task, in the exchange's order.

The kernel calls it for each input of a reduce. Without an order rows stream through, output after output. With one,
the outputs' sorted runs are merged: in memory if they fit, else piece by piece with spill files. The bytes that come
out are the same either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import Schema
from gristmill.plan.task import ExchangeFeed
from gristmill.rows.types import arrow_schema, cast_table
from gristmill.shuffle.blocks import BlockFetcher, Run, Selection
from gristmill.shuffle.merge import BLOCK_BYTES, BLOCK_ROWS, Combine, gathered, in_order, merge_runs
from gristmill.shuffle.narrow import widened_table

_IN_MEMORY_SHARE = 0.3
_FETCHED_SHARE = 0.3


def read_partition(
    feed: ExchangeFeed,
    spec: Exchange,
    partition: int,
    fetch: BlockFetcher,
    memory_bytes: int,
    spill_dir: Path,
    combine: Combine | None = None,
) -> pa.RecordBatchReader:
    """The rows of ``partition`` in ``spec.order``, ties in (task order, record) order; without an order in that.

    Batches have ``arrow_schema(feed.schema)`` and at most 65,536 rows. BROADCAST and SINGLE give all rows of every
    output, FORWARD those of the output with the partition's number. ``combine`` is applied to pieces of the merged
    rows (a key may come in several). Reading raises LostBlock, StorageError, TypeConflict.
    """
    selection = Selection(spec, partition, feed.bounds if spec.kind is ExchangeKind.RANGE else b"")
    tables = _tables(feed, selection, fetch, memory_bytes, spill_dir, combine)
    batches = (batch for table in tables for batch in table.to_batches(max_chunksize=BLOCK_ROWS))
    return pa.RecordBatchReader.from_batches(arrow_schema(feed.schema), batches)


def _tables(
    feed: ExchangeFeed,
    selection: Selection,
    fetch: BlockFetcher,
    memory_bytes: int,
    spill_dir: Path,
    combine: Combine | None,
) -> Iterator[pa.Table]:
    runs = fetch.runs(feed, selection, int(_FETCHED_SHARE * memory_bytes), spill_dir)
    order = selection.spec.order
    if not order:
        rows = _in_turn(runs, feed.schema)
        if combine is None:
            yield from rows
        else:
            yield from map(combine, gathered(rows, memory_bytes // 4))
        return
    held = list(runs)
    combine_in_order = partial(_combined, combine, order, feed.schema) if combine is not None else None
    if sum(run.memory for run in held) <= _IN_MEMORY_SHARE * memory_bytes:
        yield from _sorted_in_memory(held, feed.schema, selection, combine_in_order)
    else:
        sorted_runs = [_cast(run, feed.schema) for run in held]
        yield from merge_runs(sorted_runs, order, memory_bytes // 2, spill_dir, combine_in_order)


def _in_turn(runs: Iterator[Run], schema: Schema) -> Iterator[pa.Table]:
    """The rows of run after run. Small blocks of one form are put together before they are widened."""
    for wide, batches in _alike((run.schema, batch) for run in runs for batch in run.encoded()):
        table = pa.Table.from_batches(batches)
        yield cast_table(widened_table(table.combine_chunks() if len(batches) > 1 else table, wide), schema)


def _alike(blocks: Iterable[tuple[pa.Schema, pa.RecordBatch]]) -> Iterator[tuple[pa.Schema, list[pa.RecordBatch]]]:
    """Neighbouring blocks of one schema and form, up to about a MiB."""
    held: list[pa.RecordBatch] = []
    before, size = pa.schema([]), 0
    for wide, batch in blocks:
        size += batch.nbytes
        if held and not (size <= BLOCK_BYTES and _same(wide, before) and _same(batch.schema, held[0].schema)):
            yield before, held
            held, size = [], batch.nbytes
        held.append(batch)
        before = wide
    if held:
        yield before, held


def _same(left: pa.Schema, right: pa.Schema) -> bool:
    return left is right or bool(left.equals(right, check_metadata=True))


def _cast(run: Run, schema: Schema) -> Iterator[pa.Table]:
    for batch in run.batches():
        yield cast_table(pa.Table.from_batches([batch]), schema)


def _combined(combine: Combine, order: tuple, schema: Schema, table: pa.Table) -> pa.Table:  # type: ignore[type-arg]
    return in_order(cast_table(combine(table), schema), order)


def _sorted_in_memory(
    runs: list[Run], schema: Schema, selection: Selection, combine: Combine | None
) -> Iterator[pa.Table]:
    tables = [table for run in runs for table in _cast(run, schema)]
    if not tables:
        return
    rows = pa.concat_tables(tables)
    if len(runs) > 1:
        rows = in_order(rows, selection.spec.order)
    yield rows if combine is None else combine(rows)
