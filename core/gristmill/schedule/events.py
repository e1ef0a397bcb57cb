"""What the scheduler is told. The coordinator makes these from what workers say and from its own clock.

Frozen values without behaviour: a list of them replays a whole run, which is how a bug report becomes a test. Time
arrives by ``Tick`` alone. Messages may come late, twice, or out of order; what each of them means then is said at
its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.ids import AttemptId, ExchangeId, TaskId, WorkerId


class Cause(StrEnum):
    """Why an attempt gave no result. What each costs of a task's budget is said in ``retries``."""

    ERROR = "error"
    """The fragment raised, exited, or returned what it may not."""
    OOM = "oom"
    """The executor was over its memory."""
    TIMEOUT = "timeout"
    """It ran longer than the stage allows: found by the worker, or by the scheduler on a tick."""
    LOST_INPUT = "lost-input"
    """A block of map output is missing or corrupt."""
    EXECUTOR_LOST = "executor-lost"
    """The executor process died: a crash in native code, ``os._exit``, a signal."""
    CANCELLED = "cancelled"
    """The worker gave it up without fault of the task: it was told to, or it is shutting down."""
    RECORD_SKIPPED = "record-skipped"
    """It failed on a record that attempts from now on leave out, as the job allows."""
    DISK_FULL = "disk-full"
    """No room for spill or shuffle files on the worker."""
    WORKER_LOST = "worker-lost"
    """The worker left or fell silent. Never reported by workers: it is what the scheduler counts then."""
    EVICTED = "evicted"
    """The cluster took the worker away (evicted, preempted): nobody's fault, however often. The scheduler's, too."""


class LeaveReason(StrEnum):
    """Why a worker is no longer there."""

    LOST = "lost"
    DRAINED = "drained"
    EVICTED = "evicted"


@dataclass(frozen=True, slots=True)
class Tick:
    """It is ``now_s`` (any monotonic origin). The first tick starts the chain: before it, workers and restored
    tasks are only written down. Ticks are cheap; send one before each batch of other events."""

    now_s: float


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    """A worker with ``slots`` executors is there.

    ``places`` are its names from near to far: host, then zone, then wider ones; they match the names of a split's
    places. ``output_outlives_worker``: its map output can still be read when it is gone (files on a machine that
    stays, or in object storage). ``volumes`` it has mounted: a task that needs others never runs there. An id is never
    used again: a second message, or one after the worker left, is void.
    """

    worker: WorkerId
    slots: int
    places: tuple[str, ...] = ()
    output_outlives_worker: bool = False
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerLeft:
    """The worker is gone: what it ran runs elsewhere, what it held is lost unless it outlives it or was moved."""

    worker: WorkerId
    reason: LeaveReason = LeaveReason.LOST


@dataclass(frozen=True, slots=True)
class WorkerDraining:
    """The worker finishes what runs and gets nothing new."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The worker lives. So says every other message of it."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """An attempt has its result staged and waits to hear whether it counts.

    ``bytes_`` is what it wrote, ``seconds`` how long it ran, ``checksum`` that of all its map output together:
    equal for equal rows, empty where unknown. Late ones (of a cancelled attempt) still count while the task is open
    and the worker is not declared gone; a second message about the accepted attempt is void.
    """

    attempt: AttemptId
    worker: WorkerId
    bytes_: int = 0
    seconds: float = 0.0
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt ended without result; nothing of it is staged any more.

    ``lost`` names the outputs that a LOST_INPUT misses, as (exchange, task order among its writers). A message about
    an attempt that is not known to run (any more) is void.
    """

    attempt: AttemptId
    worker: WorkerId
    cause: Cause
    message: str = ""
    lost: tuple[tuple[ExchangeId, int], ...] = ()


@dataclass(frozen=True, slots=True)
class OutputLost:
    """The output that ``worker`` wrote as number ``task_order`` of the exchange cannot be read any more.

    Void if by now another worker's output stands there.
    """

    exchange: ExchangeId
    task_order: int
    worker: WorkerId


@dataclass(frozen=True, slots=True)
class OutputMoved:
    """All map output of the task was copied to ``worker``, or (None) to where it outlives every worker."""

    task: TaskId
    worker: WorkerId | None = None


@dataclass(frozen=True, slots=True)
class TaskRestored:
    """An earlier coordinator accepted this attempt, and its result is still there: it counts without running again.

    To be sent before the first tick. ``worker`` holds its map output (None: it outlives every worker).
    """

    attempt: AttemptId
    worker: WorkerId | None = None
    bytes_: int = 0
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The user, a deadline or a failed commit ends the chain."""

    reason: str


Event = (
    Tick
    | WorkerJoined
    | WorkerLeft
    | WorkerDraining
    | Heartbeat
    | AttemptFinished
    | AttemptFailed
    | OutputLost
    | OutputMoved
    | TaskRestored
    | Cancel
)
