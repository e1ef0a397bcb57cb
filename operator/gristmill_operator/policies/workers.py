"""Workers of a pool: up as the lead needs slots, down when they idle, replaced when they are lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.wire.reports import PoolNeed
from gristmill_operator.actions import Action, CreatePod, DeletePod
from gristmill_operator.model import PoolSpec
from gristmill_operator.names import Role, worker_name
from gristmill_operator.observed import POD, Failure, LeadView, PodView
from gristmill_operator.policies.case import RETRY_S, Pods

BURST = 20
"""At most so many pods are made in one step."""


@dataclass(frozen=True, slots=True)
class WorkerStep:
    """``count`` workers there are, those just made included; ``started`` were made by now."""

    actions: tuple[Action, ...]
    count: int
    started: int
    recheck_s: float | None = None


def worker_step(
    pool: PoolSpec,
    want: Pods,
    pods: Sequence[PodView],
    lead: LeadView | None,
    failures: Sequence[Failure],
    started: int,
    now: float,
) -> WorkerStep:
    """Without a lead that says what it needs, workers stay as they are."""
    workers = sorted((pod for pod in pods if not pod.lead), key=lambda pod: pod.number)
    started = max([started, *(pod.number + 1 for pod in workers)])
    usable = [pod for pod in workers if pod.usable]
    ended = [pod for pod in workers if pod.finished and pod.deleting_at is None]
    gone: tuple[Action, ...] = tuple(DeletePod(pod.name, pod.uid, "it has ended") for pod in ended)
    if want is not Pods.START:
        idle = tuple(DeletePod(pod.name, pod.uid, "the run has ended") for pod in usable)
        return WorkerStep((*gone, *idle), 0, started)
    if lead is None:
        return WorkerStep(gone, len(usable), started)
    refused_s = max((one.at + RETRY_S - now for one in failures if one.about == POD), default=0.0)
    missing = _missing(pool, lead.need, len(usable))
    if missing > 0 and refused_s > 0:
        return WorkerStep(gone, len(usable), started, refused_s)
    if missing > 0:
        made = _made(pool, lead.need, started, min(missing, BURST))
        return WorkerStep((*gone, *made), len(usable) + len(made), started + len(made), 1.0)
    dismissed, recheck_s = _idle(pool, usable, lead, now)
    return WorkerStep((*gone, *dismissed), len(usable) - len(dismissed), started, recheck_s)


def wanted_workers(pool: PoolSpec, need: PoolNeed) -> int:
    """Workers beside the lead that the need justifies, within what the pool allows."""
    needed = math.ceil(need.slots / pool.slots) - 1
    return max(0, min(max(needed, pool.min_pods - 1), pool.max_pods - 1))


def _missing(pool: PoolSpec, need: PoolNeed, there: int) -> int:
    return wanted_workers(pool, need) - there


def _made(pool: PoolSpec, need: PoolNeed, started: int, count: int) -> tuple[Action, ...]:
    role = Role.MAPPER if need.maps >= need.reduces else Role.REDUCER
    return tuple(CreatePod(pool, worker_name(pool.base, started + at), role, need.places) for at in range(count))


def _idle(
    pool: PoolSpec, usable: Sequence[PodView], lead: LeadView, now: float
) -> tuple[tuple[Action, ...], float | None]:
    """Those that idle long enough and are not needed, the newest first; and when to look again."""
    spare = len(usable) - wanted_workers(pool, lead.need)
    since = {pod.name: lead.idle_since.get(pod.name) for pod in usable if pod.name in lead.need.idle}
    idle = [(pod, since[pod.name]) for pod in reversed(usable) if since.get(pod.name) is not None]
    due = [pod for pod, at in idle if at is not None and now >= at + pool.idle_s][: max(0, spare)]
    later = [at + pool.idle_s - now for _, at in idle if at is not None and now < at + pool.idle_s]
    actions = tuple(DeletePod(pod.name, pod.uid, f"idle for {pool.idle_s:g} s") for pod in due)
    return actions, min(later) if later and spare > len(due) else None
