"""What the fragments of one run of a task share: order, surroundings, budgets, figures, and what was found out.

Made by ``run_task``; a task that has to start over with a wider schema gets a new one that remembers the schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.errors import InternalError
from gristmill.ids import ExchangeId
from gristmill.kernel.context import TaskContext
from gristmill.kernel.environment import MemorySplit, TaskEnv
from gristmill.plan.schema import Schema
from gristmill.plan.stage import Step
from gristmill.plan.task import ExchangeFeed, TaskOrder


def step_name(step: Step) -> str:
    """What messages call the work of a step."""
    return f"job {step.job}, map of {step.input}" if step.input else f"job {step.job}, reduce"


@dataclass(slots=True)
class Work:
    """One run of one task. ``folder`` is its own directory in scratch, made by what writes there, removed when
    the task ends."""

    order: TaskOrder
    env: TaskEnv
    context: TaskContext
    folder: Path
    pinned: dict[object, Schema] = field(default_factory=dict)
    mixed: set[str] = field(default_factory=set)
    """Names of steps whose batches may differ in types, since what takes them can cast."""
    rows_in: int = 0
    bytes_spilled: int = 0
    skipped: list[tuple[str, int]] = field(default_factory=list)
    bytes_read: Callable[[], int] = lambda: 0
    _numbers: int = 0

    @property
    def memory(self) -> MemorySplit:
        """The budgets of this task's parts, in bytes."""
        return MemorySplit.of(self.order.memory_bytes)

    @property
    def skip(self) -> frozenset[tuple[str, int]]:
        """Records to leave out."""
        return frozenset(self.order.skip)

    @property
    def partition(self) -> int:
        """The number of the task in its stage."""
        return self.order.attempt.task.partition

    def seen(self, rows: int) -> None:
        """Counts rows that were read, and tells the worker how far the task is."""
        self.rows_in += rows
        self.env.progress(self.rows_in, self.bytes_read())

    def spilled(self, bytes_: int) -> None:
        """Counts bytes that were written to disk to be read again."""
        self.bytes_spilled += bytes_

    def left_out(self, file: str, record: int) -> None:
        """Notes a record of ``skip`` that this task had and passed over."""
        self.skipped.append((file, record))

    def path(self, purpose: str) -> Path:
        """A new path in the task's folder, which may not be there yet."""
        self._numbers += 1
        return self.folder / f"{self._numbers:03}-{purpose}"

    def feed(self, exchange: ExchangeId) -> ExchangeFeed:
        """What to read of an exchange; waits until all of it was written."""
        for feed in self.order.feeds:
            if feed.exchange == exchange:
                return feed if feed.sealed else self.env.feed_updates(exchange)
        raise InternalError(f"the order has no feed of exchange {exchange}", place=str(self.order.attempt))
