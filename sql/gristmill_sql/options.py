"""What the caller may set for one compilation; the only place where the planner's thresholds have their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gristmill.plan.job import Output
from gristmill_sql.pivot_values import Ask

MIB = 1 << 20
MAX_PARTITIONS = 256
MERGED_ROWS = 10_000
"""A last merge of so few rows in one task counts as spread."""

_WORTH_A_REDUCER = 8 * MIB


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How a query is read and spread. Nothing here may depend on workers or memory: the plan is the same everywhere.

    ``dialect`` is any of sqlglot's; ``params`` are a sequence for ``?`` and ``$1``, a mapping for ``$name``, bound
    as typed literals. ``partitions`` fixes the number of reducers of every shuffle; None takes it from the estimated
    bytes, one for each ``partition_bytes``. A join side, or a side input, of at most ``broadcast_bytes`` goes whole to
    every task (0: never). A result of at most ``single_rows`` estimated rows is sorted in one task. Keys of one side of
    a join filter the other before its rows move if that spares ``filter_rows`` rows (negative: wherever it is sound).
    ``now`` is the query's instant for ``now()`` and its like; None: the moment of compiling. ``ask`` runs a query
    first, for PIVOT without its values; None: that is refused. ``name`` starts the names of the jobs; ``outputs`` is
    where the last one writes.
    """

    dialect: str = "duckdb"
    params: tuple[object, ...] | Mapping[str, object] = ()
    partitions: int | None = None
    broadcast_bytes: int = 32 * MIB
    partition_bytes: int = 64 * MIB
    single_rows: int = 10_000
    filter_rows: int = 300_000
    now: datetime | None = None
    ask: Ask | None = None
    name: str = "query"
    outputs: tuple[Output, ...] = ()

    def partitions_for(self, bytes_: float) -> int:
        """How many reducers so many bytes want: what ``partitions`` fixes, else a power of two."""
        if self.partitions is not None:
            return self.partitions
        wanted = min(max(1, -(-int(bytes_) // self.partition_bytes)), MAX_PARTITIONS)
        return 1 << (wanted - 1).bit_length()

    def join_partitions_for(self, bytes_: float) -> int:
        """As ``partitions_for``, for joins, which take a reducer longest: two where that leaves each enough."""
        wanted = self.partitions_for(bytes_)
        return 2 if wanted == 1 and self.partitions is None and bytes_ >= 2 * _WORTH_A_REDUCER else wanted
