"""Who has which worker of a pool: runs, workers, and the loans between them. The book that ``pool`` decides by.

Counts are kept as loans begin and end, since the pool asks for them many times a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.links import PoolLink, StagedPlan
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.plan.job import Store
from gristmill.plan.task import ExchangeFeed, TaskOrder
from gristmill.schedule.events import WorkerJoined


@dataclass(slots=True, eq=False)
class PoolRun:
    """A run among others, oldest first. ``logs``: where its tasks' logs are kept, empty: nowhere. ``waiting_since_s``:
    since when it has no worker. ``loans`` are its present ones in order; ``slots`` those of loans that are not ending.
    """

    name: str
    run: ChainRun
    stores: tuple[Store, ...]
    logs: str
    waiting_since_s: float
    loans: dict[Loan, None] = field(default_factory=dict)
    slots: int = 0

    @property
    def wanted_slots(self) -> int:
        """Slots that it could fill now."""
        return 0 if self.run.over else self.run.wanted.slots

    @property
    def keeps_slots(self) -> int:
        """So many slots nobody else gets while it could use them."""
        return 0 if self.run.over else max(self.run.wanted.slots, 1)


class Loan:
    """A worker while one run has it: the run's WorkerLink. Compared by identity."""

    def __init__(self, id_: WorkerId, run: PoolRun, member: Member, since_s: float) -> None:
        self.id = id_
        self.run = run
        self.member = member
        self.since_s = since_s
        self.ending = False
        self.outstanding: set[AttemptId] = set()
        """Launched, and not heard of yet."""

    def feed(self, update: ExchangeFeed) -> None:
        """See WorkerLink."""
        self.member.link.feed(update)

    def launch(self, plan: StagedPlan, order: TaskOrder) -> None:
        """See WorkerLink."""
        self.outstanding.add(order.attempt)
        self.member.link.launch(plan, order)

    def cancel(self, attempt: AttemptId) -> None:
        """See WorkerLink."""
        if attempt in self.outstanding:
            self.member.link.cancel(attempt)

    def release(self, run: str, exchange: ExchangeId) -> None:
        """See WorkerLink."""
        self.member.link.release(run, exchange)

    def stop(self) -> None:
        """See WorkerLink."""
        self.member.link.stop()


@dataclass(slots=True, eq=False)
class Member:
    """A worker of the pool. ``loan`` is the present one; ``past`` are ended ones of runs that still go on. ``evicted``:
    the cluster takes it away. ``address``: its Flight URI."""

    joined: WorkerJoined
    link: PoolLink
    address: str = ""
    draining: bool = False
    evicted: bool = False
    loans: int = 0
    loan: Loan | None = None
    past: list[Loan] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """Attempts that it runs at a time."""
        return self.joined.slots

    def all_loans(self) -> Iterator[Loan]:
        """The present loan and those whose map output may still be read."""
        yield from self.past
        if self.loan is not None:
            yield self.loan
