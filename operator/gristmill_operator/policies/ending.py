"""After the end: pods linger for clients and go, and the resource goes when its time to live is over."""

from __future__ import annotations

from gristmill_operator.actions import Action, DeleteResource
from gristmill_operator.policies.case import Case, Outcome, Pods
from gristmill_operator.status import Phase


def after_the_end(case: Case) -> Outcome | None:
    """What has ended stays as it ended; a lead that was away and still runs it ends it, pods and itself go in time."""
    phase = case.status.phase
    if phase is None or not phase.ended:
        return None
    age_s = case.now - (case.status.completion_time or case.now)
    pods, pods_go_s = _lingering(case, phase, age_s)
    ttl_s = case.run.ttl_s
    if ttl_s is not None and age_s >= ttl_s:
        return Outcome(phase, pods=Pods.END, actions=(*_cancel(case, phase), DeleteResource(case.resource.uid)))
    waits = [left for left in (pods_go_s, None if ttl_s is None else ttl_s - age_s) if left is not None]
    return Outcome(phase, "", case.status.message, pods, _cancel(case, phase), min(waits, default=None))


def _cancel(case: Case, phase: Phase) -> tuple[Action, ...]:
    """Once for each connection: the lead may not have been there when the run was to end."""
    lead, report = case.observed.lead, case.observed.report
    over = phase is Phase.COMPLETE or (report is not None and report.phase.ended)
    if over or lead is None or case.resource.uid in lead.cancelled:
        return ()
    return case.cancel(case.status.message or f"it is {phase}")


def _lingering(case: Case, phase: Phase, age_s: float) -> tuple[Pods, float | None]:
    """Clients read results and progress from the lead for a while; nobody reads those of a cancelled run."""
    if case.resource.pool is None or phase is Phase.CANCELLED:
        return Pods.END, None
    left = case.resource.pool.linger_s - age_s
    return (Pods.KEEP, left) if left > 0 else (Pods.END, None)
