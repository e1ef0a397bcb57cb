"""An operator in this process against a real API server, and leads that are tests: no kubelet, no controllers.

``Cluster`` makes namespaces and objects, ``Operated`` runs an operator in a thread of its own, ``TestLead`` is a lead's
end of the stream with the certificate that the operator made for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kubernetes import client, config
from kubernetes.config import kube_config

from gristmill.plan.codec import to_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_METHOD
from gristmill.wire.reports import PoolNeed, RunReport
from gristmill.wire.tls import OPERATOR_NAME
from gristmill_operator.names import GROUP, VERSION
from gristmill_operator.operating import Operator
from gristmill_operator.settings import OperatorSettings, PodDefaults
from tests.support.servers import free_port

T = TypeVar("T")
CRDS = Path(__file__).parents[2] / "crds"


def eventually(what: Callable[[], T | None], within_s: float = 20.0) -> T:
    """The first answer that is something."""
    until = time.monotonic() + within_s
    while not (found := what()):
        if time.monotonic() > until:
            raise AssertionError(f"did not happen within {within_s} s")
        time.sleep(0.03)
    return found


def new_authority(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of a certificate authority, as the chart makes one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gristmill")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tls.crt").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(pem)
    return folder / "tls.crt", folder / "tls.key"


class Cluster:
    """One API server with the project's CRDs."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.api = config.new_client_from_config(str(kubeconfig))
        self.core = client.CoreV1Api(self.api)
        self.custom = client.CustomObjectsApi(self.api)
        for path in sorted(CRDS.glob("*.yaml")):
            client.ApiextensionsV1Api(self.api).create_custom_resource_definition(yaml.safe_load(path.read_text()))
        eventually(self._served)

    def _served(self) -> bool:
        try:
            self.custom.list_cluster_custom_object(GROUP, VERSION, "mapreducejobs")
            self.custom.list_cluster_custom_object(GROUP, VERSION, "sqlqueries")
            self.custom.list_cluster_custom_object(GROUP, VERSION, "workerpools")
        except client.ApiException:
            return False
        return True

    def namespace(self) -> Namespace:
        """A new one, which enforces the restricted Pod Security Standard."""
        name = f"t-{uuid.uuid4().hex[:8]}"
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.core.create_namespace({"metadata": {"name": name, "labels": labels}})
        self.core.create_namespaced_service_account(name, {"metadata": {"name": "default"}})
        return Namespace(self, name)


