"""Which volume and node a pod waits for, where it fits on no node because of its claims: the scheduler names neither.

Asked only while such a pod waits. Without the right to read PersistentVolumes only the volume is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill_operator.kube import Kube, Refused, core_path
from gristmill_operator.names import HOST_LABEL
from gristmill_operator.observed import VOLUME, VOLUMES_APART, Failure, PodView
from gristmill_operator.policies.reporting import shorten

AGAIN_S = 10.0
_SIGNS = ("volume", "persistentvolume")


@dataclass(frozen=True, slots=True)
class _Placed:
    """A volume that only some nodes can mount; ``nodes`` None: nobody may tell which."""

    claim: str
    volume: str
    nodes: tuple[str, ...] | None

    def __str__(self) -> str:
        place = f"on node {' or '.join(self.nodes)}" if self.nodes else "on a node that the operator may not read"
        return f"volume {self.volume} of claim {self.claim} lies {place}"


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
        placed = [found for claim in claims if (found := await self._placed(namespace, claim)) is not None]
        self._asked[key] = (now, _failures(stuck, placed, now))
        return self._asked[key][1]

    async def _placed(self, namespace: str, claim: str) -> _Placed | None:
        """Where the claim's volume lies; None where it has none, or one that any node can mount."""
        volume = await self._volume(namespace, claim)
        nodes = await self._nodes(volume) if volume else ()
        return None if nodes == () else _Placed(claim, volume, nodes)

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


def _failures(stuck: PodView, placed: Sequence[_Placed], now: float) -> list[Failure]:
    known = [set(one.nodes) for one in placed if one.nodes is not None]
    if known and not set.intersection(*known):
        lie = ", ".join(map(str, placed))
        message = (
            f"no node has all volumes of pod {stuck.name}: {lie}; read each in a job of its own, with an output in "
            "object storage, and join those outputs by fromJob"
        )
        return [Failure(VOLUME, VOLUMES_APART, shorten(message), now)]
    return [Failure(VOLUME, "VolumeNodeUnavailable", _no_room(stuck, one), now) for one in placed]


def _no_room(stuck: PodView, placed: _Placed) -> str:
    return shorten(
        f"pod {stuck.name} has to run where its data is: {placed}, and it does not fit there ({stuck.unschedulable}); "
        "make room on that node or uncordon it"
    )


def _waits_for_volume(pod: PodView) -> bool:
    return pod.usable and any(sign in pod.unschedulable.lower() for sign in _SIGNS)


def _bound_to(volume: Mapping[str, Any]) -> tuple[str, ...]:
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}
    terms = required.get("nodeSelectorTerms") or []
    expressions = [one for term in terms for one in term.get("matchExpressions") or []]
    return tuple(value for one in expressions if one.get("key") == HOST_LABEL for value in one.get("values") or [])
