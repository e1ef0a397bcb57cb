"""After the end: pods linger for clients and go, and the resource goes when its time to live is over."""

from __future__ import annotations

from gristmill_operator.actions import DeleteResource
from gristmill_operator.policies.case import Case, Outcome, Pods
from gristmill_operator.status import Phase


def after_the_end(case: Case) -> Outcome | None:
    """What has ended stays as it ended; only its pods and itself go in time."""
    phase = case.status.phase
    if phase is None or not phase.ended:
        return None
    age_s = case.now - (case.status.completion_time or case.now)
    pods, pods_go_s = _lingering(case, phase, age_s)
    ttl_s = case.run.ttl_s
    if ttl_s is not None and age_s >= ttl_s:
        return Outcome(phase, pods=Pods.END, actions=(DeleteResource(case.resource.uid),))
    waits = [left for left in (pods_go_s, None if ttl_s is None else ttl_s - age_s) if left is not None]
    return Outcome(phase, message=case.status.message, pods=pods, recheck_s=min(waits, default=None))


def _lingering(case: Case, phase: Phase, age_s: float) -> tuple[Pods, float | None]:
    """Clients read results and progress from the lead for a while; nobody reads those of a cancelled run."""
    if case.resource.pool is None or phase is Phase.CANCELLED:
        return Pods.END, None
    left = case.resource.pool.linger_s - age_s
    return (Pods.KEEP, left) if left > 0 else (Pods.END, None)