@dataclass
class Namespace:
    """Objects of one namespace, as plain dictionaries."""

    cluster: Cluster
    name: str

    def apply(self, kind: str, name: str, spec: dict[str, Any]) -> str:
        """Makes a resource; its UID."""
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": name}, "spec": spec}
        made = self.cluster.custom.create_namespaced_custom_object(GROUP, VERSION, self.name, _plural(kind), body)
        return str(made["metadata"]["uid"])

    def change(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        """Patches a spec."""
        self.cluster.custom.patch_namespaced_custom_object(
            GROUP, VERSION, self.name, _plural(kind), name, {"spec": spec}
        )

    def resource(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            return dict(
                self.cluster.custom.get_namespaced_custom_object(GROUP, VERSION, self.name, _plural(kind), name)
            )
        except client.ApiException as error:
            if error.status != 404:
                raise
            return None

    def remove(self, kind: str, name: str) -> None:
        self.cluster.custom.delete_namespaced_custom_object(GROUP, VERSION, self.name, _plural(kind), name)

    def status(self, name: str, kind: str = "MapReduceJob") -> dict[str, Any]:
        """Status of a resource; empty where there is none yet."""
        return (self.resource(kind, name) or {}).get("status") or {}

    def condition(self, name: str, type_: str, kind: str = "MapReduceJob") -> dict[str, Any]:
        found = [one for one in self.status(name, kind).get("conditions", []) if one["type"] == type_]
        return found[0] if found else {}

    def pods(self) -> dict[str, dict[str, Any]]:
        items = self.cluster.core.list_namespaced_pod(self.name).items
        return {pod.metadata.name: self.cluster.api.sanitize_for_serialization(pod) for pod in items}

    def pod_runs(self, name: str) -> None:
        """What a kubelet would say."""
        containers = [
            {"name": one, "ready": True, "restartCount": 0, "image": "i", "imageID": "i",
             "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
            for one in ("agent", "executor")
        ]  # fmt: skip
        self.pod_status(name, {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": containers})

    def pod_status(self, name: str, status: dict[str, Any]) -> None:
        self.cluster.core.patch_namespaced_pod_status(name, self.name, {"status": status})

    def credentials(self, base: str) -> dict[str, bytes]:
        """What the pool's Secret holds."""
        data = self.cluster.core.read_namespaced_secret(f"{base}-tls", self.name).data
        return {name: base64.b64decode(text) for name, text in data.items()}

    def events(self) -> list[str]:
        return [event.reason for event in self.cluster.core.list_namespaced_event(self.name).items]


def _plural(kind: str) -> str:
    return f"{kind.lower()[:-1]}ies" if kind == "SQLQuery" else f"{kind.lower()}s"


@dataclass
class Operated:
    """An operator that runs."""

    operator: Operator
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    thread: threading.Thread

    def end(self) -> None:
        """Ends it as SIGTERM does."""
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(20)
        assert not self.thread.is_alive()


def settings(namespace: str, authority: tuple[Path, Path], identity: str = "op-0") -> OperatorSettings:
    """An operator that watches one namespace, on free ports, and does not linger long."""
    return OperatorSettings(
        namespace=namespace,
        identity=identity,
        service_address="operator.test:7070",
        pods=PodDefaults(image="worker:test", linger_s=1, grace_s=1),
        namespaces=(namespace,),
        lead_port=free_port(),
        http_port=0,
        ca_cert=str(authority[0]),
        ca_key=str(authority[1]),
        max_workers=3,
    )


@contextmanager
def operating(given: OperatorSettings, kubeconfig: Path) -> Iterator[Operated]:
    """An operator for as long as the block."""
    started: queue.Queue[Operated | BaseException] = queue.Queue()

    async def run() -> None:
        stop = asyncio.Event()
        operator = Operator(given)
        started.put(Operated(operator, asyncio.get_running_loop(), stop, threading.current_thread()))
        await operator.run(stop)

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            started.put(error)
            raise

    before = kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    threading.Thread(target=main, daemon=True).start()
    found = started.get(timeout=20)
    if isinstance(found, BaseException):
        raise found
    try:
        eventually(lambda: found.operator.ready)
        yield found
    finally:
        if found.thread.is_alive():
            found.end()
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = before


@dataclass
class TestLead:
    """A lead that does what the test says."""

    __test__ = False
    pool_uid: str
    pod: str
    port: int
    files: dict[str, bytes]
    runs: tuple[str, ...] = ()
    version: str = __version__
    heard: list[wire.ToLead] = field(default_factory=list)
    error: grpc.RpcError | None = None

    def __post_init__(self) -> None:
        self._say: queue.Queue[wire.FromLead | None] = queue.Queue()
        self._say.put(
            wire.FromLead(
                hello=wire.LeadHello(pool_uid=self.pool_uid, pod=self.pod, version=self.version, runs=self.runs)
            )
        )
        secure = grpc.ssl_channel_credentials(
            self.files.get("ca.crt"), self.files.get("tls.key"), self.files.get("tls.crt")
        )
        options = [("grpc.ssl_target_name_override", OPERATOR_NAME)]
        self._channel = grpc.secure_channel(f"127.0.0.1:{self.port}", secure, options=options)
        method = self._channel.stream_stream(
            OPERATOR_METHOD,
            request_serializer=wire.FromLead.SerializeToString,
            response_deserializer=wire.ToLead.FromString,
        )
        self._call = method(iter(self._say.get, None))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for message in self._call:
                self.heard.append(message)
        except grpc.RpcError as error:
            self.error = error

    def got(self, kind: str) -> list[Any]:
        """What it heard of one kind."""
        return [getattr(message, kind) for message in list(self.heard) if message.WhichOneof("kind") == kind]

    def reports(self, run: str, report: RunReport) -> None:
        self._say.put(wire.FromLead(run=wire.RunNews(uid=run, report=to_json(report))))

    def needs(self, need: PoolNeed) -> None:
        self._say.put(wire.FromLead(pool=wire.PoolNews(need=to_json(need))))

    def end(self) -> None:
        """Its process is gone."""
        self._say.put(None)
        self._call.cancel()
        self._channel.close()
        self._thread.join(5)

    def refusal(self) -> grpc.StatusCode:
        """Why it was not let in."""
        return eventually(lambda: self.error).code()  # type: ignore[no-any-return]


def sent_resource(request: wire.RunRequest) -> dict[str, Any]:
    """The resource of a RunRequest."""
    return dict(json.loads(request.resource))
