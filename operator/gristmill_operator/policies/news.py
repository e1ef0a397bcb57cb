"""What the lead hears of its pool's pods: where they run, and why they went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gristmill_operator.actions import Action, TellPod
from gristmill_operator.observed import LeadView, PodView


def pod_news(
    pool_uid: str, pods: Sequence[PodView], lead: LeadView | None, zones: Mapping[str, str]
) -> tuple[Action, ...]:
    """News that this lead has not heard; pods that are there no more are ``gone``, of what they were ended by."""
    if lead is None:
        return ()
    now = [
        TellPod(pool_uid, pod.name, state(pod), pod.message, pod.node, zones.get(pod.node, ""), gone=pod.finished)
        for pod in pods
    ]
    news = [each for each in now if _differs(each, lead.told.get(each.pod))]
    there = {pod.name for pod in pods}
    missing = [before for name, before in lead.told.items() if name not in there and not before.gone]
    last = (replace(each, state=each.state if each.state in ENDED else "deleted", gone=True) for each in missing)
    return (*news, *last)


ENDED = ("evicted", "preempted", "deleted", "failed")
"""States from which on a pod is being ended."""


def _differs(news: TellPod, told: TellPod | None) -> bool:
    return told is None or (news.state, news.node, news.gone) != (told.state, told.node, told.gone)


def state(pod: PodView) -> str:
    """The pod's state in the words of PodNews."""
    if pod.lost:
        return pod.lost
    if pod.deleting_at is not None:
        return "deleted"
    if pod.finished:
        return "failed"
    return "running" if pod.phase == "Running" else "pending"
