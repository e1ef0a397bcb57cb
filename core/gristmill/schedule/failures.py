"""What follows from attempts that failed and workers that left: retries, budgets, workers set aside."""

from __future__ import annotations

from gristmill.ids import ExchangeId
from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.events import Cause
from gristmill.schedule.instructions import CancelReason, FailChain, Warn
from gristmill.schedule.lineage import Lineage
from gristmill.schedule.retries import WORKER_FAULTS
from gristmill.schedule.workers import Running, WorkerState

Lost = tuple[tuple[ExchangeId, int], ...]
"""Outputs that an attempt could not read: exchange, task order."""


class Failures:
    """Decides after each failure who tries again, or that the chain is over."""

    def __init__(self, chain: Chain, attempts: Attempts, lineage: Lineage) -> None:
        self._chain = chain
        self._attempts = attempts
        self._lineage = lineage

    def attempt_failed(self, run: Running, cause: Cause, message: str, lost: Lost = ()) -> FailChain | None:
        """Forgets the attempt and queues its task again; what it returns ends the chain."""
        chain, stage, partition = self._chain, run.stage, run.partition
        self._attempts.forget(run)
        stage.failures[cause] += 1
        trouble = stage.troubled(partition)
        trouble.count(cause, chain.config)
        if cause in WORKER_FAULTS:
            trouble.keep_off(run.worker.number, chain.now_s + chain.config.retry_elsewhere_s)
            self._blame(run)
        for exchange, order in lost:
            self._input_lost(run, exchange, order)
        if trouble.exhausted(cause, stage.retry, chain.config):
            return FailChain(stage.task(partition), cause, message)
        if partition not in stage.running:
            chain.requeue(stage, partition)
        return None

    def timed_out(self, run: Running) -> FailChain | None:
        """Stops an attempt that runs longer than its stage allows."""
        self._attempts.stop(run, CancelReason.TIMEOUT)
        return self.attempt_failed(run, Cause.TIMEOUT, f"ran longer than {run.stage.retry.task_timeout_s} s")

    def worker_left(self, worker: WorkerState, message: str, cause: Cause = Cause.WORKER_LOST) -> FailChain | None:
        """Moves what the worker ran, and has written again what it alone held."""
        chain = self._chain
        chain.roster.leave(worker)
        ends = [self.attempt_failed(run, cause, message) for run in [*worker.active, *worker.queued]]
        if not worker.outlives:
            self._lineage.lose_worker(worker)
        self.keep_one_usable()
        return next((end for end in ends if end is not None), None)

    def keep_one_usable(self) -> None:
        """Where only workers set aside are left, they are taken back."""
        workers = self._chain.roster.by_id.values()
        if not any(worker.usable for worker in workers):
            for worker in workers:
                self.forgive(worker)

    def forgive(self, worker: WorkerState) -> None:
        """The worker gets tasks again."""
        worker.blocked_until_s = None
        self._chain.roster.touch(worker)
        self._chain.wake = True

    def clear_queue(self, worker: WorkerState) -> None:
        """The worker gets nothing new: what only waits there waits elsewhere."""
        for run in [*worker.queued, *worker.active]:
            if run in worker.queued or (run.early and run.stage.gate):
                self._attempts.give_back(run, CancelReason.DRAINING)
        self._chain.roster.touch(worker)

    def _blame(self, run: Running) -> None:
        """Sets the worker aside if too many different tasks failed there lately."""
        chain, worker, config = self._chain, run.worker, self._chain.config
        if not worker.usable:
            return
        since = chain.now_s - config.blocklist_window_s
        worker.failed = {task: at for task, at in worker.failed.items() if at > since}
        worker.failed[run.stage.index, run.partition] = chain.now_s
        others = any(other is not worker and other.volumes >= worker.volumes for other in chain.roster.usable())
        if len(worker.failed) < config.blocklist_failures or not others:
            return
        count = len(worker.failed)
        worker.failed = {}
        worker.blocked_until_s = chain.now_s + config.blocklist_s
        self.clear_queue(worker)
        chain.out.append(
            Warn(f"worker {worker.id} gets no tasks for {config.blocklist_s:g} s: {count} different tasks failed there")
        )

    def _input_lost(self, run: Running, id_: ExchangeId, order: int) -> None:
        """The output is lost, unless it was written again after the attempt was launched."""
        exchange = self._chain.output(id_, order)
        if exchange is None or not exchange.present[order]:
            return
        writer, partition = exchange.writer(order)
        if writer.accepted_at[partition] < run.launched_at:
            self._lineage.lose(exchange, order)
