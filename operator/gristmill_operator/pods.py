"""From a pool and the operator's settings to the manifests of its pods. Plain functions; ``acting`` sends the result.

Pods satisfy the restricted Pod Security Standard, hold no Kubernetes token, and have two containers: the agent, small
and of a size that the settings fix, and the executor, where a job's own code and DuckDB run, as large as it asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.wire.protocol import FLIGHT_PORT, WORKER_PORT
from gristmill_operator.actions import CreatePod
from gristmill_operator.model import Key, PoolSpec
from gristmill_operator.names import (
    API_VERSION,
    AUTHORITY_ANNOTATION,
    HOST_LABEL,
    LABEL_COMPONENT,
    LABEL_JOB,
    LABEL_MANAGED_BY,
    LABEL_POOL,
    LABEL_POOL_UID,
    LABEL_ROLE,
    LABEL_STAGE,
    MANAGED_BY,
    ZONE_LABEL,
    Kind,
    Role,
    label_value,
    tls_name,
)
from gristmill_operator.quantities import quantity
from gristmill_operator.settings import OperatorSettings

USER = 65532
_STAGES = {Role.MAPPER: "map", Role.REDUCER: "reduce"}
_DEFAULT_MEMORY = 1 << 30
_UNREACHABLE_S = 15
"""So long a pod stays bound to a node that does not answer, before it is replaced."""
_MOUNTS = {"scratch": "/scratch", "cache": "/cache", "tls": "/etc/gristmill/tls"}
_STORES = "/etc/gristmill/stores"


def pod_manifest(action: CreatePod, settings: OperatorSettings, zone_names: frozenset[str]) -> dict[str, Any]:
    """The pod that ``action`` wants; ``zone_names`` tells zones from nodes among its places."""
    pool, role = action.pool, action.role
    template, defaults = pool.template, settings.pods
    places = action.places or _first_places(pool, settings.zones)
    annotations = {**defaults.annotations, **template.annotations, AUTHORITY_ANNOTATION: pool.authority}
    spec: dict[str, Any] = {
        "restartPolicy": "Always",
        "shareProcessNamespace": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": defaults.grace_s,
        "securityContext": _pod_security(),
        "containers": [_agent(action, settings), _executor(action, settings)],
        "volumes": _volumes(pool, settings),
        "tolerations": [*_tolerations(), *defaults.tolerations, *template.tolerations],
        "nodeSelector": {**defaults.node_selector, **template.node_selector},
        "imagePullSecrets": [{"name": name} for name in (*defaults.pull_secrets, *template.pull_secrets)],
        "serviceAccountName": template.service_account or defaults.service_account,
        "priorityClassName": template.priority_class or defaults.priority_class,
        "runtimeClassName": defaults.runtime_class,
        "affinity": _affinity(places, zone_names | frozenset(settings.zones.values())),
        "topologySpreadConstraints": [] if places else [_apart(pool)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": action.name,
            "namespace": pool.owner.namespace,
            "labels": {**defaults.labels, **template.labels, **pod_labels(pool, role)},
            "annotations": annotations,
            "ownerReferences": [owner_reference(pool)],
        },
        "spec": {name: value for name, value in spec.items() if value not in ({}, [], "")},
    }


def owner_reference(pool: PoolSpec) -> dict[str, Any]:
    """Makes the pool's resource the owner: what it owns goes with it."""
    return reference(pool.owner, pool.uid)


