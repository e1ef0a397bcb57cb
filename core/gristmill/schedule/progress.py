"""A read-only picture of where a chain stands, for status, progress bars and metrics. O(stages) to make."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.ids import StageId
from gristmill.schedule.chain import Chain, Phase
from gristmill.schedule.events import Cause
from gristmill.schedule.instructions import Locality
from gristmill.schedule.stages import StageState


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage. ``waiting + running + done`` is ``tasks``; the other figures count attempts.

    ``bytes_`` is what accepted attempts wrote. ``retries`` leaves backups out; ``localities`` counts all launches.
    """

    stage: StageId
    tasks: int
    waiting: int
    running: int
    done: int
    bytes_: int
    retries: int
    backups: int
    localities: tuple[tuple[Locality, int], ...]
    failures: tuple[tuple[Cause, int], ...]

    def at(self, locality: Locality) -> int:
        """Attempts launched so near."""
        return dict(self.localities).get(locality, 0)

    def failed(self, cause: Cause) -> int:
        """Attempts that failed for that cause."""
        return dict(self.failures).get(cause, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """The chain: its stages in graph order, and the workers that are there (``blocked``: those set aside)."""

    phase: Phase
    stages: tuple[StageProgress, ...]
    workers: int
    slots: int
    busy: int
    draining: int
    blocked: int


def progress_of(chain: Chain) -> Progress:
    """The picture now."""
    workers = chain.roster.by_id.values()
    return Progress(
        phase=chain.phase,
        stages=tuple(_stage(stage) for stage in chain.stages),
        workers=len(workers),
        slots=chain.roster.slots,
        busy=sum(len(worker.active) for worker in workers),
        draining=sum(worker.draining for worker in workers),
        blocked=sum(worker.blocked_until_s is not None for worker in workers),
    )


def _stage(stage: StageState) -> StageProgress:
    running = len(stage.running)
    return StageProgress(
        stage=stage.id,
        tasks=stage.tasks,
        waiting=stage.tasks - stage.done - running,
        running=running,
        done=stage.done,
        bytes_=stage.bytes_,
        retries=stage.retries,
        backups=stage.backups,
        localities=tuple(sorted(stage.localities.items())),
        failures=tuple(sorted(stage.failures.items())),
    )
