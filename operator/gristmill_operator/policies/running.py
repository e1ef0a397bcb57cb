"""A run that should go on: its lead gets it, and what the lead reports becomes its phase."""

from __future__ import annotations

from gristmill.wire.reports import RunPhase
from gristmill_operator.actions import SendRun
from gristmill_operator.observed import CODE, POD, VOLUME, VOLUMES_APART, Failure
from gristmill_operator.policies.case import RETRY_S, Case, Outcome, Pods
from gristmill_operator.policies.groups import groups_of, outputs_apart
from gristmill_operator.policies.reporting import ended_by_itself
from gristmill_operator.status import BEGUN, Phase

INVALID_POD = "InvalidPod"


def hopeless(case: Case) -> Outcome | None:
    """Pods that the API server finds invalid, or that no node could ever run, will never be: the spec cannot change any
    more."""
    pool, volumes = case.resource.pool, case.observed.volumes
    if pool is None:
        return None
    if apart := outputs_apart(pool, volumes):
        return Outcome(Phase.FAILED, VOLUMES_APART, apart, Pods.END)
    grouped = len(groups_of(pool, volumes)) > 1
    for failure in case.observed.failures:
        apart_for_ever = (failure.about, failure.reason) == (VOLUME, VOLUMES_APART) and not grouped
        if apart_for_ever or (failure.about, failure.reason) == (POD, INVALID_POD):
            return Outcome(Phase.FAILED, failure.reason, failure.message, Pods.END)
    return None


def named_pool(case: Case) -> Outcome | None:
    """The warm pool that it names has to be there."""
    named = case.observed.named
    if named is None or named.uid:
        return None
    message = f"waits for pool {named.name}, which does not exist; apply the WorkerPool or leave out spec.pool"
    return Outcome(Phase.PENDING, "PoolMissing", message)


def running(case: Case) -> Outcome:
    """Sends the run where no lead has it, and follows its reports where one has.

    A run that its lead cancelled though nobody asked for it is one that lost its lead: somebody deleted the pod, say.
    """
    report = case.observed.report
    if (itself := ended_by_itself(report)) is not None:
        return itself
    if report is not None and report.phase is RunPhase.CANCELLED:
        report = None
        if case.has_run:
            return Outcome(_standing(case), "LeadEnding", "its lead ends; the next takes the run over")
    if case.observed.lead is None:
        return Outcome(_standing(case), "WaitingForLead", _waiting(case))
    if not case.has_run:
        if (refused := _refused(case)) is not None:
            wait_s = refused.at + RETRY_S - case.now
            return Outcome(_standing(case), refused.reason, refused.message, recheck_s=wait_s, report=report)
        send = SendRun(case.pool_uid, case.resource.uid, case.run.config_map)
        return Outcome(_standing(case), "Sending", actions=(send,), report=report)
    if report is None:
        return Outcome(_standing(case), "Sent")
    phase = Phase(report.phase.value)
    return Outcome(phase, report.reason or phase.value, report.message, report=report)


def _standing(case: Case) -> Phase:
    """A run keeps its phase while its lead is away: what was done is not lost."""
    return case.status.phase if case.status.phase in BEGUN else Phase.PENDING


def _waiting(case: Case) -> str:
    if case.observed.named is not None:
        detail = f": {case.observed.named.message}" if case.observed.named.message else ""
        return f"waits for the lead of pool {case.observed.named.name}{detail}"
    return "waits for its lead"


def _refused(case: Case) -> Failure | None:
    """Why the run could not be sent a moment ago."""
    recent = (one for one in case.observed.failures if one.about == CODE and case.now < one.at + RETRY_S)
    return next(recent, None)