def reference(owner: Key, uid: str) -> dict[str, Any]:
    """An ownerReference of a controller; it blocks no deletion."""
    return {
        "apiVersion": API_VERSION,
        "kind": owner.kind.value,
        "name": owner.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def common_labels(pool: PoolSpec) -> dict[str, str]:
    """Labels of all objects of a pool."""
    return {
        "app.kubernetes.io/name": "gristmill",
        "app.kubernetes.io/part-of": "gristmill",
        "app.kubernetes.io/instance": label_value(pool.owner.name),
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_POOL: label_value(pool.base),
        LABEL_POOL_UID: pool.uid,
    }


def pod_labels(pool: PoolSpec, role: Role) -> dict[str, str]:
    """Labels of a pod of the pool."""
    labels = common_labels(pool) | {
        LABEL_COMPONENT: "lead" if role is Role.LEAD else "worker",
        LABEL_ROLE: role.value,
    }
    if pool.owner.kind is not Kind.POOL:
        labels[LABEL_JOB] = label_value(pool.owner.name)
    if role in _STAGES:
        labels[LABEL_STAGE] = _STAGES[role]
    return labels


def _agent(action: CreatePod, settings: OperatorSettings) -> dict[str, Any]:
    lead = action.role is Role.LEAD
    ports = [{"name": "flight", "containerPort": FLIGHT_PORT}]
    if lead:
        ports.insert(0, {"name": "workers", "containerPort": WORKER_PORT})
    module = "gristmill_worker.lead" if lead else "gristmill_worker.agent"
    return _container("agent", module, action, settings) | {
        "resources": dict(settings.pods.agent_resources),
        "ports": ports,
    }


def _executor(action: CreatePod, settings: OperatorSettings) -> dict[str, Any]:
    container = _container("executor", "gristmill_worker.executors", action, settings)
    container["env"] += [{"name": name, "value": value} for name, value in settings.pods.env.items()]
    container["env"] += [dict(one) for one in action.pool.template.env]
    return container | {"resources": executor_resources(action.pool, settings)}


def _container(name: str, module: str, action: CreatePod, settings: OperatorSettings) -> dict[str, Any]:
    return {
        "name": name,
        "image": action.pool.template.image or settings.pods.image,
        "imagePullPolicy": settings.pods.pull_policy,
        "command": ["python", "-m", module],
        "env": _environment(action, settings),
        "volumeMounts": _mounts(name, action.pool),
        "securityContext": _security(),
    }


def executor_resources(pool: PoolSpec, settings: OperatorSettings) -> dict[str, Any]:
    """What the executor asks for: each of requests and limits as the resource says, else as the settings say."""
    asked, default = pool.template.resources, settings.pods.executor_resources
    if not asked.get("requests") and not asked.get("limits"):
        return dict(default)
    limits = {**asked.get("limits", {})}
    requests = {**limits, **asked.get("requests", {})}
    if "memory" not in limits and "memory" in requests:
        limits["memory"] = requests["memory"]
    return {
        "requests": {**default.get("requests", {}), **requests},
        "limits": limits if "memory" in limits else {**default.get("limits", {}), **limits},
    }


def _environment(action: CreatePod, settings: OperatorSettings) -> list[dict[str, Any]]:
    pool = action.pool
    memory = quantity(executor_resources(pool, settings).get("limits", {}).get("memory"))
    values = {
        "POOL": pool.base,
        "POOL_UID": pool.uid,
        "NAMESPACE": pool.owner.namespace,
        "OPERATOR": settings.service_address,
        "LEAD": f"{pool.base}.{pool.owner.namespace}.svc:{WORKER_PORT}",
        "SLOTS": str(pool.slots),
        "EXECUTOR_MEMORY_BYTES": str(int(memory or _DEFAULT_MEMORY)),
        "LINGER_S": f"{pool.linger_s:g}",
        "LOG": settings.pods.log_level,
        "SECRETS_DIR": _STORES,
        "LOCAL_DIR": _MOUNTS["scratch"],
        "CACHE_DIR": _MOUNTS["cache"],
        "STORES": pool.stores,
        "SCRATCH": pool.scratch,
        "ZONES": json.dumps(dict(settings.zones)) if settings.zones else "",
        "VOLUMES": ",".join(pool.claims) if action.volume_groups else "",
        "VOLUME_GROUPS": ";".join(",".join(claims) for claims in action.volume_groups),
    }
    fields = {"POD": "metadata.name", "POD_IP": "status.podIP", "NODE": "spec.nodeName"}
    return [
        *({"name": f"GRISTMILL_{name}", "value": value} for name, value in values.items() if value),
        *(
            {"name": f"GRISTMILL_{name}", "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in fields.items()
        ),
    ]


def _mounts(container: str, pool: PoolSpec) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [{"name": name, "mountPath": path} for name, path in _MOUNTS.items()]
    mounts[-1]["readOnly"] = True
    mounts.append({"name": f"tmp-{container}", "mountPath": "/tmp"})
    for at, secret in enumerate((*pool.secrets, *pool.shared_secrets)):
        mounts.append({"name": f"store-{at}", "mountPath": f"{_STORES}/{secret}", "readOnly": True})
    for at, claim in enumerate(pool.claims):
        written = claim in pool.written_claims
        mounts.append({"name": f"claim-{at}", "mountPath": f"/volumes/{claim}", "readOnly": not written})
    return mounts


def _volumes(pool: PoolSpec, settings: OperatorSettings) -> list[dict[str, Any]]:
    cache: dict[str, Any] = {"emptyDir": _sized(settings.pods.cache_size)}
    if pool.template.cache_claim:
        cache = {"persistentVolumeClaim": {"claimName": pool.template.cache_claim}}
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "emptyDir": _sized(settings.pods.scratch_size)},
        {"name": "cache", **cache},
        {"name": "tls", "secret": {"secretName": tls_name(pool.base), "defaultMode": 0o440}},
        {"name": "tmp-agent", "emptyDir": {}},
        {"name": "tmp-executor", "emptyDir": {}},
    ]
    for at, secret in enumerate((*pool.secrets, *pool.shared_secrets)):
        optional = secret in pool.shared_secrets
        source = {"secretName": secret, "defaultMode": 0o440, "optional": optional}
        volumes.append({"name": f"store-{at}", "secret": source})
    for at, claim in enumerate(pool.claims):
        read_only = claim not in pool.written_claims
        source = {"claimName": claim, "readOnly": read_only}
        volumes.append({"name": f"claim-{at}", "persistentVolumeClaim": source})
    return volumes


