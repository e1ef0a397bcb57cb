"""Where the volumes of claims lie: to make pods in groups, and to name volume and node where a pod fits on none because
of them, which the scheduler does not.

Asked of pools with several claims, and while such a pod waits. Without the right to read PersistentVolumes only the
volume is named, and pods are not made in groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill_operator.kube import Kube, Refused, core_path
from gristmill_operator.names import HOST_LABEL
from gristmill_operator.observed import VOLUME, VOLUMES_APART, Failure, PlacedVolume, PodView
from gristmill_operator.policies.reporting import shorten

AGAIN_S = 10.0
_SIGNS = ("volume", "persistentvolume")
_UNBOUND = "unbound"


class Volumes:
    """Remembers what it found for a few seconds."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._asked: dict[tuple[str, tuple[str, ...]], tuple[float, tuple[PlacedVolume, ...]]] = {}

    async def failures(self, namespace: str, pods: Sequence[PodView], now: float) -> list[Failure]:
        """One for each claim whose volume keeps a pod from its node."""
        stuck = next((pod for pod in pods if pod.claims and _waits_for_volume(pod)), None)
        return [] if stuck is None else _failures(stuck, await self.placed(namespace, stuck.claims, now), now)

    async def placed(self, namespace: str, claims: tuple[str, ...], now: float) -> tuple[PlacedVolume, ...]:
        """The volumes of those claims that only some nodes can mount."""
        key = (namespace, claims)
        self._asked = {one: known for one, known in self._asked.items() if now - known[0] < AGAIN_S}
        if key not in self._asked:
            found = [await self._placed(namespace, claim) for claim in claims]
            self._asked[key] = (now, tuple(one for one in found if one is not None))
        return self._asked[key][1]

    async def _placed(self, namespace: str, claim: str) -> PlacedVolume | None:
        """Where the claim's volume lies; None where it has none, or one that any node can mount."""
        volume = await self._volume(namespace, claim)
        nodes = await self._nodes(volume) if volume else ()
        return None if nodes == () else PlacedVolume(claim, volume, nodes)

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


def _failures(stuck: PodView, placed: Sequence[PlacedVolume], now: float) -> list[Failure]:
    known = [set(one.nodes) for one in placed if one.nodes is not None]
    if known and not set.intersection(*known):
        lie = ", ".join(map(str, placed))
        message = (
            f"no node has all volumes of pod {stuck.name}: {lie}; read them in a pool of the job's own (without "
            "spec.pool), whose pods need not mount all, or put the data into object storage"
        )
        return [Failure(VOLUME, VOLUMES_APART, shorten(message), now)]
    return [Failure(VOLUME, "VolumeNodeUnavailable", _no_room(stuck, one), now) for one in placed]


def _no_room(stuck: PodView, placed: PlacedVolume) -> str:
    return shorten(
        f"pod {stuck.name} has to run where its data is: {placed}, and it does not fit there ({stuck.unschedulable}); "
        "make room on that node or uncordon it"
    )


def _waits_for_volume(pod: PodView) -> bool:
    """Whether a volume's place is why it fits nowhere; where it is not bound yet, nothing is wrong with its node."""
    why = pod.unschedulable.lower()
    return pod.usable and any(sign in why for sign in _SIGNS) and _UNBOUND not in why


def _bound_to(volume: Mapping[str, Any]) -> tuple[str, ...]:
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}
    terms = required.get("nodeSelectorTerms") or []
    expressions = [one for term in terms for one in term.get("matchExpressions") or []]
    return tuple(value for one in expressions if one.get("key") == HOST_LABEL for value in one.get("values") or [])
