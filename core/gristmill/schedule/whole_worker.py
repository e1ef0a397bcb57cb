"""Tasks that ran out of memory get a worker to themselves: one is kept free of new work till it is empty."""

from __future__ import annotations

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import CancelReason
from gristmill.schedule.locality import admitted, distance
from gristmill.schedule.stages import StageState
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
        """Drops reservations that cannot be used, makes new ones, launches where the worker is empty."""
        chain = self._chain
        for held, worker in list(self.reserved.items()):
            if self._stands(held):
                self._clear(worker)
            else:
                self._drop(held)
        for held in list(chain.held):
            stage, partition = chain.stages[held[0]], held[1]
            if held not in self.reserved and self._ready(stage, partition) and not self._reserve(held):
                return
            if held in self.reserved and not self.reserved[held].active:
                self._launch(held, self.reserved.pop(held))

    def _launch(self, held: Held, worker: WorkerState) -> None:
        stage, partition = self._chain.stages[held[0]], held[1]
        self._chain.held.remove(held)
        self._attempts.launch(stage, partition, worker, distance(self._chain, stage, partition, worker))

    def _ready(self, stage: StageState, partition: int) -> bool:
        return stage.gate == 0 and self._chain.forwarded(stage, partition)

    def _stands(self, held: Held) -> bool:
        worker = self.reserved[held]
        there = worker.id in self._chain.roster.by_id and worker.usable
        return there and held in self._chain.held and self._ready(self._chain.stages[held[0]], held[1])

    def _drop(self, held: Held) -> None:
        worker = self.reserved.pop(held)
        worker.reserved = False
        if worker.id in self._chain.roster.by_id:
            self._chain.roster.touch(worker)
            self._chain.freed.append(worker)

    def _reserve(self, held: Held) -> bool:
        """Takes the emptiest worker that the task may have; False: there is none."""
        chain = self._chain
        stage, partition = chain.stages[held[0]], held[1]
        usable = [worker for worker in chain.roster.usable() if not worker.reserved]
        fit = [worker for worker in usable if admitted(chain, stage, partition, worker)]
        if not fit:
            return False
        worker = min(fit, key=lambda each: (len(each.active), each.number))
        worker.reserved = True
        self.reserved[held] = worker
        self._clear(worker)
        return True

    def _clear(self, worker: WorkerState) -> None:
        """Cancels what waits there: in the queue, or for input that is not complete."""
        for run in [*worker.queued, *worker.active]:
            if run in worker.queued or (run.early and run.stage.gate):
                self._attempts.give_back(run, CancelReason.SLOT_NEEDED)
        self._chain.roster.touch(worker)
