"""From a pool to the manifests of its Secret, Service and NetworkPolicy, and of events and mirrors."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gristmill.wire.protocol import FLIGHT_PORT, UPSTREAM_ANNOTATION, WORKER_PORT
from gristmill_operator.actions import CreateChild, RecordEvent
from gristmill_operator.authority import PoolCredentials
from gristmill_operator.model import PoolSpec, Resource
from gristmill_operator.names import (
    API_VERSION,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_POOL_UID,
    MANAGED_BY,
    MIRROR_OWNER,
    Kind,
    tls_name,
)
from gristmill_operator.pods import common_labels, owner_reference, reference
from gristmill_operator.settings import OperatorSettings
from gristmill_operator.times import format_micro_time, format_time

_WEB_PORTS = (80, 443)
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def secret_manifest(pool: PoolSpec, credentials: PoolCredentials) -> dict[str, Any]:
    """Secret ``BASE-tls``."""
    files = {
        "ca.crt": credentials.ca,
        "tls.crt": credentials.cert,
        "tls.key": credentials.key,
        "token": credentials.token.encode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": _metadata(pool, tls_name(pool.base)),
        "data": {name: base64.b64encode(content).decode() for name, content in files.items()},
    }


def service_manifest(pool: PoolSpec) -> dict[str, Any]:
    """Headless Service ``BASE`` by which workers find the lead, from before it is ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(pool, pool.base),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL_POOL_UID: pool.uid, LABEL_COMPONENT: "lead"},
            "ports": [{"name": "workers", "port": WORKER_PORT, "targetPort": WORKER_PORT}],
        },
    }


def network_policy_manifest(pool: PoolSpec, settings: OperatorSettings) -> dict[str, Any]:
    """NetworkPolicy ``BASE``. Stores are names, which policies cannot say: their ports are open to everywhere."""
    own = {"podSelector": {"matchLabels": {LABEL_POOL_UID: pool.uid}}}
    operator = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: settings.namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "gristmill", LABEL_COMPONENT: "operator"}},
    }
    lead_port = int(settings.service_address.rpartition(":")[2])
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(pool, pool.base),
        "spec": {
            "podSelector": own["podSelector"],
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [own], "ports": _tcp(WORKER_PORT, FLIGHT_PORT)}],
            "egress": [
                {"to": [own], "ports": _tcp(WORKER_PORT, FLIGHT_PORT)},
                {"to": [operator], "ports": _tcp(*dict.fromkeys((settings.lead_port, lead_port)))},
                {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
                {"ports": _tcp(*store_ports(pool))},
            ],
        },
    }


def store_ports(pool: PoolSpec) -> tuple[int, ...]:
    """Ports of the pool's stores, HTTP's own among them."""
    found = []
    for endpoint in pool.endpoints:
        try:
            found.append(urlsplit(endpoint).port)
        except ValueError:
            continue
    return tuple(dict.fromkeys((*_WEB_PORTS, *(port for port in found if port))))


def _tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _metadata(pool: PoolSpec, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": pool.owner.namespace,
        "labels": common_labels(pool),
        "ownerReferences": [owner_reference(pool)],
    }


def child_manifest(query: Resource, action: CreateChild) -> dict[str, Any]:
    """The mirror of one job of the query's chain: shown, never executed, and gone with the query."""
    manifest = json.loads(action.manifest)
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.JOB.value,
        "metadata": {
            "name": action.name,
            "namespace": query.key.namespace,
            "labels": {**manifest.get("metadata", {}).get("labels", {}), LABEL_MANAGED_BY: MANAGED_BY},
            "ownerReferences": [reference(query.key, query.uid)],
        },
        "spec": {**manifest.get("spec", {}), "managedBy": MIRROR_OWNER},
    }


def event_manifest(resource: Resource, action: RecordEvent, identity: str, now: float) -> dict[str, Any]:
    """An event on the resource; the same one told twice has the same name."""
    told = f"{resource.uid}/{action.reason}/{action.message}/{int(now)}"
    mark = hashlib.sha256(told.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{resource.key.name}.{mark}", "namespace": resource.key.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": resource.key.kind.value,
            "name": resource.key.name,
            "namespace": resource.key.namespace,
            "uid": resource.uid,
        },
        "type": "Warning" if action.warning else "Normal",
        "reason": action.reason,
        "message": action.message[:1024],
        "firstTimestamp": format_time(now),
        "lastTimestamp": format_time(now),
        "eventTime": format_micro_time(now),
        "count": 1,
        "action": action.reason,
        "reportingComponent": MANAGED_BY,
        "reportingInstance": identity,
        "source": {"component": MANAGED_BY},
    }


def run_resource(resource: Resource, upstreams: Mapping[str, str]) -> str:
    """The resource as its lead gets it, JSON: without status and bookkeeping.

    ``upstreams`` says where the output of each job lies that ``fromJob`` names; it goes into annotations.
    """
    raw = resource.raw
    meta = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    places = {f"{UPSTREAM_ANNOTATION}{job}": uri for job, uri in upstreams.items()}
    if places:
        meta["annotations"] = {**(meta.get("annotations") or {}), **places}
    return json.dumps(
        {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": meta, "spec": raw.get("spec") or {}}
    )
