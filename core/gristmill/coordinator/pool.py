"""The workers of a pool, and which run has which: whole workers are lent, one run at a time, and move when others need.

The server tells it of workers, drivers of their runs. To a run a loan is a worker that joins, and at its end drains:
what ran there finishes, its map output stays readable, and the same worker may come again under another id. It makes no
decision about tasks; that is each run's scheduler's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.links import PoolLink
from gristmill.coordinator.loans import Loan, Member, PoolRun
from gristmill.errors import GristmillError
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.plan.job import Store
from gristmill.plan.task import TaskResult
from gristmill.schedule.events import Cause, LeaveReason, WorkerJoined

TURN_S = 5.0
"""Where runs are more than workers, each has a worker for at least so long before another gets it."""
SETTLE_EVERY_S = 0.05
"""What runs want is looked at so often; a worker that comes free is lent at once."""


class Pool:
    """All workers and runs of one lead (or of one embedded session)."""

    def __init__(self) -> None:
        self._members: dict[WorkerId, Member] = {}
        self._runs: dict[str, PoolRun] = {}
        self._places: dict[str, tuple[str, ...]] = {}
        self._free: dict[WorkerId, Member] = {}
        """Members without a loan that take tasks."""
        self._ending: set[Loan] = set()
        self._now_s = 0.0
        self._settled_s = 0.0

    # What drivers of runs tell.

    def add(self, name: str, run: ChainRun, stores: tuple[Store, ...], now_s: float, logs: str = "") -> None:
        """A run begins, and gets workers as it needs them."""
        self._now_s = now_s
        self._runs[name] = PoolRun(name, run, stores, logs, now_s)
        self._settle()

    def remove(self, name: str) -> None:
        """A run is over: its workers are free once they have ended what they still do for it, and forget it then."""
        gone = self._runs.pop(name)
        for member in self._members.values():
            former = [loan for loan in member.past if loan.run is gone]
            member.past = [loan for loan in member.past if loan.run is not gone]
            if former and (member.loan is None or member.loan.run is not gone):
                self._forget(member, gone)
        for loan in list(gone.loans):
            self._end(loan)
        self._settle()

    def _forget(self, member: Member, gone: PoolRun) -> None:
        """Nobody will read what the run has left there; of one that goes on elsewhere somebody may."""
        if gone.run.over:
            member.link.forget(gone.name)

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
        """Time passes: now and then lends free workers to the runs that need them, and asks back what is lent unevenly.

        Every run's driver tells it, many times a second.
        """
        self._now_s = now_s
        if now_s - self._settled_s >= SETTLE_EVERY_S:
            self._settle()

    def _settle(self) -> None:
        self._settled_s = self._now_s
        for id_, member in list(self._free.items()):
            if (run := self._neediest()) is None:
                break
            del self._free[id_]
            self._lend(member, run)
        self._take_back()

    def place(self, name: str, places: tuple[str, ...]) -> None:
        """Workers ``name`` and ``name.*`` lie there, from near to far; what they say of themselves counts less."""
        self._places[name] = places

    def nodes(self) -> tuple[str, ...]:
        """The nearest place of each worker that takes tasks, each once, in order."""
        near = (self._known_places(member.joined)[:1] for member in list(self._members.values()) if not member.draining)
        return tuple(sorted({place for places in near for place in places}))

    def server_of(self, volume: str) -> str:
        """The Flight URI of a worker that has mounted the volume and takes tasks; empty where there is none."""
        members = list(self._members.values())
        having = (member for member in members if not member.draining and volume in member.joined.volumes)
        return next((member.address for member in having if member.address), "")

    def _known_places(self, worker: WorkerJoined) -> tuple[str, ...]:
        return self._places.get(worker.worker.rpartition(".")[0] or worker.worker, worker.places)

    # What the server tells.

    def joined(self, worker: WorkerJoined, link: PoolLink, address: str = "") -> None:
        """A worker is there, and serves files at that Flight URI (empty: nowhere)."""
        self._members[worker.worker] = self._free[worker.worker] = Member(worker, link, address)
        self._settle()

    def left(self, worker: WorkerId, reason: LeaveReason) -> None:
        """A worker is gone. Whatever it still says is not heard."""
        if (member := self._members.pop(worker, None)) is None:
            return
        if member.evicted and reason is LeaveReason.LOST:
            reason = LeaveReason.EVICTED
        self._free.pop(worker, None)
        loans = list(member.all_loans())
        if member.loan is not None:
            self._close(member.loan)
        for loan in loans:
            loan.run.run.left(loan.id, reason)

    def draining(self, worker: WorkerId) -> None:
        """A worker finishes what it has and takes nothing new."""
        if (member := self._members.get(worker)) is None:
            return
        member.draining = True
        self._free.pop(worker, None)
        for loan in member.all_loans():
            loan.run.run.draining(loan.id)

    def heartbeat(self, worker: WorkerId, memory_bytes: int, peak_bytes: int) -> None:
        """A worker lives, and holds so many bytes."""
        member = self._members.get(worker)
        for loan in member.all_loans() if member is not None else ():
            loan.run.run.heartbeat(loan.id, memory_bytes, peak_bytes)

    def reading(self, worker: WorkerId, attempt: AttemptId, rows: int, bytes_: int) -> None:
        """A running attempt has read so much."""
        if (loan := self._present(worker)) is not None:
            loan.run.run.reading(attempt, rows, bytes_)

    def attempt_finished(self, worker: WorkerId, result: TaskResult) -> None:
        """An attempt has its result."""
        if (loan := self._present(worker)) is not None:
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
        if (loan := self._present(worker)) is not None:
            loan.outstanding.discard(attempt)
            loan.run.run.attempt_failed(loan.id, attempt, cause, error, lost)
            self._after(loan)

    def fail(self, worker: WorkerId, error: GristmillError) -> None:
        """A message of the worker could not be handled: the run that it was for cannot go on."""
        if (loan := self._present(worker)) is not None:
            loan.run.run.fail(error)

    def _present(self, worker: WorkerId) -> Loan | None:
        member = self._members.get(worker)
        return None if member is None else member.loan

    # What the operator tells.

    def pod_leaves(self, pod: str, *, evicted: bool) -> None:
        """The cluster ends a pod, perhaps against the operator's will: its workers get nothing new."""
        for id_, member in self._of_pod(pod):
            member.evicted = member.evicted or evicted
            self.draining(id_)

    def pod_gone(self, pod: str) -> None:
        """A pod is no more, whatever its connections look like."""
        for id_, member in self._of_pod(pod):
            member.link.stop()
            self.left(id_, LeaveReason.LOST)

    def _of_pod(self, pod: str) -> list[tuple[WorkerId, Member]]:
        return [(id_, member) for id_, member in self._members.items() if id_.rpartition(".")[0] == pod]

    # What it tells.

    @property
    def slots(self) -> int:
        """Of all workers that take tasks."""
        return sum(member.slots for member in self._members.values() if not member.draining)

    def idle(self) -> tuple[WorkerId, ...]:
        """Workers that have nothing to do, and hold nothing that anybody will read."""
        holders = {run.name: run.run.holders() for run in self._runs.values()}
        return tuple(id_ for id_, member in self._members.items() if self._is_idle(member, holders))

    def _is_idle(self, member: Member, holders: dict[str, set[WorkerId]]) -> bool:
        loan = member.loan
        if loan is not None and (loan.outstanding or loan.run.slots <= loan.run.wanted_slots):
            return False
        return not any(each.id in holders.get(each.run.name, ()) for each in member.all_loans())

    def _loans(self) -> Iterator[Loan]:
        return (member.loan for member in self._members.values() if member.loan is not None)

    def _active(self) -> list[PoolRun]:
        return [run for run in self._runs.values() if not run.run.over]

    def _neediest(self) -> PoolRun | None:
        """Who gets the next free worker: the one without any that waits longest, then the oldest that wants more,
        then, to have it at hand, the only one there is."""
        runs = self._active()
        without = [run for run in runs if not run.slots]
        if without:
            return min(without, key=lambda run: run.waiting_since_s)
        wanting = (run for run in runs if run.wanted_slots > run.slots)
        return next(wanting, runs[0] if len(runs) == 1 else None)

    def _lend(self, member: Member, run: PoolRun) -> None:
        member.loan = loan = self._loan(member, run)
        run.loans[loan] = None
        run.slots += member.slots
        member.link.serve(run.name, run.stores, run.logs)
        run.run.joined(self._as_joined(loan), loan)

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
        coming = len(self._ending)
        for run in self._active():
            if run.slots and run.wanted_slots <= run.slots:
                continue
            if coming:
                coming -= 1
            elif (loan := self._spare(run, urgent=not run.slots)) is not None:
                self._end(loan)

    def _spare(self, wanting: PoolRun, *, urgent: bool) -> Loan | None:
        """The loan of another run that can best be ended: idle ones first; for a run that has no worker at all also
        one of several, or the only one after its turn."""
        others = [run for run in self._runs.values() if run is not wanting and run.slots]
        for run in others:
            more = run.slots - run.keeps_slots
            for loan in run.loans if more > 0 else ():
                if not loan.ending and not loan.outstanding and loan.member.slots <= more:
                    return loan
        loans = [loan for run in others for loan in run.loans if not loan.ending]
        if not urgent or not loans:
            return None
        most = max(loans, key=lambda loan: (loan.run.slots, -len(loan.outstanding)))
        if most.run.slots > most.member.slots:
            return most
        longest = min(loans, key=lambda loan: loan.since_s)
        return longest if self._now_s - longest.since_s >= TURN_S else None

    def _end(self, loan: Loan) -> None:
        """Asks for the worker back."""
        if not loan.ending:
            loan.ending = True
            loan.run.slots -= loan.member.slots
            self._ending.add(loan)
        loan.run.run.draining(loan.id)
        self._after(loan)

    def _after(self, loan: Loan) -> None:
        """A loan that ends is over with its last attempt."""
        if not loan.ending or loan.outstanding or loan.member.loan is not loan:
            return
        member = loan.member
        self._close(loan)
        if not member.draining:
            self._free[member.joined.worker] = member
        if self._runs.get(loan.run.name) is loan.run:
            member.past.append(loan)
        else:
            self._forget(member, loan.run)
        self._settle()

    def _close(self, loan: Loan) -> None:
        """The run has the worker no more."""
        run, member = loan.run, loan.member
        member.loan = None
        run.loans.pop(loan, None)
        if loan.ending:
            self._ending.discard(loan)
        else:
            run.slots -= member.slots
        if not run.slots:
            run.waiting_since_s = self._now_s
