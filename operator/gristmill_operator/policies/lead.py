"""The lead of a pool: there is never more than one, and it is replaced when it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill_operator.actions import (
    Action,
    DeletePod,
    EnsureNetworkPolicy,
    EnsureSecret,
    EnsureService,
)
from gristmill_operator.model import PoolSpec
from gristmill_operator.names import Role, lead_name
from gristmill_operator.observed import GUARD, POD, Failure, PodView
from gristmill_operator.policies.case import RETRY_S, Pods
from gristmill_operator.policies.groups import Groups, created

_FREE_LEADS = 3
_LONGEST_BACKOFF_S = 120.0


@dataclass(frozen=True, slots=True)
class LeadStep:
    """Name of the lead that there is or will be, and how many were started by now."""

    actions: tuple[Action, ...]
    name: str
    started: int
    recheck_s: float | None = None


def lead_step(
    pool: PoolSpec,
    want: Pods,
    pods: Sequence[PodView],
    failures: Sequence[Failure],
    started: int,
    now: float,
    groups: Groups,
) -> LeadStep:
    """Keeps the newest lead that is usable; makes one when none is there nor still going, and one is wanted."""
    leads = sorted((pod for pod in pods if pod.lead), key=lambda pod: pod.number)
    started = max([started, *(pod.number + 1 for pod in leads)])
    usable = [pod for pod in leads if pod.usable]
    finished = [pod for pod in leads if pod.finished and pod.deleting_at is None]
    if usable:
        extra = [DeletePod(pod.name, pod.uid, "a newer lead is there") for pod in usable[:-1]]
        return LeadStep((*extra, *_removed(finished)), usable[-1].name, started)
    if want is not Pods.START:
        return LeadStep(_removed(finished), "", started)
    if any(pod.deleting_at is not None and not pod.finished for pod in leads):
        return LeadStep((), "", started)
    wait_s = max(_after_refusal(failures, now), _backoff(finished, started, now))
    if wait_s > 0:
        return LeadStep((), "", started, wait_s)
    # Workers go on with the Secret that they have; where only the pod was refused, it has just been made.
    has_secret = any(not pod.lead and pod.usable for pod in pods) or any(one.about == POD for one in failures)
    fresh: tuple[Action, ...] = () if has_secret else (EnsureSecret(pool),)
    name = lead_name(pool.base, started)
    made = (*fresh, EnsureService(pool), EnsureNetworkPolicy(pool), created(pool, groups, 0, name, Role.LEAD))
    return LeadStep((*_removed(finished), *made), name, started + 1)


def _removed(finished: Sequence[PodView]) -> tuple[Action, ...]:
    return tuple(DeletePod(pod.name, pod.uid, "it has ended") for pod in finished)


def _backoff(finished: Sequence[PodView], started: int, now: float) -> float:
    """The first few leads follow each other at once; later ones wait from the last one's start, longer each time."""
    if started < _FREE_LEADS or not finished:
        return 0.0
    pause = min(_LONGEST_BACKOFF_S, RETRY_S * 2.0 ** (started - _FREE_LEADS))
    return finished[-1].created + pause - now


def _after_refusal(failures: Sequence[Failure], now: float) -> float:
    return max((failure.at + RETRY_S - now for failure in failures if failure.about in (POD, GUARD)), default=0.0)
