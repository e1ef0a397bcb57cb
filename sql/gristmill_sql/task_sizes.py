"""How much of a table one map task reads. Asked by estimates and by the planner; depends on tables and query alone.

A split is cut by the bytes of all columns of a file. Where a query reads few of them, or where every task looks up
many rows of side inputs, of which each makes a hash table of its own, a task takes several neighbouring splits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format
from gristmill.storage.packing import FILE_COST_BYTES, SPLIT_BYTES
from gristmill_sql.algebra import Scan
from gristmill_sql.catalog import TableFacts

TASK_BYTES = 192 << 20
"""What the columns that a task reads may take in Arrow's form before it takes fewer splits."""
MOVING = 2.0
"""A row that moves through a shuffle costs as much as so many that a task adds to a hash table of its own (measured on
TPC-H at scale factor 10: 0.16 against 0.05 to 0.1 microseconds)."""
_PROBES = 2
"""So many rows a task reads at least for each row that it looks up, as long as there are tasks enough."""
_ENOUGH_TASKS = 8
_FEWEST_TASKS = 2
_WORTH_TWO_TASKS = 5_000_000
"""Where a query reads so many bytes of a table, in Arrow's form, two tasks read even a table of one split: what the
other one takes (about 5 ms) is less than half of the work."""
_LEAST_TEXT = 4
"""Bytes of a text as the number of an entry of its dictionary."""
_EXPANSION = 2
"""Bytes that a split counts for each byte of a Parquet file."""
_WIDTHS = {
    "BOOLEAN": 1,
    "TINYINT": 1,
    "SMALLINT": 2,
    "INTEGER": 4,
    "DATE": 4,
    "FLOAT": 4,
    "HUGEINT": 16,
    "VARCHAR": 24,
    "DECIMAL": 8,
}


def width(schema: Schema) -> int:
    """Bytes of a row in Arrow's form, roughly."""
    return sum([_width(column.type) for column in schema]) or 1


@lru_cache(maxsize=1024)
def _width(type_: str) -> int:
    return _WIDTHS.get(re.split(r"[( ]", type_)[0], 8 if "[" not in type_ and "(" not in type_ else 32)


@dataclass(frozen=True, slots=True)
class TableRead:
    """What decides how many tasks read a table: its splits, its rows, and the bytes of the columns that are read.

    ``rows`` None: each task reads one split, since more is not known of the table, or since its source says so.
    ``halved``: a table of one split is cut in two.
    """

    splits: int
    rows: int | None = None
    bytes_: float = 0.0
    halved: bool = False

    @classmethod
    def of(cls, scan: Scan) -> TableRead:
        """The reading of a scan's columns."""
        facts, source = scan.table.facts, scan.table.source
        splits = max(1, -(-_EXPANSION * facts.bytes_ // (source.split_bytes or SPLIT_BYTES)))
        if facts.rows is None or source.split_bytes is not None:
            return cls(splits)
        bytes_ = read_bytes(scan)
        halved = splits == 1 and source.format is Format.PARQUET and bytes_ >= _WORTH_TWO_TASKS
        return cls(splits, facts.rows, bytes_, halved)

    def tasks(self, looked_up: float = 0.0) -> int:
        """How many tasks read it, each of which looks up so many rows."""
        return _FEWEST_TASKS if self.halved else -(-self.splits // self.splits_a_task(looked_up))

    def splits_a_task(self, looked_up: float = 0.0) -> int:
        """How many splits each of these takes."""
        if self.rows is None:
            return 1
        tasks = min(float(self.splits), self.bytes_ / TASK_BYTES)
        if looked_up:
            tasks = min(tasks, max(self.rows / (_PROBES * looked_up), _ENOUGH_TASKS))
        return max(1, int(self.splits / _even(max(tasks, _FEWEST_TASKS))))


def map_tasks(scan: Scan, looked_up: float = 0.0) -> int:
    """How many tasks read a table, each of which looks up so many rows."""
    return TableRead.of(scan).tasks(looked_up)


def source_of(scan: Scan, looked_up: float = 0.0) -> FileSource:
    """The table's files in splits for such tasks."""
    read = TableRead.of(scan)
    if read.halved:
        return replace(scan.table.source, split_bytes=_half(scan.table.facts))
    together = read.splits_a_task(looked_up)
    return scan.table.source if together == 1 else replace(scan.table.source, split_bytes=together * SPLIT_BYTES)


def _half(facts: TableFacts) -> int:
    """The size of splits that cuts a table in two: one file evenly, several with half a file to spare."""
    bytes_ = _uncompressed(facts)
    if facts.files == 1:
        return -(-bytes_ // 2)
    bytes_ += facts.files * FILE_COST_BYTES
    return (bytes_ + bytes_ // facts.files) // 2


def _uncompressed(facts: TableFacts) -> int:
    """Bytes of a table's files as splits count them."""
    known = dict(facts.column_bytes)
    return sum(known.values()) if len(known) == len(facts.schema) else _EXPANSION * facts.bytes_


def _even(tasks: float) -> float:
    """A few tasks are a power of two, so that none is left over when as many workers have had one each."""
    return 1 << int(math.log2(tasks)) if tasks < _ENOUGH_TASKS else tasks


def read_bytes(scan: Scan) -> float:
    """What the columns that a query reads of a table take: texts as in its files, short where there is a dictionary.

    Infinite where the rows are not known.
    """
    if scan.table.facts.rows is None:
        return math.inf
    rows, stored = scan.table.facts.rows, dict(scan.table.facts.column_bytes)
    texts = {c.name: stored[s] for c, s in zip(scan.columns, scan.sources, strict=True) if _is_text(c) and s in stored}
    others = tuple(column for column in scan.columns if column.name not in texts)
    of_texts = sum(max(bytes_, _LEAST_TEXT * rows) for bytes_ in texts.values())
    return rows * (width(others) if others else 0) + of_texts


def _is_text(column: Column) -> bool:
    return column.type == "VARCHAR"
