"""Who runs what: fills free slots with the lowest waiting tasks, and what to do with slots when nothing waits.

Runs once after each event. An event concerns the workers that it freed; only when tasks began to wait, a gate
opened or time passed are all free workers looked at.
"""

from __future__ import annotations

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import CancelReason, Locality
from gristmill.schedule.locality import admitted, distance, pick
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import RUNNING
from gristmill.schedule.whole_worker import WholeWorkers
from gristmill.schedule.workers import Running, WorkerState


class Assignment:
    """Matches waiting tasks and free slots."""

    def __init__(self, chain: Chain, attempts: Attempts) -> None:
        self._chain = chain
        self._attempts = attempts
        self._whole = WholeWorkers(chain, attempts)

    def settle(self) -> None:
        """Launches whatever can be launched after the event."""
        chain = self._chain
        if chain.held or self._whole.reserved:
            self._whole.settle()
        while chain.freed:
            freed, chain.freed = chain.freed, []
            for worker in freed:
                self._fill(worker)
        if chain.wake:
            chain.wake = False
            if chain.runnable and chain.roster.free:
                self._spread()
        if chain.runnable:
            if chain.early_runs and (not chain.roster.free or self._some_are_tied()):
                self._take_early_slots()
        elif chain.roster.free:
            self._launch_early()
            self._steal()

    def _fill(self, worker: WorkerState) -> None:
        while worker.free > 0 and self._launch_one(worker):
            pass
        if worker.free <= 0:
            self._fill_queue(worker)

    def _spread(self) -> None:
        """One task to each free worker in turn, so that few tasks spread over many workers."""
        workers = self._chain.roster.by_freedom()
        filled = []
        while workers and self._chain.runnable:
            workers = [worker for worker in workers if self._launch_one(worker)]
            filled += [worker for worker in workers if worker.free <= 0]
            workers = [worker for worker in workers if worker.free > 0]
        for worker in filled:
            self._fill_queue(worker)

    def _launch_one(self, worker: WorkerState) -> bool:
        """Whether the worker took a task."""
        chain = self._chain
        for index in chain.runnable:
            stage = chain.stages[index]
            choice = pick(chain, stage, worker)
            if choice is not None:
                self._launch(stage, *choice, worker)
                return True
        if chain.runnable and worker.refusing_since_s is None:
            worker.refusing_since_s = chain.now_s
        return False

    def _launch(self, stage: StageState, partition: int, locality: Locality, worker: WorkerState) -> None:
        if locality is Locality.LOCAL:
            worker.refusing_since_s = None
        self._chain.dequeue(stage, partition, RUNNING)
        self._attempts.launch(stage, partition, worker, locality)

    def _fill_queue(self, worker: WorkerState) -> None:
        """Short tasks queue at the worker, many at once whenever the queue is half empty."""
        chain = self._chain
        room = worker.slots * chain.config.queue_depth
        if not chain.runnable or len(worker.queued) * 2 > room or not worker.usable or worker.reserved:
            return
        stage = chain.stages[chain.runnable[0]]
        if len(stage.durations) == 0 or stage.durations.mean > chain.config.short_task_s:
            return
        spare = stage.waiting - chain.roster.slots
        for _ in range(min(room - len(worker.queued), spare)):
            choice = pick(chain, stage, worker)
            if choice is None:
                return
            self._launch(stage, *choice, worker)

    def _take_early_slots(self) -> None:
        """Work that can run goes before attempts that only wait for their input to be complete."""
        chain = self._chain
        for run in reversed(list(chain.early_runs)):
            if not chain.runnable:
                return
            if run.stage.gate == 0 or not run.worker.usable or run.worker.reserved:
                continue
            if not self._could_use(run.worker):
                continue
            self._attempts.give_back(run, CancelReason.SLOT_NEEDED)
            if not self._launch_one(run.worker):
                return

    def _could_use(self, worker: WorkerState) -> bool:
        """Whether some task that waits could run there at all."""
        if not self._some_are_tied():
            return True
        stages = (self._chain.stages[index] for index in self._chain.runnable)
        return any(pick(self._chain, stage, worker) is not None for stage in stages)

    def _some_are_tied(self) -> bool:
        """Whether some that wait need a volume: then a free slot is perhaps not for them."""
        stages = (self._chain.stages[index] for index in self._chain.runnable)
        return any(stage.tied or stage.volumes for stage in stages)

    def _launch_early(self) -> None:
        """Readers start to fetch while the last of the tasks that write for them run."""
        chain = self._chain
        if not chain.config.early_launch:
            return
        for stage in chain.early_stages:
            if stage.gate == 0 or not stage.waiting or not _nearly_fed(stage):
                continue
            workers = chain.roster.by_freedom()
            while workers and stage.waiting:
                workers = [worker for worker in workers if worker.free > 0 and self._launch_from(stage, worker)]

    def _launch_from(self, stage: StageState, worker: WorkerState) -> bool:
        choice = pick(self._chain, stage, worker)
        if choice is not None:
            self._launch(stage, *choice, worker)
        return choice is not None

    def _steal(self) -> None:
        """Idle slots take over what stands in the queues of others, from the end of the longest."""
        chain = self._chain
        if not chain.roster.backlogged:
            return
        for worker in chain.roster.by_freedom():
            while worker.free > 0 and chain.roster.backlogged:
                victim = max(chain.roster.backlogged, key=lambda other: (len(other.queued), -other.number))
                run = next(reversed(victim.queued))
                if not admitted(chain, run.stage, run.partition, worker):
                    break
                self._move(run, worker)

    def _move(self, run: Running, worker: WorkerState) -> None:
        """From the queue of one worker to a slot of another; back to the stage if its input was lost meanwhile."""
        chain, stage, partition = self._chain, run.stage, run.partition
        if stage.gate or not chain.forwarded(stage, partition):
            self._attempts.give_back(run, CancelReason.STOLEN)
            return
        self._attempts.cancel(run, CancelReason.STOLEN)
        if partition not in stage.running:
            self._attempts.launch(stage, partition, worker, distance(chain, stage, partition, worker))


def _nearly_fed(stage: StageState) -> bool:
    """Whether all that the stage still waits for is running, and may be read as it appears."""
    unsealed = [exchange for exchange in stage.gated_reads if exchange.missing]
    return all(exchange.early for exchange in unsealed) and all(
        writer.gate == 0 and writer.tasks - writer.done == len(writer.running)
        for exchange in unsealed
        for writer in exchange.writers
    )
