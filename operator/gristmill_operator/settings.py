"""Settings of the operator: the one place of this package that reads the environment. The chart sets these variables.

``OPERATOR_NAMESPACE``: where the operator runs and keeps its Lease (required; downward API).
``OPERATOR_POD``: the operator's pod, its identity in the Lease (default: the host's name).
``WATCH_NAMESPACES``: namespaces with commas between; empty: all, which wants cluster-wide rights.
``WORKER_IMAGE``, ``WORKER_PULL_POLICY``, ``IMAGE_PULL_SECRETS`` (names with commas): the pods' image (required).
``AGENT_RESOURCES``, ``EXECUTOR_RESOURCES``: JSON, as ``resources`` of a container; the second is a default for jobs.
``DEFAULT_STORES``: JSON list, as ``spec.stores``, behind those that a resource names; ``DEFAULT_SCRATCH``: a URI.
``ZONE_MAP``: JSON object from URI prefixes to zones, ``{"s3://eu/": "eu-west-1a"}``; the longest prefix counts.
``MAX_WORKERS``: most workers of a private pool whose resource does not say (default 8).
``LINGER_S``: how long pods of an ended private pool stay for clients, in seconds (default 60).
``SERVICE_ADDRESS``: host:port by which leads reach the operator (required).
``LEAD_PORT``, ``HTTP_PORT``: where the operator listens for leads, and for health and metrics (7070, 8080).
``CA_CERT``, ``CA_KEY``: files of the certificate authority (``/etc/gristmill/ca/tls.crt`` and ``tls.key``).
``POD_ENV``: JSON object of additional environment of job pods; ``POD_LABELS``, ``POD_ANNOTATIONS`` alike.
``POD_TOLERATIONS``, ``POD_NODE_SELECTOR``, ``POD_PRIORITY_CLASS``, ``POD_SERVICE_ACCOUNT``, ``RUNTIME_CLASS``: of job
pods, the first two JSON. ``GRACE_S``: their grace period in seconds (30). ``SCRATCH_SIZE``, ``CACHE_SIZE``: limits of
their emptyDirs, quantities; empty: none. ``LOG_LEVEL``: of operator and pods (INFO).
``NETWORK_POLICIES``: ``false`` makes none. ``WATCH_NODES``: ``false`` where nodes may not be read.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import InvalidPlan

_AGENT = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}
_EXECUTOR = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True, slots=True)
class PodDefaults:
    """What job pods are made with, besides what their resource asks for."""

    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    agent_resources: Mapping[str, Any] = field(default_factory=lambda: _AGENT)
    executor_resources: Mapping[str, Any] = field(default_factory=lambda: _EXECUTOR)
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    priority_class: str = ""
    service_account: str = ""
    runtime_class: str = ""
    grace_s: int = 30
    scratch_size: str = ""
    cache_size: str = ""
    log_level: str = "INFO"
    linger_s: int = 60


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The operator's own; ``zones`` maps URI prefixes to zones, ``namespaces`` empty means all."""

    namespace: str
    identity: str
    service_address: str
    pods: PodDefaults
    namespaces: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[Mapping[str, Any], ...] = ()
    scratch: str = ""
    max_workers: int = 8
    lead_port: int = 7070
    http_port: int = 8080
    ca_cert: str = "/etc/gristmill/ca/tls.crt"
    ca_key: str = "/etc/gristmill/ca/tls.key"
    network_policies: bool = True
    watch_nodes: bool = True
    log_level: str = "INFO"


def load_settings(env: Mapping[str, str] | None = None) -> OperatorSettings:
    """The settings as the environment has them. Raises InvalidPlan naming the variable that is missing or malformed."""
    read = _Reader(os.environ if env is None else env)
    return OperatorSettings(
        namespace=read.required("OPERATOR_NAMESPACE"),
        identity=read.text("OPERATOR_POD", socket.gethostname()),
        service_address=read.required("SERVICE_ADDRESS"),
        pods=_pods(read),
        namespaces=read.names("WATCH_NAMESPACES"),
        zones=read.texts("ZONE_MAP"),
        stores=tuple(read.json("DEFAULT_STORES", list)),
        scratch=read.text("DEFAULT_SCRATCH"),
        max_workers=read.whole("MAX_WORKERS", 8),
        lead_port=read.whole("LEAD_PORT", 7070),
        http_port=read.whole("HTTP_PORT", 8080),
        ca_cert=read.text("CA_CERT", "/etc/gristmill/ca/tls.crt"),
        ca_key=read.text("CA_KEY", "/etc/gristmill/ca/tls.key"),
        network_policies=read.yes("NETWORK_POLICIES"),
        watch_nodes=read.yes("WATCH_NODES"),
        log_level=read.text("LOG_LEVEL", "INFO").upper(),
    )


def _pods(read: _Reader) -> PodDefaults:
    return PodDefaults(
        image=read.required("WORKER_IMAGE"),
        pull_policy=read.text("WORKER_PULL_POLICY", "IfNotPresent"),
        pull_secrets=read.names("IMAGE_PULL_SECRETS"),
        agent_resources=read.json("AGENT_RESOURCES", dict) or _AGENT,
        executor_resources=read.json("EXECUTOR_RESOURCES", dict) or _EXECUTOR,
        env=read.texts("POD_ENV"),
        labels=read.texts("POD_LABELS"),
        annotations=read.texts("POD_ANNOTATIONS"),
        tolerations=tuple(read.json("POD_TOLERATIONS", list)),
        node_selector=read.texts("POD_NODE_SELECTOR"),
        priority_class=read.text("POD_PRIORITY_CLASS"),
        service_account=read.text("POD_SERVICE_ACCOUNT"),
        runtime_class=read.text("RUNTIME_CLASS"),
        grace_s=read.whole("GRACE_S", 30),
        scratch_size=read.text("SCRATCH_SIZE"),
        cache_size=read.text("CACHE_SIZE"),
        log_level=read.text("LOG_LEVEL", "INFO").upper(),
        linger_s=read.whole("LINGER_S", 60),
    )


class _Reader:
    """Variables by name, with their form checked."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def text(self, name: str, default: str = "") -> str:
        return self._env.get(name) or default

    def required(self, name: str) -> str:
        if text := self._env.get(name):
            return text
        raise InvalidPlan(f"{name} is not set", place="environment of the operator", remedy="The chart sets it.")

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def whole(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdigit():
            raise self._malformed(name, "a whole number")
        return int(text)

    def yes(self, name: str) -> bool:
        text = self.text(name, "true").lower()
        if text not in ("true", "false"):
            raise self._malformed(name, "true or false")
        return text == "true"

    def json(self, name: str, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
        try:
            value = json.loads(self.text(name, "{}" if kind is dict else "[]"))
        except json.JSONDecodeError as error:
            raise self._malformed(name, f"JSON ({error})") from error
        if not isinstance(value, kind):
            raise self._malformed(name, "a JSON object" if kind is dict else "a JSON array")
        return value

    def texts(self, name: str) -> dict[str, str]:
        return {str(key): str(value) for key, value in self.json(name, dict).items()}

    def _malformed(self, name: str, wanted: str) -> InvalidPlan:
        return InvalidPlan(f"{self._env.get(name)!r} is not {wanted}", place=f"environment variable {name}")
