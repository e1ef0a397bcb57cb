"""Tasks that ran out of memory get a worker to themselves: one is kept free of new work till it is empty."""

from __future__ import annotations

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import CancelReason
from gristmill.schedule.locality import admitted, distance
from gristmill.schedule.workers import WorkerState

Held = tuple[int, int]
"""(stage, partition) of a task that waits for a whole worker."""


class WholeWorkers:
    """Which worker is reserved for which task."""

    def __init__(self, chain: Chain, attempts: Attempts) -> None:
        self._chain = chain
        self._attempts = attempts
        self.reserved: dict[Held, WorkerState] = {}

    def settle(self) -> None:
        """Drops reservations that cannot be used, makes new ones, launches where a worker is empty."""
        for held, reserved in list(self.reserved.items()):
            if self._stands(held):
                self._clear(reserved)
            else:
                self._drop(held)
        scarce = False
        for held in list(self._chain.held):
            if not self._ready(held) or (scarce and held not in self.reserved):
                continue
            worker = self._choose(held)
            scarce = scarce or (worker is None and self._anywhere(held))
            if worker is not None and not worker.active:
                self._launch(held, worker)

    def _anywhere(self, held: Held) -> bool:
        """Whether the task needs no volume: whatever worker comes free is for it."""
        return self._chain.stages[held[0]].may_run(held[1], frozenset())

    def _choose(self, held: Held) -> WorkerState | None:
        """The worker reserved for the task: an empty one if there is any, else that with the least to do."""
        reserved = self.reserved.get(held)
        if reserved is not None and not reserved.active:
            return reserved
        stage, partition = self._chain.stages[held[0]], held[1]
        fit = [each for each in self._chain.roster.free if admitted(self._chain, stage, partition, each)]
        empty = next((each for each in fit if not each.active), None)
        if reserved is not None and empty is None:
            return reserved
        if reserved is not None:
            self._drop(held)
        return self._reserve(held, empty) if empty is not None else self._reserve_any(held)

    def _launch(self, held: Held, worker: WorkerState) -> None:
        stage, partition = self._chain.stages[held[0]], held[1]
        del self.reserved[held]
        self._chain.held.remove(held)
        self._attempts.launch(stage, partition, worker, distance(self._chain, stage, partition, worker))

    def _ready(self, held: Held) -> bool:
        stage, partition = self._chain.stages[held[0]], held[1]
        return stage.gate == 0 and self._chain.forwarded(stage, partition)

    def _stands(self, held: Held) -> bool:
        return self.reserved[held].usable and held in self._chain.held and self._ready(held)

    def _drop(self, held: Held) -> None:
        worker = self.reserved.pop(held)
        worker.reserved = False
        self._chain.roster.touch(worker)
        self._chain.freed.append(worker)

    def _reserve_any(self, held: Held) -> WorkerState | None:
        stage, partition = self._chain.stages[held[0]], held[1]
        usable = [worker for worker in self._chain.roster.usable() if not worker.reserved]
        fit = [worker for worker in usable if admitted(self._chain, stage, partition, worker)]
        if not fit:
            return None
        return self._reserve(held, min(fit, key=lambda each: (len(each.active), each.number)))

    def _reserve(self, held: Held, worker: WorkerState) -> WorkerState:
        worker.reserved = True
        self.reserved[held] = worker
        self._clear(worker)
        return worker

    def _clear(self, worker: WorkerState) -> None:
        """Cancels what waits there: in the queue, or for input that is not complete."""
        for run in [*worker.queued, *worker.active]:
            if run in worker.queued or (run.early and run.stage.gate):
                self._attempts.give_back(run, CancelReason.SLOT_NEEDED)
        self._chain.roster.touch(worker)
