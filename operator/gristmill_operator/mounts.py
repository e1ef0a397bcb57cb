"""Volumes that the kubelet cannot mount: only its events tell, so they are asked for while a pod does not start."""

from __future__ import annotations

from collections.abc import Sequence

from gristmill_operator.kube import Kube, Refused, core_path
from gristmill_operator.names import base_of, tls_name
from gristmill_operator.observed import MOUNT, Failure, PodView
from gristmill_operator.policies.reporting import shorten
from gristmill_operator.policies.waiting import unmounted

PATIENCE_S = 2.0
"""So long a pod that has a node may take before its events are looked at."""
AGAIN_S = 4.0
_KEPT_S = 60.0


class Mounts:
    """Remembers what it found, so that the same pod's events are asked for only every few seconds."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._asked: dict[str, tuple[float, Failure | None]] = {}

    async def failures(self, namespace: str, pods: Sequence[PodView], now: float) -> list[Failure]:
        """What the kubelet says about those pods that have a node and do not start."""
        slow = [pod for pod in pods if _slow(pod, now)]
        self._asked = {uid: known for uid, known in self._asked.items() if now - known[0] < _KEPT_S}
        found = [await self._failure(namespace, pod, now) for pod in slow]
        return [failure for failure in found if failure is not None]

    async def _failure(self, namespace: str, pod: PodView, now: float) -> Failure | None:
        asked_at, known = self._asked.get(pod.uid, (0.0, None))
        if now - asked_at < AGAIN_S:
            return known
        failure = await self._ask(namespace, pod, now)
        self._asked[pod.uid] = (now, failure)
        return failure

    async def _ask(self, namespace: str, pod: PodView, now: float) -> Failure | None:
        selector = f"involvedObject.uid={pod.uid},reason=FailedMount"
        try:
            events = await self._kube.list(core_path(namespace, "events"), fieldSelector=selector)
        except Refused:
            return None
        if not events:
            return None
        last = max(events, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        message = str(last.get("message") or "")
        reason, remedy = unmounted(message, tls_name(base_of(pod.name)))
        return Failure(MOUNT, reason, shorten(f"pod {pod.name}: {message}; {remedy}"), now)


def _slow(pod: PodView, now: float) -> bool:
    waiting = all(one.waiting in ("ContainerCreating", "PodInitializing") for one in pod.containers)
    return pod.usable and pod.phase == "Pending" and bool(pod.node) and waiting and now - pod.created > PATIENCE_S
