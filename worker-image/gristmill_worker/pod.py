"""What a pod is told when it starts: the one place that reads the environment of leads and workers.

The operator sets these variables (docs/cluster.md); ``lead``, ``agent`` and ``executors`` ask ``load_pod`` for them
once and hand the value on. What has a default may be left out; tests set the ports and folders of several pods on one
machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import InvalidPlan
from gristmill.plan.job import Store
from gristmill.wire.protocol import CLIENT_PORT, FLIGHT_PORT, WORKER_PORT
from gristmill.wire.tls import OPERATOR_NAME, TlsFiles, pool_name


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a pool.

    ``pool`` is the base name of the pool's objects. ``lead`` and ``operator`` are ``host:port``. ``stores`` are those
    of a warm pool (empty: each job brings its own), ``zones`` the zone by URI prefix. ``scratch``: where results go
    whose job names no place; empty: nowhere. ``volumes`` (``pvc://CLAIM``) are mounted here, ``volume_groups`` in pods
    of each kind; both empty where all pods have mounted the same.
    """

    pool: str
    pool_uid: str
    namespace: str
    name: str
    ip: str
    node: str
    operator: str
    lead: str
    slots: int
    executor_memory_bytes: int
    log_level: str
    scratch: str
    stores: tuple[Store, ...]
    zones: Mapping[str, str]
    volumes: tuple[str, ...]
    volume_groups: tuple[frozenset[str], ...]
    secrets_dir: Path
    local_dir: Path
    cache_dir: Path
    tls_dir: Path
    worker_port: int
    flight_port: int
    client_port: int

    @property
    def tls(self) -> TlsFiles:
        """The pool's certificate, for talk between its pods."""
        return TlsFiles.in_folder(self.tls_dir, pool_name(self.pool_uid))

    @property
    def operator_tls(self) -> TlsFiles:
        """The same certificate, for dialling the operator."""
        return TlsFiles.in_folder(self.tls_dir, OPERATOR_NAME)

    def token(self) -> str:
        """The pool's token, which TLS alone would not keep from other pods of a broken authority."""
        path = self.tls_dir / "token"
        try:
            return path.read_text().strip()
        except OSError as error:
            reason = f"the pool's token cannot be read: {error.strerror}"
            raise InvalidPlan(reason, place=str(path), remedy="look at the Secret that is mounted there") from None


def load_pod(environment: Mapping[str, str] = os.environ) -> Pod:
    """The pod as the environment describes it. Raises InvalidPlan naming the variable that is missing or malformed."""
    read = _Reader(environment)
    return Pod(
        pool=read.text("POOL"),
        pool_uid=read.text("POOL_UID"),
        namespace=read.text("NAMESPACE"),
        name=read.text("POD"),
        ip=read.text("POD_IP"),
        node=read.text("NODE", ""),
        operator=read.text("OPERATOR", ""),
        lead=read.text("LEAD", ""),
        slots=read.whole("SLOTS", 1),
        executor_memory_bytes=read.whole("EXECUTOR_MEMORY_BYTES", 1 << 30),
        log_level=read.text("LOG", "INFO").upper(),
        scratch=read.text("SCRATCH", ""),
        stores=read.stores(),
        zones=read.zones(),
        volumes=read.volumes("VOLUMES"),
        volume_groups=read.volume_groups(),
        secrets_dir=Path(read.text("SECRETS_DIR", "/etc/gristmill/stores")),
        local_dir=Path(read.text("LOCAL_DIR", "/scratch")),
        cache_dir=Path(read.text("CACHE_DIR", "/cache")),
        tls_dir=Path(read.text("TLS_DIR", "/etc/gristmill/tls")),
        worker_port=read.whole("WORKER_PORT", WORKER_PORT),
        flight_port=read.whole("FLIGHT_PORT", FLIGHT_PORT),
        client_port=read.whole("CLIENT_PORT", CLIENT_PORT),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Values of variables by their name behind ``GRISTMILL_``."""

    environment: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        found = self.environment.get(f"GRISTMILL_{name}") or default
        if found is None:
            raise InvalidPlan("it is not set", place=_place(name), remedy="the operator sets it in every pod")
        return found

    def stores(self) -> tuple[Store, ...]:
        text = self.text("STORES", "")
        if not text:
            return ()
        from gristmill.plan.resources import load_stores  # the whole of manifests with it

        try:
            return load_stores(json.loads(text))
        except (ValueError, AttributeError, TypeError, InvalidPlan) as error:
            raise InvalidPlan(f"it is not readable: {error}", place=_place("STORES")) from None

    def zones(self) -> dict[str, str]:
        try:
            return {str(prefix): str(zone) for prefix, zone in json.loads(self.text("ZONES", "{}")).items()}
        except (ValueError, AttributeError):
            raise InvalidPlan("it is not a JSON object", place=_place("ZONES")) from None

    def volumes(self, name: str) -> tuple[str, ...]:
        return tuple(f"pvc://{claim}" for claim in self.text(name, "").split(",") if claim)

    def volume_groups(self) -> tuple[frozenset[str], ...]:
        groups = self.text("VOLUME_GROUPS", "").split(";")
        return tuple(frozenset(f"pvc://{claim}" for claim in group.split(",")) for group in groups if group)

    def whole(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdigit():
            raise InvalidPlan(f"{text!r} is not a whole number", place=_place(name))
        return int(text)


def _place(name: str) -> str:
    return f"environment variable GRISTMILL_{name}"
