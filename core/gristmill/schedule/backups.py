"""Backup attempts: near the end of a stage, tasks that run much longer than its median get a second attempt.

As in the MapReduce paper (Dean and Ghemawat, OSDI 2004, section 3.6): the first to finish wins. Only slots without
other work are used, or those of readers that were launched early and still wait.
"""

from __future__ import annotations

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import CancelReason
from gristmill.schedule.locality import admitted, distance
from gristmill.schedule.stages import StageState
from gristmill.schedule.workers import Running, WorkerState


def launch_backups(chain: Chain, attempts: Attempts) -> None:
    """Looks at all stages once; to be called from time to time."""
    if not chain.config.backups or chain.runnable:
        return
    for stage in chain.stages:
        for run in stragglers(chain, stage):
            if not chain.roster.free and not chain.early_runs:
                return
            worker = _slot_for(chain, attempts, run) if chain.forwarded(stage, run.partition) else None
            if worker is not None:
                locality = distance(chain, stage, run.partition, worker)
                attempts.launch(stage, run.partition, worker, locality, backup=True)


def stragglers(chain: Chain, stage: StageState) -> list[Running]:
    """Attempts that should get a backup now, the longest running first."""
    config = chain.config
    if not stage.running or stage.gate or stage.done < config.backup_done_share * stage.tasks or not stage.durations:
        return []
    since = chain.now_s - max(config.backup_min_s, config.backup_factor * stage.durations.median)
    slow = []
    room = max(1, int(config.backup_share * stage.tasks))
    for runs in stage.running.values():
        run = runs[0]
        if len(runs) > 1:
            room -= 1
        elif run.started_s < since and run in run.worker.active and not needs_whole_worker(stage, run.partition):
            slow.append(run)
    return sorted(slow, key=lambda run: (run.started_s, run.partition))[: max(0, room)]


def needs_whole_worker(stage: StageState, partition: int) -> bool:
    """Whether the task ran out of memory before: no slot is enough for it."""
    trouble = stage.trouble.get(partition)
    return trouble is not None and trouble.memory_scale > 1


def _slot_for(chain: Chain, attempts: Attempts, run: Running) -> WorkerState | None:
    """A free slot on another worker; if there is none, that of an early reader."""

    def fits(worker: WorkerState) -> bool:
        return worker is not run.worker and admitted(chain, run.stage, run.partition, worker)

    for worker in chain.roster.by_freedom():
        if fits(worker):
            return worker
    for early in reversed(list(chain.early_runs)):
        if early.stage.gate and early.worker.usable and not early.worker.reserved and fits(early.worker):
            attempts.give_back(early, CancelReason.SLOT_NEEDED)
            return early.worker
    return None
