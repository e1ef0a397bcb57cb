"""Workers of a pool: up as the lead needs slots, down when they idle, replaced when they are lost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.wire.reports import PoolNeed
from gristmill_operator.actions import Action, DeletePod
from gristmill_operator.model import PoolSpec
from gristmill_operator.names import Role, worker_name
from gristmill_operator.observed import POD, Failure, LeadView, PodView
from gristmill_operator.policies.case import RETRY_S, Pods
from gristmill_operator.policies.groups import Groups, created, group_of, least_workers, shared_out

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
    groups: Groups,
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
    there = Counter(group_of(pod, groups) for pod in usable)
    missing = _missing(pool, lead.need, there, groups)
    if missing and refused_s > 0:
        return WorkerStep(gone, len(usable), started, refused_s)
    if missing:
        made = _made(pool, lead.need, started, missing[:BURST], groups)
        return WorkerStep((*gone, *made), len(usable) + len(made), started + len(made), 1.0)
    dismissed, recheck_s = _idle(pool, usable, lead, now, groups)
    return WorkerStep((*gone, *dismissed), len(usable) - len(dismissed), started, recheck_s)


def wanted_workers(pool: PoolSpec, need: PoolNeed, groups: Groups) -> int:
    """Workers beside the lead that the need justifies, within what the pool allows; but one of each group that holds
    volumes which tasks wait for."""
    needed = math.ceil(need.slots / pool.slots) - 1
    allowed = max(0, min(max(needed, pool.min_pods - 1), pool.max_pods - 1))
    return max(allowed, sum(least_workers(need, groups)))


def _missing(pool: PoolSpec, need: PoolNeed, there: Counter[int], groups: Groups) -> list[int]:
    """The group of each worker that should be made now, most urgent first."""
    least, total = least_workers(need, groups), wanted_workers(pool, need, groups)
    urgent = [at for at, count in enumerate(least) if count > there[at]]
    wanted = shared_out(total, need, groups)
    further = [at for at, count in enumerate(wanted) for _ in range(count - there[at] - (at in urgent))]
    return [*urgent, *further][: max(total - there.total(), len(urgent))]


def _made(pool: PoolSpec, need: PoolNeed, started: int, wanted: Sequence[int], groups: Groups) -> tuple[Action, ...]:
    role = Role.MAPPER if need.maps >= need.reduces else Role.REDUCER
    names = (worker_name(pool.base, started + at) for at in range(len(wanted)))
    return tuple(
        created(pool, groups, group, name, role, need.places) for group, name in zip(wanted, names, strict=True)
    )


def _idle(
    pool: PoolSpec, usable: Sequence[PodView], lead: LeadView, now: float, groups: Groups
) -> tuple[tuple[Action, ...], float | None]:
    """Those that idle long enough and are not needed, the newest first; and when to look again."""
    spare = len(usable) - wanted_workers(pool, lead.need, groups)
    usable = _dismissible(usable, lead.need, groups)
    since = {pod.name: lead.idle_since.get(pod.name) for pod in usable if pod.name in lead.need.idle}
    idle = [(pod, since[pod.name]) for pod in reversed(usable) if since.get(pod.name) is not None]
    due = [pod for pod, at in idle if at is not None and now >= at + pool.idle_s][: max(0, spare)]
    later = [at + pool.idle_s - now for _, at in idle if at is not None and now < at + pool.idle_s]
    actions = tuple(DeletePod(pod.name, pod.uid, f"idle for {pool.idle_s:g} s") for pod in due)
    return actions, min(later) if later and spare > len(due) else None


def _dismissible(usable: Sequence[PodView], need: PoolNeed, groups: Groups) -> list[PodView]:
    """All but the oldest of each group that has to have one."""
    least, kept = least_workers(need, groups), []
    for at, count in enumerate(least):
        kept += [pod for pod in usable if group_of(pod, groups) == at][:count]
    return [pod for pod in usable if pod not in kept]
