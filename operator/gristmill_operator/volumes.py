"""Which volume and node a pod waits for, where it fits on no node because of its claims: the scheduler names neither.

Asked only while such a pod waits. Without the right to read PersistentVolumes only the volume is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill_operator.kube import Kube, Refused, core_path
from gristmill_operator.names import HOST_LABEL
from gristmill_operator.observed import VOLUME, Failure, PodView
from gristmill_operator.policies.reporting import shorten

AGAIN_S = 10.0
_SIGNS = ("volume", "persistentvolume")


class Volumes:
    """Remembers what it found for a few seconds."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._asked: dict[tuple[str, tuple[str, ...]], tuple[float, list[Failure]]] = {}

    async def failures(
        self, namespace: str, claims: tuple[str, ...], pods: Sequence[PodView], now: float
    ) -> list[Failure]:
        """One for each claim whose volume keeps a pod from its node."""
        stuck = next((pod for pod in pods if claims and _waits_for_volume(pod)), None)
        if stuck is None:
            return []
        key = (namespace, claims)
        self._asked = {one: known for one, known in self._asked.items() if now - known[0] < AGAIN_S}
        if key in self._asked:
            return self._asked[key][1]
        found = [await self._failure(namespace, claim, stuck, now) for claim in claims]
        self._asked[key] = (now, [failure for failure in found if failure is not None])
        return self._asked[key][1]

    async def _failure(self, namespace: str, claim: str, pod: PodView, now: float) -> Failure | None:
        volume = await self._volume(namespace, claim)
        if not volume:
            return None
        nodes = await self._nodes(volume)
        if nodes == ():
            return None
        place = f"on node {' or '.join(nodes)}" if nodes else "on a node that the operator may not read"
        message = (
            f"pod {pod.name} has to run where its data is: volume {volume} of claim {claim} lies {place}, and it does "
            f"not fit there ({pod.unschedulable}); make room on that node or uncordon it"
        )
        return Failure(VOLUME, "VolumeNodeUnavailable", shorten(message), now)

    async def _volume(self, namespace: str, claim: str) -> str:
        try:
            found = await self._kube.get(core_path(namespace, "persistentvolumeclaims", claim))
        except Refused:
            return ""
        return str((found.get("spec") or {}).get("volumeName") or "")

    async def _nodes(self, volume: str) -> tuple[str, ...] | None:
        """Nodes that the volume is bound to, none where it is to none; None where that may not be read."""
        try:
            found = await self._kube.get(core_path("", "persistentvolumes", volume))
        except Refused:
            return None
        return _bound_to(found)


def _waits_for_volume(pod: PodView) -> bool:
    return pod.usable and any(sign in pod.unschedulable.lower() for sign in _SIGNS)


def _bound_to(volume: Mapping[str, Any]) -> tuple[str, ...]:
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}
    terms = required.get("nodeSelectorTerms") or []
    expressions = [one for term in terms for one in term.get("matchExpressions") or []]
    return tuple(value for one in expressions if one.get("key") == HOST_LABEL for value in one.get("values") or [])
