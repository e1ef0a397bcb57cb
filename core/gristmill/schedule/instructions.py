"""What the scheduler tells the coordinator to do, in this order. The coordinator carries it out and decides nothing.

Instructions to one worker must reach it in order; a worker that gets a launch while all its slots are busy runs it
when one is free, first come first served.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.ids import AttemptId, ExchangeId, StageId, TaskId, WorkerId
from gristmill.schedule.events import Cause


class Locality(StrEnum):
    """How near to its input an attempt runs."""

    LOCAL = "local"
    """On the worker or host that holds it."""
    ZONE = "zone"
    """In a wider place that holds it."""
    REMOTE = "remote"
    ANYWHERE = "anywhere"
    """The input is near to nothing in particular."""


class CancelReason(StrEnum):
    """Why an attempt need not go on. None of them spends budget, but TIMEOUT."""

    OTHER_WON = "other-won"
    """Another attempt of the task was accepted."""
    SLOT_NEEDED = "slot-needed"
    """It was launched early, and its slot is needed by what it waits for."""
    STOLEN = "stolen"
    """It stood in the worker's queue while another worker idles."""
    TIMEOUT = "timeout"
    INPUT_CHANGED = "input-changed"
    """A map that ran again gave other rows than those this attempt reads."""
    NOT_NEEDED = "not-needed"
    """It writes lost output again, but by now nobody needs that any more."""
    DRAINING = "draining"
    CHAIN_ENDED = "chain-ended"


@dataclass(frozen=True, slots=True)
class Launch:
    """Run this attempt on this worker, or queue it there.

    ``memory_scale`` multiplies the memory of a slot (at most all of the worker's) after the task ran out of memory;
    ``exclusive``: it has the worker to itself. ``early``: not all of its input is written yet, the feeds grow.
    ``backup``: another attempt of the task runs elsewhere.
    """

    attempt: AttemptId
    worker: WorkerId
    locality: Locality = Locality.ANYWHERE
    memory_scale: int = 1
    exclusive: bool = False
    early: bool = False
    backup: bool = False


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """Stop this attempt and drop what it staged. It may win the race and finish all the same."""

    attempt: AttemptId
    worker: WorkerId
    reason: CancelReason


@dataclass(frozen=True, slots=True)
class AcceptAttempt:
    """This attempt's result is the task's: a task commit.

    ``worker`` holds the output. Accepted again only after the output was lost; then ``keep_parts`` is false where the
    task wrote parts of a job's output before: those stand, and the new ones are dropped.
    """

    attempt: AttemptId
    worker: WorkerId
    keep_parts: bool = True


@dataclass(frozen=True, slots=True)
class DiscardAttempt:
    """This attempt finished for nothing: its map output and staged parts must go."""

    attempt: AttemptId
    worker: WorkerId


@dataclass(frozen=True, slots=True)
class StageSealed:
    """All tasks of the stage are accepted, for the first time."""

    stage: StageId


@dataclass(frozen=True, slots=True)
class ExchangeSealed:
    """All outputs of the exchange are there: choose range bounds, unify types, seal the feeds.

    Comes again after ``ExchangeReopened``; bounds and types then stay as they were, unless ``changed``: a map that
    ran again gave other rows, and nobody who read the earlier ones counts (but those a ``Warn`` names).
    """

    exchange: ExchangeId
    changed: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeReopened:
    """Outputs of a sealed exchange were lost and are written again; feeds are unsealed till the next seal."""

    exchange: ExchangeId


@dataclass(frozen=True, slots=True)
class ReleaseOutputs:
    """Every reader of the exchange is done: its outputs may be deleted. Comes again if they had to be rewritten."""

    exchange: ExchangeId


@dataclass(frozen=True, slots=True)
class JobFinished:
    """All tasks that work for the job are accepted: its output may be committed. Once for each job."""

    job: str


@dataclass(frozen=True, slots=True)
class LoseWorker:
    """The worker was silent for too long and counts as gone. If it lives after all, it must join as a new one."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class RequestWorkers:
    """So many slots would be busy now, if they were there.

    ``places``: (name, tasks that would like to be there). ``volumes``: (name, tasks, running ones included, that can be
    nowhere but where that volume is mounted).
    """

    slots: int
    places: tuple[tuple[str, int], ...] = ()
    volumes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FinishChain:
    """Everything is done; nothing follows."""


@dataclass(frozen=True, slots=True)
class FailChain:
    """The chain is over: ``task`` is beyond its budget for ``cause`` (or, without a task, it was cancelled)."""

    task: TaskId | None
    cause: Cause
    message: str


@dataclass(frozen=True, slots=True)
class Warn:
    """Something that the job's ledger should name."""

    text: str


Instruction = (
    Launch
    | CancelAttempt
    | AcceptAttempt
    | DiscardAttempt
    | StageSealed
    | ExchangeSealed
    | ExchangeReopened
    | ReleaseOutputs
    | JobFinished
    | LoseWorker
    | RequestWorkers
    | FinishChain
    | FailChain
    | Warn
)
