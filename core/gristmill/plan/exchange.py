"""Exchanges: how rows go from the tasks of one stage to those of the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.plan.fragment import Code, Fragment, PythonFunction
from gristmill.plan.schema import SortKey


class ExchangeKind(StrEnum):
    """Which task of the reading stage gets a row."""

    HASH = "hash"
    """The one that the hash of the key names."""
    RANGE = "range"
    """The one whose range of the sort order holds the row; bounds come from samples of all map output, so the
    parts of the output are in total order."""
    BROADCAST = "broadcast"
    """Every one."""
    SINGLE = "single"
    """The only one."""
    FORWARD = "forward"
    """The one of the same number as the writing task."""
    HELD = "held"
    """As FORWARD, but nothing is read before all is written, since the types of all tasks are unified."""
    CUSTOM = "custom"
    """The one that the user's function names: ``f(key, partitions) -> int``."""


class HashName(StrEnum):
    """Which function a hash exchange uses."""

    GM1 = "gm1"
    """Documented and stable (docs/semantics.md): for what outlives a job. Numbers that are equal hash equal,
    whatever their types."""
    DUCKDB = "duckdb"
    """DuckDB's own: faster, good inside one chain on one version. The number of partitions is a power of two."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one input's rows reach the reduce stage.

    ``keys`` are the columns that partition and group, ``order`` is the order in which rows reach the reducer
    (empty: input, split, record order); for a RANGE exchange the order is what is cut into ranges. ``partitions``
    is the number of reading tasks.
    """

    kind: ExchangeKind
    partitions: int
    keys: tuple[str, ...] = ()
    order: tuple[SortKey, ...] = ()
    hash: HashName = HashName.GM1
    partitioner: PythonFunction | None = None
    combine: Fragment | None = None
    cut: int = 0
    """RANGE: so many leading terms of ``order`` decide the range, so that rows that agree in them stay together.
    0: all of them."""
    code: Code = Code()
    """The source of the partitioner and the combine, where they are named and not pickled."""

    @property
    def range_order(self) -> tuple[SortKey, ...]:
        """The terms by which a RANGE exchange is cut."""
        return self.order[: self.cut] if self.cut else self.order
