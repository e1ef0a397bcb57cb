"""The status that an outcome means: phase, times, conditions; and the events that go with a change of it."""

from __future__ import annotations

from dataclasses import replace

from gristmill_operator.actions import Action, RecordEvent
from gristmill_operator.policies.case import Case, Outcome
from gristmill_operator.policies.pool import PoolStep
from gristmill_operator.policies.reporting import shorten, told
from gristmill_operator.status import BEGUN, Condition, ConditionType, Phase, Status


def run_status(case: Case, outcome: Outcome, step: PoolStep | None, pool: str) -> Status:
    """Status of a job or query after ``outcome``; ``step`` is that of its own pool, where it has one."""
    old = case.status
    status = replace(
        old,
        observed_generation=case.resource.generation,
        phase=outcome.phase,
        message=_message(outcome, step),
        pool=pool,
        start_time=_start_time(case, outcome),
        completion_time=(old.completion_time or case.now) if outcome.phase.ended else None,
        told=told(outcome.report) if outcome.report is not None else old.told,
    )
    for condition in _conditions(case, outcome):
        status = status.with_condition(condition)
    return status if step is None else with_pods(status, step, case.now)


def _message(outcome: Outcome, step: PoolStep | None) -> str:
    """While pods are what it waits for, that is the message."""
    if step is not None and step.waiting is not None and outcome.phase in (Phase.PENDING, *BEGUN):
        return step.waiting.message
    return shorten(outcome.message)


def _start_time(case: Case, outcome: Outcome) -> float | None:
    if outcome.phase is Phase.SUSPENDED:
        return None
    return case.status.start_time or case.now


def _conditions(case: Case, outcome: Outcome) -> list[Condition]:
    phase, now = outcome.phase, case.now
    reason = outcome.reason or phase.value
    shown = [Condition(ConditionType.RUNNING, phase in BEGUN, reason, shorten(outcome.message, 256), now)]
    if phase is Phase.COMPLETE:
        shown.append(Condition(ConditionType.COMPLETE, True, reason, shorten(outcome.message, 256), now))
    if phase in (Phase.FAILED, Phase.CANCELLED):
        shown.append(Condition(ConditionType.FAILED, True, reason, shorten(outcome.message), now))
    if phase is Phase.SUSPENDED or case.status.condition(ConditionType.SUSPENDED):
        shown.append(Condition(ConditionType.SUSPENDED, phase is Phase.SUSPENDED, reason, "", now))
    if outcome.report is not None and outcome.report.plan:
        shown.append(Condition(ConditionType.PLANNED, True, "Planned", outcome.report.plan, now))
    return shown


def with_pods(status: Status, step: PoolStep, now: float) -> Status:
    """The same with what there is of pods."""
    status = replace(
        status, lead=step.lead, leads=step.leads, workers=step.workers, workers_started=step.workers_started
    )
    if step.waiting is not None:
        condition = Condition(ConditionType.PODS_READY, False, step.waiting.reason, step.waiting.message, now)
    elif step.ready:
        condition = Condition(ConditionType.PODS_READY, True, "PodsRun", _pods_text(step), now)
    elif step.lead:
        condition = Condition(ConditionType.PODS_READY, False, "Starting", "pods are starting", now)
    else:
        condition = Condition(ConditionType.PODS_READY, False, "NoPods", "it has no pods now", now)
    return status.with_condition(condition)


def _pods_text(step: PoolStep) -> str:
    return f"1 lead, {step.workers} worker{'' if step.workers == 1 else 's'}"


_QUIET = ("Starting", "NoPods", "PodsRun")
_WARNED = (Phase.FAILED, Phase.CANCELLED)


def events(old: Status, new: Status) -> tuple[Action, ...]:
    """An event for each change that a person would want to know of."""
    found: list[Action] = []
    if new.phase is not old.phase and new.phase not in (None, Phase.PENDING, Phase.PLANNING, Phase.COMMITTING):
        found.append(RecordEvent(_phase_reason(new), new.message or f"it is {new.phase}", new.phase in _WARNED))
    before, after = old.condition(ConditionType.PODS_READY), new.condition(ConditionType.PODS_READY)
    if after is not None and after.reason not in _QUIET and (before is None or before.reason != after.reason):
        found.append(RecordEvent(after.reason, after.message, warning=True))
    if new.leads > max(1, old.leads):
        found.append(RecordEvent("LeadReplaced", f"lead {new.lead} takes over", warning=True))
    return tuple(found)


def _phase_reason(status: Status) -> str:
    failed = status.condition(ConditionType.FAILED)
    if status.phase is Phase.FAILED and failed is not None:
        return failed.reason
    return status.phase.value if status.phase else ""
