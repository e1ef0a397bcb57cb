"""How much of a table one map task reads. Asked by estimates and by the planner; depends on tables and query alone.

A split is cut by the bytes of all columns of a file. Where a query reads few of them, or where every task looks up
many rows of side inputs, of which each makes a hash table of its own, a task takes several neighbouring splits.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format
from gristmill.storage.packing import SPLIT_BYTES
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
    return (
        sum(
            _WIDTHS.get(re.split(r"[( ]", c.type)[0], 8 if "[" not in c.type and "(" not in c.type else 32)
            for c in schema
        )
        or 1
    )


def map_tasks(scan: Scan, looked_up: float = 0.0) -> int:
    """How many tasks read a table, each of which looks up so many rows."""
    if _is_halved(scan):
        return _FEWEST_TASKS
    return -(-_splits(scan) // _splits_a_task(scan, looked_up))


def source_of(scan: Scan, looked_up: float = 0.0) -> FileSource:
    """The table's files in splits for such tasks."""
    if _is_halved(scan):
        return replace(scan.table.source, split_bytes=-(-_uncompressed(scan.table.facts) // 2))
    together = _splits_a_task(scan, looked_up)
    return scan.table.source if together == 1 else replace(scan.table.source, split_bytes=together * SPLIT_BYTES)


def _is_halved(scan: Scan) -> bool:
    """Whether a table of one split is cut in two."""
    facts, source = scan.table.facts, scan.table.source
    if facts.rows is None or source.split_bytes is not None or source.format is not Format.PARQUET:
        return False
    return _splits(scan) == 1 and read_bytes(scan) >= _WORTH_TWO_TASKS


def _uncompressed(facts: TableFacts) -> int:
    """Bytes of a table's files as splits count them."""
    known = dict(facts.column_bytes)
    return sum(known.values()) if len(known) == len(facts.schema) else _EXPANSION * facts.bytes_


def _splits(scan: Scan) -> int:
    wanted = scan.table.source.split_bytes or SPLIT_BYTES
    return max(1, -(-_EXPANSION * scan.table.facts.bytes_ // wanted))


def _splits_a_task(scan: Scan, looked_up: float) -> int:
    facts, splits = scan.table.facts, _splits(scan)
    if facts.rows is None or scan.table.source.split_bytes is not None:
        return 1
    tasks = min(float(splits), read_bytes(scan) / TASK_BYTES)
    if looked_up:
        tasks = min(tasks, max(facts.rows / (_PROBES * looked_up), _ENOUGH_TASKS))
    return max(1, int(splits / _even(max(tasks, _FEWEST_TASKS))))


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
    known = [(c, max(stored[s], _LEAST_TEXT * rows)) for c, s in _texts(scan) if s in stored]
    others = tuple(column for column in scan.columns if column not in {text for text, _ in known})
    return rows * (width(others) if others else 0) + sum(bytes_ for _, bytes_ in known)


def _texts(scan: Scan) -> list[tuple[Column, str]]:
    pairs = zip(scan.columns, scan.sources, strict=True)
    return [(column, source) for column, source in pairs if column.type == "VARCHAR"]
