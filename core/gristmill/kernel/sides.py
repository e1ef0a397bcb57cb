"""Side inputs: tables that every task sees whole, read when they are first asked for; Parquet files by SQL itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pyarrow as pa

from gristmill.kernel.context import Sides
from gristmill.kernel.inputs import SplitInput
from gristmill.kernel.work import Work
from gristmill.plan.source import FileRange, Format, Split
from gristmill.plan.stage import ExchangeRead, SideScan, Step
from gristmill.rows.types import arrow_schema, cast_table
from gristmill.shuffle.reader import read_partition
from gristmill.storage.reading import SplitReader, open_split


def side_tables(step: Step, work: Work) -> Sides:
    """What reads each side input of the step, once."""
    readers: dict[str, Callable[[], pa.Table]] = {}
    for scan in step.sides:
        readers[scan.name] = cache(lambda scan=scan: _from_files(scan, work))
    for read in step.side_reads:
        readers[read.input] = cache(lambda read=read: _from_exchange(read, work))
    return readers


def side_relations(step: Step, work: Work) -> dict[str, pa.Table | SplitInput]:
    """The side inputs of the step for SQL: of Parquet files it reads what it needs itself, the others are tables."""
    scans = {scan.name: scan for scan in step.sides if _is_scanned(scan)}
    tables = {name: read() for name, read in side_tables(step, work).items() if name not in scans}
    return tables | {name: SplitInput(name, _whole(scan, work), lambda _: None) for name, scan in scans.items()}


def _is_scanned(scan: SideScan) -> bool:
    return scan.source.format is Format.PARQUET and any(split.pieces for split in scan.splits)


def _whole(scan: SideScan, work: Work) -> SplitReader:
    pieces = whole_files([piece for split in scan.splits for piece in split.pieces])
    split = Split(tuple(pieces), sum(split.bytes_ for split in scan.splits))
    return open_split(scan.source, split, work.env.stores, work.env.blocks)


def whole_files(pieces: list[FileRange]) -> list[FileRange]:
    """Files in place of the row groups that they were cut into."""
    return list({piece.uri: replace(piece, first_row=None, rows=None) for piece in pieces}.values())


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
