"""What the lead hears of its pool's pods: where they run, and why they went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gristmill_operator.actions import Action, TellPod
from gristmill_operator.observed import LeadView, PodView


def pod_news(
    pool_uid: str, pods: Sequence[PodView], lead: LeadView | None, zones: Mapping[str, str]
) -> tuple[Action, ...]:
    """News that this lead has not heard; pods that are there no more are ``deleted``."""
    if lead is None:
        return ()
    news = [
        TellPod(pool_uid, pod.name, state(pod), pod.message, pod.node, zones.get(pod.node, ""))
        for pod in pods
        if lead.told.get(pod.name) != (state(pod), pod.node)
    ]
    there = {pod.name for pod in pods}
    gone = [name for name, (was, _) in lead.told.items() if name not in there and was not in ENDED]
    return (*news, *(TellPod(pool_uid, name, "deleted") for name in gone))


ENDED = ("evicted", "preempted", "deleted", "failed")
"""States after which a pod runs no more."""


def state(pod: PodView) -> str:
    """The pod's state in the words of PodNews."""
    if pod.lost:
        return pod.lost
    if pod.deleting_at is not None:
        return "deleted"
    if pod.finished:
        return "failed"
    return "running" if pod.phase == "Running" else "pending"
