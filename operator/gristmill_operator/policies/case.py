"""What every policy of a run looks at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gristmill.wire.reports import RunReport
from gristmill_operator.actions import Action, CancelRun
from gristmill_operator.model import Resource, RunSpec
from gristmill_operator.observed import Observed
from gristmill_operator.status import Phase, Status

RETRY_S = 5.0
"""So long after a refusal of the API server the next try comes."""


class Pods(Enum):
    """What a run wants of the pods of its own pool."""

    START = "start"
    """A lead, and workers as it needs them."""
    KEEP = "keep"
    """The lead that is there, for clients; no new one, no workers."""
    END = "end"


@dataclass(frozen=True, slots=True)
class Case:
    """One job or query at one moment. ``status`` is what was last written; ``now`` is seconds since the epoch."""

    resource: Resource
    run: RunSpec
    status: Status
    observed: Observed
    now: float

    @property
    def has_run(self) -> bool:
        """Whether a connected lead has this run."""
        lead = self.observed.lead
        return lead is not None and self.resource.uid in lead.runs

    @property
    def pool_uid(self) -> str:
        """The pool that it runs in; empty where the pool it names is not there."""
        if self.resource.pool is not None:
            return self.resource.pool.uid
        return self.observed.named.uid if self.observed.named else ""

    def cancel(self, reason: str, forget: bool = False) -> tuple[Action, ...]:
        """What tells the lead to end the run, where one has it."""
        if not self.has_run and not (forget and self.observed.report is not None):
            return ()
        return (CancelRun(self.pool_uid, self.resource.uid, reason, forget),)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy decided. ``reason`` is one word in CamelCase, for conditions; ``recheck_s`` counts from now.

    ``report`` is what status shows of the run from now on; None leaves it.
    """

    phase: Phase
    reason: str = ""
    message: str = ""
    pods: Pods = Pods.START
    actions: tuple[Action, ...] = ()
    recheck_s: float | None = None
    report: RunReport | None = None


Policy = Callable[[Case], Outcome | None]
"""Answers None where it has nothing to say, and the next is asked."""
