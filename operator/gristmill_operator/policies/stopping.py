"""Ends that come from outside the run: cancelled by its user, over its deadline, suspended."""

from __future__ import annotations

from gristmill.wire.reports import RunPhase
from gristmill_operator.policies.case import Case, Outcome, Pods
from gristmill_operator.policies.reporting import ended_by_itself
from gristmill_operator.status import Phase

ANSWER_S = 5.0
"""So long a lead has to say how a run that it should end came out: it may have committed just before."""


def cancelled(case: Case) -> Outcome | None:
    """``spec.cancel: true``."""
    if not case.run.cancel:
        return None
    return _stop(case, Phase.CANCELLED, "Cancelled", "cancelled by spec.cancel")


def over_deadline(case: Case) -> Outcome | None:
    """``spec.deadline``, counted from when the resource was first taken up, or resumed."""
    if case.run.deadline_s is None or case.run.suspend or case.status.start_time is None:
        return None
    if case.now < case.status.start_time + case.run.deadline_s:
        return None
    message = f"not finished {case.run.deadline_s:g} s after its start, which spec.deadline allows it"
    return _stop(case, Phase.FAILED, "DeadlineExceeded", message)


def suspended(case: Case) -> Outcome | None:
    """``spec.suspend: true``: no pods; what the lead says from now on does not count."""
    if not case.run.suspend or ended_by_itself(case.observed.report) is not None:
        return None
    actions = case.cancel("suspended", forget=True)
    return Outcome(Phase.SUSPENDED, "Suspended", "suspended by spec.suspend", Pods.END, actions)


def _stop(case: Case, phase: Phase, reason: str, message: str) -> Outcome:
    """Asks the lead to end the run and waits a moment for how it came out; without a lead, ends at once."""
    report = case.observed.report
    if (itself := ended_by_itself(report)) is not None:
        return itself
    lead = case.observed.lead
    asked = None if lead is None else lead.cancelled.get(case.resource.uid)
    answered = report is not None and report.phase is RunPhase.CANCELLED
    if not case.has_run or answered or (asked is not None and case.now - asked >= ANSWER_S):
        pods = Pods.END if phase is Phase.CANCELLED else Pods.KEEP
        return Outcome(phase, reason, message, pods, report=report)
    actions = case.cancel(message) if asked is None else ()
    left_s = ANSWER_S if asked is None else ANSWER_S - (case.now - asked)
    standing = case.status.phase or Phase.PENDING
    return Outcome(standing, reason, f"ending: {message}", Pods.KEEP, actions, left_s, report)
