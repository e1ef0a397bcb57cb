"""Flows: rows on their way, between two exchanges. The planner adds work to a flow until rows must change hands.

A flow has a branch for each kind of task that makes its rows: usually one, several after UNION ALL. A branch reads
files, or the rows of a finished job, or is the reduce of a job that is still open and so may take further inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import JobInput, SideInput
from gristmill.plan.schema import Schema
from gristmill.plan.source import Source
from gristmill_sql.select import Select


@dataclass(frozen=True, slots=True)
class Reading:
    """Map tasks over files, or work at the end of a finished job's tasks: the SELECT reads ``input``.

    ``looked_up`` is how many rows of side inputs each task makes hash tables of, by estimates.
    """

    source: Source
    looked_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Reducing:
    """Reduce tasks of an open job: the SELECT reads its inputs by name."""

    inputs: tuple[JobInput, ...]
    kind: ExchangeKind
    partitions: int
    note: str = ""
    single_reason: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """No tasks yet: the SELECT reads nothing and gives the same rows wherever it stands."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Tasks of one kind and what they compute; ``sides`` are the side inputs that the SELECT names."""

    origin: Reading | Reducing | Constant
    select: Select
    sides: tuple[SideInput, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Rows with these columns.

    ``partitioned``: for each key of the hash exchange behind the rows, the columns that hold its value; empty if
    rows lie anywhere. ``single``: one task holds them all. ``ordered``: they are in order, task after task.
    """

    branches: tuple[Branch, ...]
    columns: Schema
    partitioned: tuple[frozenset[str], ...] = ()
    single: bool = False
    ordered: bool = False

    def applied(self, change: Callable[[Select], Select], columns: Schema) -> Flow:
        """The flow with more work in each of its branches."""
        branches = tuple(replace(branch, select=change(branch.select)) for branch in self.branches)
        names = {column.name for column in columns}
        kept = tuple(frozenset(same & names) for same in self.partitioned)
        return replace(self, branches=branches, columns=columns, partitioned=kept if all(kept) else ())

    def with_sides(self, sides: tuple[SideInput, ...]) -> Flow:
        """The flow whose fragments may name these side inputs as well."""
        return replace(self, branches=tuple(replace(b, sides=(*b.sides, *sides)) for b in self.branches))

    @property
    def in_one_task(self) -> bool:
        """Whether one task holds all rows, be it only because a shuffle has one partition."""
        branch = self.open
        only = branch is not None and isinstance(branch.origin, Reducing) and branch.origin.partitions == 1
        return self.single or only

    def fixed_in_one_task(self) -> Flow:
        """The flow of rows that lie in one task, where they now stay: work may count on seeing all of them."""
        (branch,) = self.branches
        if isinstance(branch.origin, Reducing):
            branch = replace(branch, origin=replace(branch.origin, kind=ExchangeKind.SINGLE))
        return replace(self, branches=(branch,), partitioned=(), single=True)

    @property
    def open(self) -> Branch | None:
        """The flow's only branch if that is an open job."""
        only = self.branches[0]
        return only if len(self.branches) == 1 and isinstance(only.origin, Reducing) else None

    @property
    def constant(self) -> Branch | None:
        """The flow's only branch if that reads nothing."""
        only = self.branches[0]
        return only if len(self.branches) == 1 and isinstance(only.origin, Constant) else None

    def is_partitioned_by(self, keys: frozenset[str]) -> bool:
        """Whether rows that agree in the columns ``keys`` surely lie in one task."""
        return self.single or (bool(self.partitioned) and all(same & keys for same in self.partitioned))
