"""What a decision wants done. Values only: ``acting`` carries them out, tests compare them."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill_operator.model import PoolSpec
from gristmill_operator.names import Role


@dataclass(frozen=True, slots=True)
class CreatePod:
    """A pod of the pool. ``places`` are names of nodes and zones with weights, the best first.

    ``volume_groups`` are the claims that pods of each kind mount, where not all mount the same; those of ``pool`` are
    then this pod's.
    """

    pool: PoolSpec
    name: str
    role: Role
    places: tuple[tuple[str, int], ...] = ()
    volume_groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DeletePod:
    """``grace_s`` None: the pod's own; 0: at once, for pods whose node is gone."""

    name: str
    uid: str
    reason: str = ""
    grace_s: int | None = None


@dataclass(frozen=True, slots=True)
class EnsureSecret:
    """Certificate and token of a pool.

    ``anew``: it is about to get its first pod, and what was there before is replaced; else only a missing one is made.
    """

    pool: PoolSpec
    anew: bool = True


@dataclass(frozen=True, slots=True)
class EnsureService:
    """The name by which workers find the lead."""

    pool: PoolSpec


@dataclass(frozen=True, slots=True)
class EnsureNetworkPolicy:
    """Who may talk to the pool's pods."""

    pool: PoolSpec


@dataclass(frozen=True, slots=True)
class SendRun:
    """Gives the resource to the lead of the pool. ``config_map`` holds its code, where not empty."""

    pool_uid: str
    run: str
    config_map: str = ""


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Ends a run in the lead. ``forget``: what the lead still says about it does not count any more."""

    pool_uid: str
    run: str
    reason: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class EndLead:
    """Tells the lead that nobody needs it."""

    pool_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class TellPod:
    """Tells the lead what became of a pod; the fields are those of PodNews."""

    pool_uid: str
    pod: str
    state: str
    reason: str = ""
    node: str = ""
    zone: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class DeleteResource:
    """The resource itself, its time after the end being over."""

    uid: str


@dataclass(frozen=True, slots=True)
class CreateChild:
    """A mirror of one job of a query. ``manifest`` is a MapReduceJob as JSON."""

    name: str
    manifest: str


@dataclass(frozen=True, slots=True)
class PatchChildStatus:
    """Status of a mirror, as JSON."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """An event on the resource, for ``kubectl describe``."""

    reason: str
    message: str
    warning: bool = False


Action = (
    CreatePod
    | DeletePod
    | EnsureSecret
    | EnsureService
    | EnsureNetworkPolicy
    | SendRun
    | CancelRun
    | EndLead
    | TellPod
    | DeleteResource
    | CreateChild
    | PatchChildStatus
    | RecordEvent
)
