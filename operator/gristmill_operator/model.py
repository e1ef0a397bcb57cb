"""What the operator needs of its resources, as frozen values read from what the API server sends.

``parse_resource`` is called for each event of a watch. Everything of a spec that only the lead needs stays in ``raw``
and passes through unread. Specs were checked by their CRD; what slipped through gets a default, never a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gristmill.errors import GristmillError
from gristmill.units import parse_duration
from gristmill.wire.versions import CLIENT_ANNOTATION
from gristmill_operator.names import Kind, base_name
from gristmill_operator.quantities import quantity
from gristmill_operator.status import Status, parse_status
from gristmill_operator.times import parse_time

_CLAIM_SCHEME = "pvc://"
_PRIVATE_IDLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's settings say where a resource says nothing.

    Each core of ``cpu`` makes a slot. ``linger_s``: how long the lead of an ended private pool stays. ``stores`` come
    behind those of a resource. ``authority`` marks pods with whose certificates they hold.
    """

    max_workers: int = 8
    linger_s: float = 60.0
    cpu: str = "1"
    stores: tuple[Mapping[str, Any], ...] = ()
    scratch: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which resource; what the requeue counts by."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What a resource asks of its pods besides the operator's settings; the mappings are Kubernetes' own forms."""

    image: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    service_account: str = ""
    priority_class: str = ""
    pull_secrets: tuple[str, ...] = ()
    env: tuple[Mapping[str, Any], ...] = ()
    cache_claim: str = ""


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool: who owns it, how many pods, and what they look like.

    ``slots`` are tasks at a time in each pod, ``max_pods`` counts the lead too. ``stores`` as JSON and ``scratch``
    are what the lead is told; empty: they come with the run. ``secrets`` and ``claims`` are mounted,
    ``shared_secrets`` where they exist. ``uris`` are inputs, by whose zone the first pod is placed.
    """

    owner: Key
    uid: str
    base: str
    private: bool
    min_pods: int = 0
    max_pods: int = 9
    idle_s: float = _PRIVATE_IDLE_S
    linger_s: float = 60.0
    slots: int = 1
    template: PodTemplate = PodTemplate()
    secrets: tuple[str, ...] = ()
    shared_secrets: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    written_claims: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    stores: str = ""
    scratch: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A job or query to run. ``pool`` is the warm pool it names; ``upstreams`` are jobs whose rows it reads."""

    pool: str = ""
    upstreams: tuple[str, ...] = ()
    deadline_s: float | None = None
    ttl_s: float | None = None
    suspend: bool = False
    cancel: bool = False
    mirror: bool = False
    config_map: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. ``run`` is None for a WorkerPool, ``pool`` None for what runs in a pool of another resource."""

    key: Key
    uid: str
    generation: int
    version: str
    created: float
    deleting: bool
    run: RunSpec | None
    pool: PoolSpec | None
    status: Status
    owner: str = ""
    """Name of what it mirrors a job of."""
    client: str = ""
    """Version of the command that made it; empty where something else did, kubectl say."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def parse_resource(body: Mapping[str, Any], defaults: Defaults = Defaults()) -> Resource:
    """The resource that the API server sent as ``body``."""
    meta, spec = body["metadata"], _mapping(body.get("spec"))
    kind = Kind(body["kind"])
    key = Key(kind, meta.get("namespace", ""), meta["name"])
    uid = str(meta.get("uid", ""))
    run = None if kind is Kind.POOL else _run(spec)
    owners = meta.get("ownerReferences") or [{}]
    return Resource(
        key=key,
        uid=uid,
        generation=int(meta.get("generation", 1)),
        version=str(meta.get("resourceVersion", "")),
        created=parse_time(meta.get("creationTimestamp")) or 0.0,
        deleting="deletionTimestamp" in meta,
        run=run,
        pool=_pool(key, uid, spec, run, defaults),
        status=parse_status(_mapping(body.get("status"))),
        owner=str(owners[0].get("name", "")),
        client=str((meta.get("annotations") or {}).get(CLIENT_ANNOTATION, "")),
        raw=body,
    )


def _run(spec: Mapping[str, Any]) -> RunSpec:
    ttl = spec.get("ttlSecondsAfterFinished")
    return RunSpec(
        pool=str(spec.get("pool") or ""),
        upstreams=tuple(dict.fromkeys(source["fromJob"] for source in _sources(spec) if source.get("fromJob"))),
        deadline_s=_seconds(spec.get("deadline")),
        ttl_s=None if ttl is None else float(ttl),
        suspend=bool(spec.get("suspend")),
        cancel=bool(spec.get("cancel")),
        mirror=bool(spec.get("managedBy")),
        config_map=str(_mapping(spec.get("code")).get("configMap") or ""),
    )


