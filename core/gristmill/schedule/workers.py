"""Workers as the scheduler knows them: what each runs, what it may get, and how patient it is about locality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.ids import AttemptId, WorkerId
from gristmill.schedule.instructions import Locality

if TYPE_CHECKING:
    from gristmill.schedule.events import WorkerJoined
    from gristmill.schedule.stages import StageState


class Running:
    """An attempt that was launched and has not been heard to end. Compared by identity."""

    __slots__ = (
        "backup",
        "early",
        "exclusive",
        "id",
        "launched_at",
        "partition",
        "stage",
        "started_s",
        "unfed",
        "worker",
    )

    def __init__(self, id_: AttemptId, stage: StageState, partition: int, worker: WorkerState) -> None:
        self.id = id_
        self.stage = stage
        self.partition = partition
        self.worker = worker
        self.launched_at = 0
        """When it began to read, in the order of launches and accepts: tells stale reports of lost inputs."""
        self.started_s = 0.0
        self.early = False
        """Launched before its input was sealed: it may wait for what others write."""
        self.unfed = False
        """Launched early, and its input was not sealed since."""
        self.exclusive = False
        self.backup = False


class WorkerState:
    """One worker that is there.

    ``active`` holds what its slots run, ``queued`` what waits behind them, both in launch order: which of them runs
    is inferred, as a worker takes its launches first come first served.
    """

    __slots__ = (
        "active",
        "blocked_until_s",
        "draining",
        "failed",
        "gone",
        "id",
        "last_seen_s",
        "near",
        "number",
        "outlives",
        "queued",
        "refusing_since_s",
        "reserved",
        "slots",
        "volumes",
    )

    def __init__(self, joined: WorkerJoined, number: int) -> None:
        self.id = joined.worker
        self.number = number
        self.slots = joined.slots
        self.volumes = frozenset(joined.volumes)
        self.near: tuple[str, ...] = (joined.worker, *joined.volumes, *joined.places)
        self.outlives = joined.output_outlives_worker
        self.last_seen_s = 0.0
        self.gone = False
        self.draining = False
        self.blocked_until_s: float | None = None
        self.failed: dict[tuple[int, int], float] = {}
        """(stage, partition) of tasks that failed here, and when."""
        self.refusing_since_s: float | None = None
        """Since when a free slot leaves remote work to others."""
        self.reserved = False
        """Kept for a task that needs the whole worker, or running one."""
        self.active: dict[Running, None] = {}
        self.queued: dict[Running, None] = {}

    @property
    def usable(self) -> bool:
        """Whether it may get work at all."""
        return not (self.gone or self.draining) and self.blocked_until_s is None

    @property
    def free(self) -> int:
        """Slots that may be filled now."""
        return self.slots - len(self.active) if self.usable and not self.reserved else 0

    def add(self, run: Running, now_s: float) -> None:
        """Takes a launch: into a slot, or behind."""
        if len(self.active) < self.slots:
            run.started_s = now_s
            self.active[run] = None
        else:
            self.queued[run] = None

    def remove(self, run: Running, now_s: float) -> None:
        """An attempt ended or was cancelled; the next in the queue starts."""
        if run in self.queued:
            del self.queued[run]
            return
        del self.active[run]
        if self.queued:
            following = next(iter(self.queued))
            del self.queued[following]
            following.started_s = now_s
            self.active[following] = None

    def locality_at(self, position: int) -> Locality:
        """What it means that work is near to ``near[position]``: the worker itself, its volumes and host are local."""
        return Locality.LOCAL if position < 2 + len(self.volumes) else Locality.ZONE


class Roster:
    """All workers that are there, by id and in the order in which they came."""

    __slots__ = ("backlogged", "by_id", "by_number", "free", "gone", "near_host", "near_zone", "slots")

    def __init__(self) -> None:
        self.by_id: dict[WorkerId, WorkerState] = {}
        self.by_number: list[WorkerState] = []
        """Every worker that ever was, as map output is filed under the number."""
        self.gone: set[WorkerId] = set()
        self.free: dict[WorkerState, None] = {}
        """Those with slots that may be filled now."""
        self.backlogged: dict[WorkerState, None] = {}
        """Those with a queue."""
        self.slots = 0
        """Of all workers that are there."""
        self.near_host: dict[str, int] = {}
        """Name -> workers whose id or host it is."""
        self.near_zone: dict[str, int] = {}

    def join(self, joined: WorkerJoined) -> WorkerState | None:
        """The new worker, or None if that id is or was here."""
        if joined.worker in self.by_id or joined.worker in self.gone:
            return None
        worker = WorkerState(joined, len(self.by_number))
        self.by_id[joined.worker] = worker
        self.by_number.append(worker)
        self._count(worker, 1)
        self.touch(worker)
        return worker

    def leave(self, worker: WorkerState) -> None:
        """The worker is not there any more."""
        worker.gone = True
        del self.by_id[worker.id]
        self.gone.add(worker.id)
        self._count(worker, -1)
        self.free.pop(worker, None)
        self.backlogged.pop(worker, None)

    def touch(self, worker: WorkerState) -> None:
        """Keeps ``free`` and ``backlogged`` true after the worker changed."""
        if worker.free > 0:
            self.free[worker] = None
        else:
            self.free.pop(worker, None)
        if worker.queued:
            self.backlogged[worker] = None
        else:
            self.backlogged.pop(worker, None)

    def by_freedom(self) -> list[WorkerState]:
        """Workers with free slots, the freest first."""
        return sorted(self.free, key=lambda worker: (-worker.free, worker.number))

    def usable(self) -> list[WorkerState]:
        """Workers that may get work."""
        return [worker for worker in self.by_id.values() if worker.usable]

    def _count(self, worker: WorkerState, step: int) -> None:
        self.slots += step * worker.slots
        for position, name in enumerate(worker.near):
            counts = self.near_host if worker.locality_at(position) is Locality.LOCAL else self.near_zone
            counts[name] = counts.get(name, 0) + step
