"""The workers of a pool, and which run has which: whole workers are lent, one run at a time, and move when others need.

The server tells it of workers, drivers of their runs. To a run a loan is a worker that joins, and at its end drains:
what ran there finishes, its map output stays readable, and the same worker may come again under another id. It makes no
decision about tasks; that is each run's scheduler's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.links import PoolLink, StagedPlan
from gristmill.errors import GristmillError
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.plan.job import Store
from gristmill.plan.task import ExchangeFeed, TaskOrder, TaskResult
from gristmill.schedule.events import Cause, LeaveReason, WorkerJoined

TURN_S = 5.0
"""Where runs are more than workers, each has a worker for at least so long before another gets it."""


@dataclass(slots=True, eq=False)
class PoolRun:
    """A run among others, oldest first. ``logs``: where its tasks' logs are kept, empty: nowhere. ``waiting_since_s``:
    since when it has no worker."""

    name: str
    run: ChainRun
    stores: tuple[Store, ...]
    logs: str
    waiting_since_s: float

    @property
    def wanted_slots(self) -> int:
        """Slots that it could fill now."""
        return 0 if self.run.over else self.run.wanted.slots


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
    """A worker of the pool. ``loan`` is the present one; ``past`` are ended ones of runs that still go on."""

    joined: WorkerJoined
    link: PoolLink
    draining: bool = False
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


class Pool:
    """All workers and runs of one lead (or of one embedded session)."""

    def __init__(self) -> None:
        self._members: dict[WorkerId, Member] = {}
        self._runs: dict[str, PoolRun] = {}
        self._places: dict[str, tuple[str, ...]] = {}
        self._now_s = 0.0

    # What drivers of runs tell.

    def add(self, name: str, run: ChainRun, stores: tuple[Store, ...], now_s: float, logs: str = "") -> None:
        """A run begins, and gets workers as it needs them."""
        self._now_s = now_s
        self._runs[name] = PoolRun(name, run, stores, logs, now_s)
        self.settle(now_s)

    def remove(self, name: str) -> None:
        """A run is over: its workers are free once they have ended what they still do for it."""
        gone = self._runs.pop(name)
        for member in self._members.values():
            member.past = [loan for loan in member.past if loan.run is not gone]
            if member.loan is not None and member.loan.run is gone:
                self._end(member.loan)
        self.settle(self._now_s)

    def introduce(self, name: str) -> dict[str, WorkerId]:
        """Makes all workers known to a run that takes over map output of before; their ids there by host.

        Those that other runs have give it no tasks.
        """
        run = self._runs[name]
        return {member.joined.places[0]: self._known_as(member, run) for member in self._members.values()}

    def hosts(self) -> set[str]:
        """The hosts of all workers, as they call themselves."""
        return {member.joined.places[0] for member in self._members.values()}

    def _known_as(self, member: Member, run: PoolRun) -> WorkerId:
        for loan in member.all_loans():
            if loan.run is run:
                return loan.id
        loan = self._loan(member, run)
        member.past.append(loan)
        run.run.joined(self._as_joined(loan), loan)
        run.run.draining(loan.id)
        return loan.id

    def busy(self, name: str) -> bool:
        """Whether some worker still does something for the run."""
        return any(loan.outstanding for loan in self._loans() if loan.run.name == name)

    def settle(self, now_s: float) -> None:
        """Lends free workers to the runs that need them, and asks back what is lent unevenly."""
        self._now_s = now_s
        for member in self._members.values():
            if member.loan is None and not member.draining and (run := self._neediest()) is not None:
                self._lend(member, run)
        self._take_back()

    def place(self, name: str, places: tuple[str, ...]) -> None:
        """Workers ``name`` and ``name.*`` lie there, from near to far; what they say of themselves counts less."""
        self._places[name] = places

    def nodes(self) -> tuple[str, ...]:
        """The nearest place of each worker that takes tasks, each once, in order."""
        near = (self._known_places(member.joined)[:1] for member in list(self._members.values()) if not member.draining)
        return tuple(sorted({place for places in near for place in places}))

    def _known_places(self, worker: WorkerJoined) -> tuple[str, ...]:
        return self._places.get(worker.worker.rpartition(".")[0] or worker.worker, worker.places)

    # What the server tells.

    def joined(self, worker: WorkerJoined, link: PoolLink) -> None:
        """A worker is there."""
        self._members[worker.worker] = Member(worker, link)
        self.settle(self._now_s)

    def left(self, worker: WorkerId, reason: LeaveReason) -> None:
        """A worker is gone."""
        member = self._members.pop(worker)
        for loan in member.all_loans():
            loan.run.run.left(loan.id, reason)

    def draining(self, worker: WorkerId) -> None:
        """A worker finishes what it has and takes nothing new."""
        member = self._members[worker]
        member.draining = True
        for loan in member.all_loans():
            loan.run.run.draining(loan.id)

    def heartbeat(self, worker: WorkerId, memory_bytes: int, peak_bytes: int) -> None:
        """A worker lives, and holds so many bytes."""
        for loan in self._members[worker].all_loans():
            loan.run.run.heartbeat(loan.id, memory_bytes, peak_bytes)

    def reading(self, worker: WorkerId, attempt: AttemptId, rows: int, bytes_: int) -> None:
        """A running attempt has read so much."""
        if (loan := self._members[worker].loan) is not None:
            loan.run.run.reading(attempt, rows, bytes_)

    def attempt_finished(self, worker: WorkerId, result: TaskResult) -> None:
        """An attempt has its result."""
        if (loan := self._members[worker].loan) is not None:
            loan.outstanding.discard(result.attempt)
            loan.run.run.attempt_finished(loan.id, result)
            self._after(loan)

    def attempt_failed(
        self,
        worker: WorkerId,
        attempt: AttemptId,
        cause: Cause,
        error: GristmillError,
        lost: Sequence[tuple[ExchangeId, int]] = (),
    ) -> None:
        """An attempt gave up."""
        if (loan := self._members[worker].loan) is not None:
            loan.outstanding.discard(attempt)
            loan.run.run.attempt_failed(loan.id, attempt, cause, error, lost)
            self._after(loan)

    def fail(self, worker: WorkerId, error: GristmillError) -> None:
        """A message of the worker could not be handled: the run that it was for cannot go on."""
        if (loan := self._members[worker].loan) is not None:
            loan.run.run.fail(error)

    # What it tells.

    @property
    def slots(self) -> int:
        """Of all workers that take tasks."""
        return sum(member.slots for member in self._members.values() if not member.draining)

    def idle(self) -> tuple[WorkerId, ...]:
        """Workers that have nothing to do, and hold nothing that anybody will read."""
        return tuple(id_ for id_, member in self._members.items() if self._is_idle(member))

    def _is_idle(self, member: Member) -> bool:
        loan = member.loan
        if loan is not None and (loan.outstanding or self._slots_of(loan.run) <= loan.run.wanted_slots):
            return False
        return not any(each.id in each.run.run.holders() for each in member.all_loans())

    def _loans(self) -> Iterator[Loan]:
        return (member.loan for member in self._members.values() if member.loan is not None)

    def _slots_of(self, run: PoolRun) -> int:
        return sum(loan.member.slots for loan in self._loans() if loan.run is run and not loan.ending)

    def _neediest(self) -> PoolRun | None:
        """Who gets the next free worker: the one without any that waits longest, then the oldest that wants more,
        then, to have it at hand, the only one there is."""
        runs = [run for run in self._runs.values() if not run.run.over]
        slots = {run.name: self._slots_of(run) for run in runs}
        without = [run for run in runs if not slots[run.name]]
        if without:
            return min(without, key=lambda run: run.waiting_since_s)
        wanting = (run for run in runs if run.wanted_slots > slots[run.name])
        return next(wanting, runs[0] if len(runs) == 1 else None)

    def _lend(self, member: Member, run: PoolRun) -> None:
        member.loan = self._loan(member, run)
        member.link.serve(run.name, run.stores, run.logs)
        run.run.joined(self._as_joined(member.loan), member.loan)

    def _loan(self, member: Member, run: PoolRun) -> Loan:
        """A new loan, under an id that no run has heard of."""
        id_ = member.joined.worker if not member.loans else WorkerId(f"{member.joined.worker}~{member.loans}")
        member.loans += 1
        return Loan(id_, run, member, self._now_s)

    def _as_joined(self, loan: Loan) -> WorkerJoined:
        """The worker as the run hears of it."""
        joined = loan.member.joined
        return replace(joined, worker=loan.id, places=self._known_places(joined))

    def _take_back(self) -> None:
        """Ends loans for runs that have less than their share; the workers go there once they are empty."""
        runs = [run for run in self._runs.values() if not run.run.over]
        coming = sum(loan.ending for loan in self._loans())
        for run in runs:
            slots = self._slots_of(run)
            if slots and run.wanted_slots <= slots:
                continue
            if coming:
                coming -= 1
            elif (loan := self._spare(run, urgent=not slots)) is not None:
                self._end(loan)

    def _spare(self, wanting: PoolRun, *, urgent: bool) -> Loan | None:
        """The loan of another run that can best be ended: idle ones first; for a run that has no worker at all also
        one of several, or the only one after its turn."""
        loans = [loan for loan in self._loans() if loan.run is not wanting and not loan.ending]
        of_run = {id(loan.run): self._slots_of(loan.run) for loan in loans}
        for loan in loans:
            left = of_run[id(loan.run)] - loan.member.slots
            if not loan.outstanding and left >= (0 if loan.run.run.over else max(loan.run.wanted_slots, 1)):
                return loan
        if not urgent or not loans:
            return None
        most = max(loans, key=lambda loan: (of_run[id(loan.run)], -len(loan.outstanding)))
        if of_run[id(most.run)] > most.member.slots:
            return most
        longest = min(loans, key=lambda loan: loan.since_s)
        return longest if self._now_s - longest.since_s >= TURN_S else None

    def _end(self, loan: Loan) -> None:
        loan.ending = True
        loan.run.run.draining(loan.id)
        self._after(loan)

    def _after(self, loan: Loan) -> None:
        """A loan that ends is over with its last attempt."""
        if not loan.ending or loan.outstanding or loan.member.loan is not loan:
            return
        member, run = loan.member, loan.run
        member.loan = None
        if run.name in self._runs:
            member.past.append(loan)
            if not self._slots_of(run):
                run.waiting_since_s = self._now_s
        self.settle(self._now_s)
