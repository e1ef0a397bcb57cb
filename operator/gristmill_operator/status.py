"""The status of a resource as a value, to and from the form of docs/cluster.md.

Decisions make new statuses from old ones; the shell sends what changed. What a lead reported is kept as it will be
shown, so that an operator that starts anew has nothing to lose by not knowing the report itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gristmill_operator.times import format_time, parse_time

_TOLD = ("run", "progress", "locality", "ledger", "outputs", "result", "logs", "jobs", "warnings")
"""Fields that are copied from reports."""


class Phase(StrEnum):
    """Where a resource stands."""

    PENDING = "Pending"
    PLANNING = "Planning"
    RUNNING = "Running"
    COMMITTING = "Committing"
    COMPLETE = "Complete"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SUSPENDED = "Suspended"
    IDLE = "Idle"
    """Of a WorkerPool: no pods, nothing to do."""
    STARTING = "Starting"
    """Of a WorkerPool: its lead is not connected yet."""
    READY = "Ready"
    """Of a WorkerPool: its lead takes runs."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Phase.COMPLETE, Phase.FAILED, Phase.CANCELLED)


BEGUN = (Phase.PLANNING, Phase.RUNNING, Phase.COMMITTING)
"""Phases of a run that a lead has taken up."""


class ConditionType(StrEnum):
    """Types of conditions, in the order in which status shows them."""

    PLANNED = "Planned"
    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"
    PODS_READY = "PodsReady"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``since`` is when it last changed between true and false."""

    type: ConditionType
    true: bool
    reason: str
    message: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that status holds. ``told`` is what the lead reported, in the form that is shown."""

    observed_generation: int = 0
    phase: Phase | None = None
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    start_time: float | None = None
    completion_time: float | None = None
    pool: str = ""
    lead: str = ""
    leads: int = 0
    workers: int = 0
    workers_started: int = 0
    active: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)

    def condition(self, type_: ConditionType) -> Condition | None:
        """The condition of that type, or None."""
        return next((one for one in self.conditions if one.type is type_), None)

    @property
    def output(self) -> str:
        """Where the rows lie that the run was for, once it has committed them."""
        pointer = self.told.get("result") or next(iter(self.told.get("outputs") or []), None)
        return str(pointer["uri"]) if pointer else ""

    def with_condition(self, new: Condition) -> Status:
        """The same with ``new`` in its place; ``since`` stays where its truth stays."""
        old = self.condition(new.type)
        if old is not None and old.true is new.true:
            new = replace(new, since=old.since)
        kept = {one.type: one for one in self.conditions} | {new.type: new}
        return replace(self, conditions=tuple(kept[type_] for type_ in ConditionType if type_ in kept))

    def without_conditions(self, *types: ConditionType) -> Status:
        """The same without those conditions."""
        return replace(self, conditions=tuple(one for one in self.conditions if one.type not in types))


def parse_status(form: Mapping[str, Any]) -> Status:
    """The status that ``status_form`` wrote; unknown phases and conditions are left out."""
    phases = {phase.value: phase for phase in Phase}
    return Status(
        observed_generation=int(form.get("observedGeneration") or 0),
        phase=phases.get(form.get("phase", "")),
        message=str(form.get("message") or ""),
        conditions=tuple(_conditions(form.get("conditions") or [])),
        start_time=parse_time(form.get("startTime")),
        completion_time=parse_time(form.get("completionTime")),
        pool=str(form.get("pool") or ""),
        lead=str(form.get("lead") or ""),
        leads=int(form.get("leads") or 0),
        workers=int(form.get("workers") or 0),
        workers_started=int(form.get("workersStarted") or 0),
        active=int(form.get("active") or 0),
        told={name: form[name] for name in _TOLD if name in form},
    )


def _conditions(forms: list[Mapping[str, Any]]) -> list[Condition]:
    known = {type_.value: type_ for type_ in ConditionType}
    return [
        Condition(
            type=known[form["type"]],
            true=form.get("status") == "True",
            reason=str(form.get("reason") or ""),
            message=str(form.get("message") or ""),
            since=parse_time(form.get("lastTransitionTime")) or 0.0,
        )
        for form in forms
        if form.get("type") in known
    ]


def status_form(status: Status) -> dict[str, Any]:
    """The status as the API server keeps it; what is empty is left out."""
    form: dict[str, Any] = {
        "observedGeneration": status.observed_generation,
        "phase": status.phase.value if status.phase else None,
        "message": status.message,
        "conditions": [_condition_form(one) for one in status.conditions],
        "startTime": _time_form(status.start_time),
        "completionTime": _time_form(status.completion_time),
        "pool": status.pool,
        "lead": status.lead,
        "leads": status.leads,
        "workers": status.workers,
        "workersStarted": status.workers_started,
        "active": status.active,
    }
    always = ("message", "workers")
    return {name: value for name, value in form.items() if value or name in always} | dict(status.told)


def _condition_form(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type.value,
        "status": "True" if condition.true else "False",
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": format_time(condition.since),
    }


def _time_form(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)