def _pool(key: Key, uid: str, spec: Mapping[str, Any], run: RunSpec | None, defaults: Defaults) -> PoolSpec | None:
    if run is not None and (run.pool or run.mirror):
        return None
    private = run is not None
    own = [_mapping(store) for store in _list(spec.get("stores"))]
    shared = _not_replaced(defaults.stores, own)
    stores = [*own, *shared]
    inputs, outputs = _uris(_sources(spec)), (*_uris(_outputs(spec)), str(spec.get("scratch") or ""))
    most = int(spec.get("workers", defaults.max_workers)) + 1 if private else int(spec.get("max", 4))
    template = _template(spec)
    return PoolSpec(
        owner=key,
        uid=uid,
        base=base_name(key.kind, key.name),
        private=private,
        min_pods=0 if private else int(spec.get("min", 0)),
        max_pods=most,
        idle_s=_PRIVATE_IDLE_S if private else _seconds(spec.get("idle")) or 300.0,
        linger_s=defaults.linger_s,
        slots=_slots(template, defaults),
        template=template,
        secrets=_secrets(own),
        shared_secrets=tuple(name for name in _secrets(shared) if name not in _secrets(own)),
        claims=tuple(dict.fromkeys((*claims_of([*inputs, *outputs]), *map(str, _list(spec.get("claims")))))),
        written_claims=claims_of(outputs),
        endpoints=tuple(dict.fromkeys(str(store["endpoint"]) for store in stores if store.get("endpoint"))),
        uris=inputs,
        stores="" if private and not defaults.stores else json.dumps(stores),
        scratch=defaults.scratch if private else str(spec.get("scratch") or defaults.scratch),
        authority=defaults.authority,
    )


def _not_replaced(defaults: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The operator's stores but for those whose prefix the resource has a store of its own for."""
    taken = {store.get("prefix") for store in own}
    return [store for store in defaults if store.get("prefix") not in taken]


def _template(spec: Mapping[str, Any]) -> PodTemplate:
    pod = _mapping(spec.get("pod"))
    return PodTemplate(
        image=str(_mapping(spec.get("code")).get("image") or spec.get("image") or ""),
        resources=_mapping(spec.get("resources")),
        labels=_mapping(pod.get("labels")),
        annotations=_mapping(pod.get("annotations")),
        node_selector=_mapping(pod.get("nodeSelector")),
        tolerations=tuple(_list(pod.get("tolerations"))),
        service_account=str(pod.get("serviceAccountName") or ""),
        priority_class=str(pod.get("priorityClassName") or ""),
        pull_secrets=tuple(str(secret.get("name")) for secret in _list(pod.get("imagePullSecrets"))),
        env=tuple(_list(pod.get("env"))),
        cache_claim=str(pod.get("cacheClaim") or ""),
    )


def _slots(template: PodTemplate, defaults: Defaults) -> int:
    resources = template.resources
    asked = _mapping(resources.get("requests")).get("cpu") or _mapping(resources.get("limits")).get("cpu")
    return max(1, int(quantity(asked or defaults.cpu) or 1))


def _sources(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tables = spec.get("tables")
    listed = tables.values() if isinstance(tables, Mapping) else _list(tables)
    return [_mapping(one) for one in (*_list(spec.get("input")), *_list(spec.get("sideInputs")), *listed)]


def _outputs(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [_mapping(one) for one in (spec.get("output"), *_mapping(spec.get("outputs")).values()) if one]


def _uris(places: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    found = [uri for place in places for uri in (place.get("uri"), *_list(place.get("uris"))) if uri]
    return tuple(map(str, found))


def claims_of(uris: Sequence[str]) -> tuple[str, ...]:
    """The claims of those URIs that lie on volumes, each once."""
    return tuple(dict.fromkeys(urlsplit(uri).netloc for uri in uris if uri.startswith(_CLAIM_SCHEME)))


def _secrets(stores: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    names = (_mapping(store.get("secretRef")).get("name") for store in stores)
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _seconds(text: object) -> float | None:
    if text in (None, ""):
        return None
    try:
        return parse_duration(str(text))
    except GristmillError:
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