def _sized(limit: str) -> dict[str, Any]:
    return {"sizeLimit": limit} if limit else {}


def _pod_security() -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _security() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _tolerations() -> list[dict[str, Any]]:
    return [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _UNREACHABLE_S,
        }
        for state in ("not-ready", "unreachable")
    ]


def _first_places(pool: PoolSpec, zones: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Before anything is planned, zones come from the inputs' prefixes."""
    found = [zone for uri in pool.uris if (zone := zone_of(uri, zones))]
    return tuple((zone, found.count(zone)) for zone in dict.fromkeys(found))


def zone_of(uri: str, zones: Mapping[str, str]) -> str:
    """The zone of the longest prefix that ``uri`` begins with; empty where none does."""
    prefixes = sorted((prefix for prefix in zones if uri.startswith(prefix)), key=len)
    return zones[prefixes[-1]] if prefixes else ""


def _apart(pool: PoolSpec) -> dict[str, Any]:
    """Where no data draws them, a pool's pods are better on several nodes than on one."""
    return {
        "maxSkew": 1,
        "topologyKey": HOST_LABEL,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {LABEL_POOL_UID: pool.uid}},
    }


def _affinity(places: Sequence[tuple[str, int]], zone_names: frozenset[str]) -> dict[str, Any]:
    """A preference for each place, weights 1 to 100 by the bytes that lie there."""
    if not places:
        return {}
    most = max(weight for _, weight in places) or 1
    terms = [
        {
            "weight": max(1, round(100 * weight / most)),
            "preference": {
                "matchExpressions": [
                    {"key": ZONE_LABEL if name in zone_names else HOST_LABEL, "operator": "In", "values": [name]}
                ]
            },
        }
        for name, weight in places
    ]
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
