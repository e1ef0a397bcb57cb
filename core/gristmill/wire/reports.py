"""What a lead tells the operator: how its runs stand, and which pods it needs. Small whatever the job's size.

Values only, JSON by plan.codec inside the frames of operator.proto. The operator copies them into status; it knows
nothing else of what happens in a pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

JOBS_TOLD = 100
"""Of longer chains the first jobs are told, shown, and made mirrors of."""
WARNINGS_TOLD = 10
LEDGER_ENTRIES = 10
"""So many of the last failures are told; all of them are in the job's journal."""


class RunPhase(StrEnum):
    """Where a run stands; the phases of a resource's status besides Pending and Suspended."""

    PLANNING = "Planning"
    RUNNING = "Running"
    COMMITTING = "Committing"
    COMPLETE = "Complete"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (RunPhase.COMPLETE, RunPhase.FAILED, RunPhase.CANCELLED)


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Tasks of one side (map or reduce) of a job or run."""

    total: int = 0
    done: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class LocalityCounts:
    """Finished map tasks by where their input lay: on the same node, in the same zone, elsewhere or unknown."""

    local: int = 0
    zone: int = 0
    remote: int = 0


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One failure: what it was, and what was done about it. ``time`` is RFC 3339 in UTC."""

    time: str
    task: str
    cause: str
    message: str
    action: str


@dataclass(frozen=True, slots=True)
class OutputPointer:
    """A committed output: where its manifest lies, and how large it is."""

    job: str
    name: str
    uri: str
    generation: int
    rows: int
    bytes_: int


@dataclass(frozen=True, slots=True)
class JobReport:
    """One job of a chain. ``manifest`` is its MapReduceJob as JSON, sent once, with the first report that has it."""

    name: str
    phase: RunPhase
    maps: TaskCounts = TaskCounts()
    reduces: TaskCounts = TaskCounts()
    rows: int = 0
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class RunReport:
    """How one run stands.

    ``message`` tells of a Failed run its error (place, reason, remedy), else what it is doing; ``reason`` is one word
    in CamelCase for conditions; of a Failed run the class of its error in ``gristmill.errors``. ``plan`` says in a
    few words what was planned (``40 splits, 8 partitions``), empty before that. ``rows`` and ``bytes_`` are those read
    so far. ``logs`` is the URI of the folder where the tasks' logs are kept.
    """

    phase: RunPhase
    run: str = ""
    reason: str = ""
    message: str = ""
    plan: str = ""
    maps: TaskCounts = TaskCounts()
    reduces: TaskCounts = TaskCounts()
    rows: int = 0
    bytes_: int = 0
    spilled_bytes: int = 0
    skipped: int = 0
    locality: LocalityCounts = LocalityCounts()
    ledger: tuple[LedgerEntry, ...] = ()
    outputs: tuple[OutputPointer, ...] = ()
    result: OutputPointer | None = None
    jobs: tuple[JobReport, ...] = ()
    warnings: tuple[str, ...] = ()
    logs: str = ""


@dataclass(frozen=True, slots=True)
class PoolNeed:
    """What the pool could use now: slots in all (those of the lead included), and where.

    ``maps`` and ``reduces`` are waiting tasks by side, which decides the role of new pods. ``places`` are names of
    nodes and zones with the bytes of waiting splits that lie there, the largest first, at most 20. ``idle``: workers by
    pod name that have nothing to do and hold nothing that anybody will read. ``idle_s``: how long no run was active.
    ``volumes``: (claim, tasks that can be nowhere but in a pod that has mounted it), where pods differ in that.
    """

    slots: int = 0
    maps: int = 0
    reduces: int = 0
    places: tuple[tuple[str, int], ...] = ()
    idle: tuple[str, ...] = ()
    active_runs: int = 0
    idle_s: float = 0.0
    volumes: tuple[tuple[str, int], ...] = ()
