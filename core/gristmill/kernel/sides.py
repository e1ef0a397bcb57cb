"""Side inputs: small tables that every task sees whole, read when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pyarrow as pa

from gristmill.kernel.context import Sides
from gristmill.kernel.work import Work
from gristmill.plan.stage import ExchangeRead, SideScan, Step
from gristmill.rows.types import arrow_schema, cast_table
from gristmill.shuffle.reader import read_partition
from gristmill.storage.reading import open_split


def side_tables(step: Step, work: Work) -> Sides:
    """What reads each side input of the step, once."""
    readers: dict[str, Callable[[], pa.Table]] = {}
    for scan in step.sides:
        readers[scan.name] = cache(lambda scan=scan: _from_files(scan, work))
    for read in step.side_reads:
        readers[read.input] = cache(lambda read=read: _from_exchange(read, work))
    return readers


def _from_files(scan: SideScan, work: Work) -> pa.Table:
    tables = []
    for split in scan.splits:
        reader = open_split(scan.source, split, work.env.stores, work.env.blocks)
        tables.append(pa.Table.from_batches(reader.batches(), arrow_schema(reader.schema())))
    if not tables:
        return arrow_schema(scan.source.schema or ()).empty_table()
    first = scan.source.schema
    return pa.concat_tables([cast_table(table, first) if first else table for table in tables])


def _from_exchange(read: ExchangeRead, work: Work) -> pa.Table:
    feed = work.feed(read.exchange)
    rows = read_partition(feed, read.spec, 0, work.env.fetch, work.memory.reader, work.path("side"))
    return rows.read_all()
