"""The pods of one pool: a lead, workers as needed, and what hinders them. Same for private and warm pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gristmill_operator.actions import Action, DeletePod, EndLead, EnsureSecret
from gristmill_operator.model import PoolSpec
from gristmill_operator.observed import Failure, LeadView, PlacedVolume, PodView
from gristmill_operator.policies.case import Pods
from gristmill_operator.policies.groups import Groups, group_of, groups_of
from gristmill_operator.policies.lead import LeadStep, lead_step
from gristmill_operator.policies.news import pod_news
from gristmill_operator.policies.waiting import OWN_SECRET, Waiting, waiting
from gristmill_operator.policies.workers import WorkerStep, worker_step

STARTING_S = 2.5
"""While pods start it is looked again so often: what the kubelet waits for no watch tells."""
FORCE_S = 15.0
"""So long after its grace period a pod may still be there; then its node is taken for dead."""
_UNNEEDED = "the pool is not needed any more"


@dataclass(frozen=True, slots=True)
class PoolCase:
    """One pool at one moment. ``leads`` and ``workers_started`` are so many as status says were made."""

    pool: PoolSpec
    want: Pods
    pods: tuple[PodView, ...]
    lead: LeadView | None
    failures: tuple[Failure, ...]
    leads: int
    workers_started: int
    now: float
    zones: Mapping[str, str]
    volumes: tuple[PlacedVolume, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolStep:
    """What to do, and what status shows of pods from now on. ``ready``: lead and workers all run."""

    actions: tuple[Action, ...]
    lead: str
    leads: int
    workers: int
    workers_started: int
    waiting: Waiting | None
    ready: bool
    recheck_s: float | None


def pool_step(case: PoolCase) -> PoolStep:
    """The next step towards what is wanted; at most one live lead at any time."""
    going = _forced(case)
    if case.want is Pods.END:
        return _ended(case, going)
    groups = groups_of(case.pool, case.volumes)
    for unfit in (_strangers(case), _misfits(case, groups)):
        case, leaving = _without(case, *unfit)
        going = (*going, *leaving)
    pool, want, pods, failures = case.pool, case.want, case.pods, case.failures
    lead = lead_step(pool, want, pods, failures, case.leads, case.now, groups)
    workers = worker_step(pool, want, pods, case.lead, failures, case.workers_started, case.now, groups)
    news = pod_news(case.pool.uid, case.pods, case.lead, case.zones)
    return _step(case, lead, workers, (*going, *_secret_again(case), *lead.actions, *workers.actions, *news))


def _secret_again(case: PoolCase) -> tuple[Action, ...]:
    """Somebody deleted it, or a deletion that had been given up came late; nobody else would ever make it again."""
    waits = any(pod.usable and not pod.ready for pod in case.pods)
    missing = waits and any(one.reason == OWN_SECRET for one in case.failures)
    return (EnsureSecret(case.pool, anew=False),) if missing else ()


def _strangers(case: PoolCase) -> tuple[list[PodView], str]:
    """Pods whose certificate another authority signed: they are never let in again."""
    strange = [pod for pod in case.pods if pod.usable and pod.authority not in ("", case.pool.authority)]
    return strange, "its certificate is of an authority that is no more"


def _misfits(case: PoolCase, groups: Groups) -> tuple[list[PodView], str]:
    """Pods that were made before it was known where the volumes lie, and that no node can take."""
    misfits = [pod for pod in case.pods if pod.usable and not pod.node and group_of(pod, groups) < 0]
    return misfits, "its volumes lie on several nodes"


def _without(case: PoolCase, pods: list[PodView], why: str) -> tuple[PoolCase, tuple[Action, ...]]:
    """Those pods count as going, and go."""
    if not pods:
        return case, ()
    kept = tuple(replace(pod, deleting_at=case.now) if pod in pods else pod for pod in case.pods)
    return replace(case, pods=kept), tuple(DeletePod(pod.name, pod.uid, why) for pod in pods)


def _step(case: PoolCase, lead: LeadStep, workers: WorkerStep, actions: tuple[Action, ...]) -> PoolStep:
    usable = [pod for pod in case.pods if pod.usable]
    starting = STARTING_S if any(pod.phase == "Pending" for pod in usable) else None
    afters = (lead.recheck_s, workers.recheck_s, _force_in(case), starting)
    rechecks = [after for after in afters if after is not None]
    return PoolStep(
        actions=actions,
        lead=lead.name,
        leads=lead.started,
        workers=workers.count,
        workers_started=workers.started,
        waiting=waiting(usable, case.failures),
        ready=any(pod.lead for pod in usable) and all(pod.ready for pod in usable),
        recheck_s=min(rechecks, default=None),
    )


def _ended(case: PoolCase, going: tuple[Action, ...]) -> PoolStep:
    """All pods go; the lead hears it first, and sweeps."""
    left = [pod for pod in case.pods if pod.deleting_at is None]
    says: tuple[Action, ...] = (EndLead(case.pool.uid, _UNNEEDED),) if case.lead and left else ()
    deletes = tuple(DeletePod(pod.name, pod.uid, _UNNEEDED) for pod in left)
    return PoolStep(
        actions=(*says, *deletes, *going),
        lead="",
        leads=_count(case.leads, [pod for pod in case.pods if pod.lead]),
        workers=0,
        workers_started=_count(case.workers_started, [pod for pod in case.pods if not pod.lead]),
        waiting=None,
        ready=False,
        recheck_s=_force_in(case),
    )


def _forced(case: PoolCase) -> tuple[Action, ...]:
    """Pods that outstay their grace period: their node does not answer."""
    return tuple(
        DeletePod(pod.name, pod.uid, "its node does not answer", grace_s=0)
        for pod in case.pods
        if pod.deleting_at is not None and case.now >= pod.deleting_at + FORCE_S
    )


def _force_in(case: PoolCase) -> float | None:
    left = [pod.deleting_at + FORCE_S - case.now for pod in case.pods if pod.deleting_at is not None]
    return max(1.0, min(left)) if left else None


def _count(known: int, pods: list[PodView]) -> int:
    return max([known, *(pod.number + 1 for pod in pods)])
