"""What only a cluster heeds of a job, query or pool: which pool, what its pods look like, when it ends.

Elsewhere it is kept, so that a manifest and its plan say the same. The operator makes pods from it; it must not know
Kubernetes' own types.
"""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]
"""Names and values, in the manifest's order."""


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that pods put up with, as Kubernetes has it. ``seconds`` None: for ever."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class EnvVariable:
    """A variable of the executors' environment; with ``secret`` its value is the key ``secret_key`` of that Secret."""

    name: str
    value: str = ""
    secret: str = ""
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class PodOptions:
    """What the pods of a pool look like. ``cache_claim``: a PersistentVolumeClaim for cached blocks, else an emptyDir.

    ``requests`` and ``limits`` are Kubernetes quantities by resource name, of the executor container.
    """

    requests: Pairs = ()
    limits: Pairs = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    node_selector: Pairs = ()
    tolerations: tuple[Toleration, ...] = ()
    service_account: str = ""
    priority_class: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    env: tuple[EnvVariable, ...] = ()
    cache_claim: str = ""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where and whether a job or query runs.

    ``pool`` names a WorkerPool; empty: one of its own, with at most ``workers`` worker pods beside the lead (None: as
    the chart says) that look like ``pod``. ``ttl_s``: seconds after its end until the resource is deleted.
    """

    pool: str = ""
    workers: int | None = None
    pod: PodOptions = PodOptions()
    ttl_s: int | None = None
    suspend: bool = False
    cancel: bool = False
    managed_by: str = ""
    namespace: str = ""
    annotations: Pairs = ()
