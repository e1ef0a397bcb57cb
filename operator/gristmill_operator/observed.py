"""What a decision looks at besides the resource: pods, the lead, what went wrong, and other resources it names.

The shell fills these values from its watches (``parse_pod``) and from leads' streams; decisions only read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.wire.reports import PoolNeed, RunReport
from gristmill_operator.actions import TellPod
from gristmill_operator.model import Key
from gristmill_operator.names import (
    AUTHORITY_ANNOTATION,
    LABEL_COMPONENT,
    LABEL_POOL_UID,
    Kind,
    number_of,
)
from gristmill_operator.status import Phase
from gristmill_operator.times import parse_time


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container: what it waits for, and how its last run ended."""

    name: str
    ready: bool = False
    waiting: str = ""
    message: str = ""
    restarts: int = 0
    last_reason: str = ""
    last_exit: int | None = None


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod. ``deleting_at`` is when its grace period ends; ``lost`` why it was taken away, in one word.

    ``owner`` is the resource that controls it, where that has the UID that the pod's label gives as its pool's.
    """

    name: str
    uid: str
    pool_uid: str
    lead: bool
    phase: str = "Pending"
    created: float = 0.0
    node: str = ""
    ip: str = ""
    deleting_at: float | None = None
    unschedulable: str = ""
    lost: str = ""
    message: str = ""
    containers: tuple[ContainerView, ...] = ()
    owner: Key | None = None
    version: str = ""
    authority: str = ""
    claims: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Which lead or worker of its pool."""
        return number_of(self.name)

    @property
    def finished(self) -> bool:
        """Whether none of its containers runs or will."""
        return self.phase in ("Failed", "Succeeded")

    @property
    def usable(self) -> bool:
        """Whether it runs, or will."""
        return not self.finished and self.deleting_at is None

    @property
    def ready(self) -> bool:
        """Whether all containers run."""
        return self.phase == "Running" and bool(self.containers) and all(one.ready for one in self.containers)


POD, GUARD, CODE, OBJECT, MOUNT, VOLUME = "pod", "guard", "code", "object", "mount", "volume"
"""What a Failure is about: a pod, what has to be there before it, a run's code, other objects, a volume that
is not mounted, a volume that lies elsewhere."""

VOLUMES_APART = "VolumesApart"
"""Reason of a failure: the volumes of a pod lie on nodes of which none can mount all."""


@dataclass(frozen=True, slots=True)
class PlacedVolume:
    """A volume that only some nodes can mount; ``nodes`` None: nobody may tell which."""

    claim: str
    volume: str
    nodes: tuple[str, ...] | None

    def __str__(self) -> str:
        place = f"on node {' or '.join(self.nodes)}" if self.nodes else "on a node that the operator may not read"
        return f"volume {self.volume} of claim {self.claim} lies {place}"


@dataclass(frozen=True, slots=True)
class Failure:
    """What the API server or the kubelet refused."""

    about: str
    reason: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class LeadView:
    """The lead that is connected. ``runs`` it has or was sent; ``told`` is what it heard last of each pod."""

    pod: str
    runs: frozenset[str] = frozenset()
    need: PoolNeed = PoolNeed()
    idle_since: Mapping[str, float] = field(default_factory=dict)
    told: Mapping[str, TellPod] = field(default_factory=dict)
    cancelled: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Another job whose rows this one reads; ``phase`` None: there is none of that name.

    ``output`` is where its rows lie, once it has committed them.
    """

    name: str
    phase: Phase | None = None
    message: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class NamedPool:
    """The warm pool that a run names; ``uid`` empty: there is none."""

    name: str
    uid: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """A mirror that is there, with its status as JSON as it was last written, and when."""

    name: str
    phase: str = ""
    status: str = ""
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything around one resource at one moment.

    ``pods`` and ``failures`` are those of its own pool, ``lead`` that of the pool it runs in. ``zones`` gives the zone
    of a node. ``volumes`` are those of its own pool that only some nodes can mount, where it has several. ``active``
    counts, for a WorkerPool, the runs that name it.
    """

    pods: tuple[PodView, ...] = ()
    lead: LeadView | None = None
    report: RunReport | None = None
    failures: tuple[Failure, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    named: NamedPool | None = None
    children: Mapping[str, Child] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[PlacedVolume, ...] = ()
    active: int = 0


def parse_pod(body: Mapping[str, Any]) -> PodView:
    """The pod that the API server sent as ``body``."""
    meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    labels = meta.get("labels") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or []}
    return PodView(
        name=meta["name"],
        uid=meta.get("uid", ""),
        pool_uid=labels.get(LABEL_POOL_UID, ""),
        lead=labels.get(LABEL_COMPONENT) == "lead",
        phase=status.get("phase") or "Pending",
        created=parse_time(meta.get("creationTimestamp")) or 0.0,
        node=spec.get("nodeName") or "",
        ip=status.get("podIP") or "",
        deleting_at=parse_time(meta.get("deletionTimestamp")),
        unschedulable=_unschedulable(conditions.get("PodScheduled") or {}),
        lost=_lost(status, conditions.get("DisruptionTarget") or {}),
        message=status.get("message") or "",
        containers=tuple(_container(one) for one in status.get("containerStatuses") or []),
        owner=_owner(meta, labels.get(LABEL_POOL_UID, "")),
        version=meta.get("resourceVersion", ""),
        authority=(meta.get("annotations") or {}).get(AUTHORITY_ANNOTATION, ""),
        claims=_claims(spec),
    )


def _claims(spec: Mapping[str, Any]) -> tuple[str, ...]:
    sources = (volume.get("persistentVolumeClaim") for volume in spec.get("volumes") or [])
    return tuple(str(source["claimName"]) for source in sources if source)


def _container(status: Mapping[str, Any]) -> ContainerView:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = (status.get("lastState") or {}).get("terminated") or state.get("terminated") or {}
    return ContainerView(
        name=status.get("name", ""),
        ready=bool(status.get("ready")),
        waiting=waiting.get("reason") or "",
        message=waiting.get("message") or "",
        restarts=int(status.get("restartCount") or 0),
        last_reason=ended.get("reason") or "",
        last_exit=ended.get("exitCode"),
    )


def _unschedulable(condition: Mapping[str, Any]) -> str:
    if condition.get("status") == "False" and condition.get("reason") in ("Unschedulable", "SchedulerError"):
        return condition.get("message") or "no node fits"
    return ""


_LOST_REASONS = {
    "PreemptionByScheduler": "preempted",
    "TerminationByKubelet": "evicted",
    "EvictionByEvictionAPI": "evicted",
    "DeletionByTaintManager": "evicted",
    "DeletionByPodGC": "evicted",
}


def _lost(status: Mapping[str, Any], disruption: Mapping[str, Any]) -> str:
    if disruption.get("status") == "True":
        return _LOST_REASONS.get(disruption.get("reason", ""), "evicted")
    return {"Evicted": "evicted", "Preempting": "preempted"}.get(status.get("reason") or "", "")


def _owner(meta: Mapping[str, Any], pool_uid: str) -> Key | None:
    """Labels alone anybody may write: the controller has to be the pool's resource."""
    kinds = {kind.value: kind for kind in Kind}
    for reference in meta.get("ownerReferences") or []:
        ours = reference.get("controller") and reference.get("kind") in kinds
        if ours and pool_uid and reference.get("uid") == pool_uid:
            return Key(kinds[reference["kind"]], meta.get("namespace", ""), reference["name"])
    return None
