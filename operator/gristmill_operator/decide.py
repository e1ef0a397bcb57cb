"""The one decision: from a resource and what is observed around it to its status and what is to be done.

``shell`` calls it for each resource that something happened to, carries out the actions, and writes the status once.
It has no clock, no I/O and no memory of its own: the same values give the same decision. Policies lie in
``policies``, one a file; for a run the first that has something to say decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gristmill_operator.actions import Action
from gristmill_operator.model import PoolSpec, Resource
from gristmill_operator.names import Kind
from gristmill_operator.observed import Observed
from gristmill_operator.policies.case import Case, Outcome, Pods, Policy
from gristmill_operator.policies.ending import after_the_end
from gristmill_operator.policies.mirrors import mirrors
from gristmill_operator.policies.pool import PoolCase, PoolStep, pool_step
from gristmill_operator.policies.running import hopeless, named_pool, running
from gristmill_operator.policies.shown import events, run_status, with_pods
from gristmill_operator.policies.stopping import cancelled, over_deadline, suspended
from gristmill_operator.policies.upstream import upstream
from gristmill_operator.policies.versions import other_version
from gristmill_operator.status import Phase, Status

RUN_POLICIES: tuple[Policy, ...] = (
    after_the_end,
    cancelled,
    over_deadline,
    suspended,
    hopeless,
    other_version,
    upstream,
    named_pool,
    running,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The status from now on, what to do, and in how many seconds to decide again even if nothing happens."""

    status: Status
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None


def decide(spec: Resource, status: Status, observed: Observed, now: float) -> Decision:
    """``status`` is what was last written, maybe newer than that in ``spec``; ``now`` counts seconds since 1970."""
    if spec.deleting:
        return Decision(status)
    if spec.run is None:
        return _pool(spec, status, observed, now)
    if spec.run.mirror:
        return Decision(status)
    return _run(Case(spec, spec.run, status, observed, now))


def _run(case: Case) -> Decision:
    outcome = next(outcome for policy in RUN_POLICIES if (outcome := policy(case)) is not None)
    spec, observed = case.resource, case.observed
    step = (
        None if spec.pool is None else pool_step(_pool_case(spec.pool, outcome.pods, observed, case.status, case.now))
    )
    name = spec.pool.base if spec.pool is not None else case.run.pool
    status = case.status if _settled(case, outcome, step) else run_status(case, outcome, step, name)
    children: tuple[Action, ...] = ()
    waits = [outcome.recheck_s, step.recheck_s if step else None, _deadline_in(case, outcome)]
    if spec.key.kind is Kind.QUERY:
        children, wait_s = mirrors(spec.key.name, outcome.phase, observed.report, observed.children, case.now)
        waits.append(wait_s)
    actions = (*outcome.actions, *(step.actions if step else ()), *children, *events(case.status, status))
    return Decision(status, actions, min((wait for wait in waits if wait is not None), default=None))


def _settled(case: Case, outcome: Outcome, step: PoolStep | None) -> bool:
    """Whether status is final: it ended before, and only its pods may still change."""
    ended = case.status.phase is not None and case.status.phase.ended
    return ended and outcome.phase is case.status.phase and (step is None or step.workers == case.status.workers)


def _pool_case(pool: PoolSpec, want: Pods, observed: Observed, status: Status, now: float) -> PoolCase:
    return PoolCase(
        pool=pool,
        want=want,
        pods=observed.pods,
        lead=observed.lead,
        failures=observed.failures,
        leads=status.leads,
        workers_started=status.workers_started,
        now=now,
        zones=observed.zones,
        volumes=observed.volumes,
    )


def _deadline_in(case: Case, outcome: Outcome) -> float | None:
    if case.run.deadline_s is None or outcome.phase.ended or outcome.phase is Phase.SUSPENDED:
        return None
    return max(0.0, (case.status.start_time or case.now) + case.run.deadline_s - case.now) + 0.01


def _pool(spec: Resource, status: Status, observed: Observed, now: float) -> Decision:
    """A warm pool: there while runs name it, or while it keeps pods anyway, and for a while after the last run."""
    assert spec.pool is not None
    want, recheck_s = _wanted(spec.pool, observed, now)
    step = pool_step(_pool_case(spec.pool, want, observed, status, now))
    phase = _pool_phase(observed, step)
    new = replace(
        status,
        observed_generation=spec.generation,
        phase=phase,
        message=step.waiting.message if step.waiting else "",
        active=observed.active,
    )
    new = with_pods(new, step, now)
    waits = [wait for wait in (step.recheck_s, recheck_s) if wait is not None]
    return Decision(new, (*step.actions, *events(status, new)), min(waits, default=None))


def _pool_phase(observed: Observed, step: PoolStep) -> Phase:
    if not step.lead:
        return Phase.IDLE
    return Phase.READY if observed.lead else Phase.STARTING


def _wanted(pool: PoolSpec, observed: Observed, now: float) -> tuple[Pods, float | None]:
    if observed.active or pool.min_pods:
        return Pods.START, None
    if observed.lead is None:
        return (Pods.KEEP, None) if any(pod.usable and pod.lead for pod in observed.pods) else (Pods.END, None)
    left = pool.idle_s - observed.lead.need.idle_s
    return (Pods.START, left) if left > 0 else (Pods.END, None)
