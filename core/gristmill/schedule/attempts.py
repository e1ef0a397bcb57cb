"""Launching, forgetting and cancelling attempts: keeps stage, worker and instructions in step."""

from __future__ import annotations

from gristmill.ids import AttemptId
from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import CancelAttempt, CancelReason, Launch, Locality
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import RUNNING
from gristmill.schedule.workers import Running, WorkerState


class Attempts:
    """The attempts that run. A task's state is the caller's business where it does not say otherwise."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def launch(
        self, stage: StageState, partition: int, worker: WorkerState, locality: Locality, backup: bool = False
    ) -> None:
        """Starts the next attempt of a task that is in no queue; the task is RUNNING then."""
        chain = self._chain
        number = stage.attempts[partition]
        stage.attempts[partition] = number + 1
        run = Running(AttemptId(stage.task(partition), number), stage, partition, worker)
        run.launched_at = chain.next_order()
        run.backup = backup
        run.early = run.unfed = stage.gate > 0
        trouble = stage.trouble.get(partition) if stage.trouble else None
        scale = trouble.memory_scale if trouble is not None else 1
        run.exclusive = scale > 1
        if run.exclusive:
            worker.reserved = True
        if run.early:
            chain.early_runs[run] = None
        stage.states[partition] = RUNNING
        stage.running.setdefault(partition, []).append(run)
        stage.localities[locality] += 1
        if backup:
            stage.backups += 1
        elif number:
            stage.retries += 1
        worker.add(run, chain.now_s)
        chain.roster.touch(worker)
        chain.out.append(Launch(run.id, worker.id, locality, scale, run.exclusive, run.early, backup))

    def find(self, stage: StageState, attempt: AttemptId) -> Running | None:
        """The attempt, if it is known to run."""
        for run in stage.running.get(attempt.task.partition, ()):
            if run.id.number == attempt.number:
                return run
        return None

    def forget(self, run: Running) -> None:
        """The attempt ended; its slot is free. What becomes of the task is the caller's business."""
        chain, stage, worker = self._chain, run.stage, run.worker
        runs = stage.running[run.partition]
        if len(runs) == 1:
            del stage.running[run.partition]
        else:
            runs.remove(run)
        if run.early:
            del chain.early_runs[run]
        if run.exclusive:
            worker.reserved = False
        worker.remove(run, chain.now_s)
        chain.roster.touch(worker)
        chain.freed.append(worker)

    def cancel(self, run: Running, reason: CancelReason) -> None:
        """Stops the attempt and forgets it: if it finishes all the same, the answer counts as a late one."""
        self.forget(run)
        self.stop(run, reason)

    def stop(self, run: Running, reason: CancelReason) -> None:
        """Tells the worker alone."""
        self._chain.out.append(CancelAttempt(run.id, run.worker.id, reason))

    def give_back(self, run: Running, reason: CancelReason) -> None:
        """Cancels the attempt; unless another runs, its task waits again."""
        self.cancel(run, reason)
        if run.partition not in run.stage.running:
            self._chain.requeue(run.stage, run.partition)
