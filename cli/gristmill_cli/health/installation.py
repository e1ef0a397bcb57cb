"""Checks of what the chart installs: the API server, the resource definitions, the operator and its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.kinds import GROUP, VERSION, Body, Kind
from gristmill.plan.fields import Record
from gristmill.plan.manifest_fields import MANIFEST
from gristmill.plan.resource_fields import POOL, QUERY
from gristmill.version import __version__
from gristmill.wire.versions import compatible
from gristmill_cli.health.findings import Finding, fail, get_or_none, ok, warn

OLDEST_KUBERNETES = (1, 29)
"""From then on rules in resource definitions (CEL) are there for good."""
_RECORDS: Mapping[Kind, Record] = {Kind.JOB: MANIFEST, Kind.QUERY: QUERY, Kind.POOL: POOL}
_UPGRADE = "Upgrade the chart: helm upgrade gristmill charts/gristmill."
_OPERATORS = "app.kubernetes.io/name=gristmill,app.kubernetes.io/component=operator"


def check_server(connection: Connection) -> Iterator[Finding]:
    """Whether the API server answers, and is new enough."""
    version = connection.get("/version")
    found = f"Kubernetes {version.get('gitVersion', '?')} at {connection.server}, context {connection.context}"
    digits = [int(re.sub(r"\D", "", str(version.get(part, "0"))) or 0) for part in ("major", "minor")]
    if tuple(digits) < OLDEST_KUBERNETES:
        yield fail("cluster", found, f"Gristmill wants {OLDEST_KUBERNETES[0]}.{OLDEST_KUBERNETES[1]} or newer.")
    else:
        yield ok("cluster", found)


def check_definitions(connection: Connection) -> Iterator[Finding]:
    """Whether the cluster knows the three kinds, with all fields that this command may send."""
    served = get_or_none(connection, f"/apis/{GROUP}/{VERSION}")
    names = {each["name"] for each in (served or {}).get("resources", ())}
    for kind in Kind:
        subject = f"{kind.plural}.{GROUP}"
        if kind.plural not in names:
            yield fail(subject, "the cluster does not know this resource", "Install: helm install gristmill ...")
            continue
        definition = connection.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{subject}")
        missing = sorted(_spec_fields(_RECORDS[kind]) - _defined_fields(definition))
        if missing:
            yield fail(subject, f"is older than this command: it lacks {', '.join(missing)}", _UPGRADE)
        else:
            yield ok(subject, f"{VERSION}, as this command knows it")


def check_operator(connection: Connection) -> Iterator[Finding]:
    """Whether there is one operator, ready, of a version that fits, and with settings that serve this namespace."""
    deployments = connection.get("/apis/apps/v1/deployments", labelSelector=_OPERATORS)["items"]
    if not deployments:
        yield fail("operator", "there is none in the cluster", "Install: helm install gristmill charts/gristmill")
        return
    serving = [each for each in deployments if _serves(each, connection.namespace)]
    if not serving:
        watched = ", ".join(sorted({name for each in deployments for name in _watched(each)}))
        yield fail("operator", f"none watches namespace {connection.namespace}, but {watched}", "Use one of these: -n.")
    if len(serving) > 1:
        yield fail("operator", f"{len(serving)} watch this namespace", "Keep one, or give each its watchNamespaces.")
    for each in serving:
        yield from _ready(connection, each)
        yield _fits(each)
        yield _scratch(each)


def _ready(connection: Connection, deployment: Body) -> Iterator[Finding]:
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    subject = f"operator {namespace}/{name}"
    if (deployment.get("status") or {}).get("readyReplicas"):
        yield ok(subject, "is ready")
        return
    pods = connection.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=_OPERATORS)["items"]
    reasons = [reason for pod in pods if (reason := waiting_reason(pod))]
    found = f"is not ready: {'; '.join(reasons)}" if reasons else "is not ready"
    yield fail(subject, found, f"kubectl -n {namespace} logs deployment/{name}")


def _fits(deployment: Body) -> Finding:
    version = str(deployment["metadata"].get("labels", {}).get("app.kubernetes.io/version") or "")
    subject = "version of the operator"
    if not version:
        return warn(subject, "it does not say")
    if compatible(version, __version__):
        return ok(subject, f"{version}, this command is {__version__}")
    return fail(
        subject,
        f"{version} does not fit this command, {__version__}: one minor version apart is accepted",
        f"Upgrade the older of the two: pip install gristmill=={version}, or the chart.",
    )


def _scratch(deployment: Body) -> Finding:
    uri = environment_of(deployment).get("DEFAULT_SCRATCH", "")
    if uri:
        return ok("default scratch", uri)
    return warn(
        "default scratch",
        "is not set: jobs and queries without an output have to name one",
        "Set it in the chart's values, or spec.scratch in each.",
    )


def environment_of(deployment: Body) -> dict[str, str]:
    """The variables that its first container gets as plain values."""
    containers: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: str(each.get("value") or "") for each in containers[0].get("env") or ()}


def waiting_reason(pod: Body) -> str:
    """Why a pod does not run: what its containers or the scheduler say; empty where nothing is wrong."""
    status = pod.get("status") or {}
    name = pod["metadata"]["name"]
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            return f"pod {name}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"pod {name}: {condition.get('reason', '')}: {condition.get('message', '')}"
    return ""


def _serves(deployment: Body, namespace: str) -> bool:
    watched = _watched(deployment)
    return not watched or namespace in watched


def _watched(deployment: Body) -> list[str]:
    return [name.strip() for name in environment_of(deployment).get("WATCH_NAMESPACES", "").split(",") if name.strip()]


def _spec_fields(record: Record) -> set[str]:
    spec = record.field("spec")
    return {field.name for field in spec.record.fields} if spec and spec.record else set()


def _defined_fields(definition: Body) -> set[str]:
    versions = definition["spec"]["versions"]
    schema = next(each["schema"]["openAPIV3Schema"] for each in versions if each["name"] == VERSION)
    return set(schema["properties"]["spec"].get("properties", {}))
