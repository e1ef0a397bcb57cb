"""Every port of operator and pods refuses whoever has no certificate of the cluster's authority, or a foreign one."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.harness.client import wait_for
from tests.cluster.harness.pki import Authority
from tests.cluster.harness.release import Release
from tests.cluster.places import Place

SECURED = {"lead": {7077, 7078}, "worker": {7078}, "operator": {7070}}
"""Ports of each component's pods that other pods call."""
OPEN = {"operator": {8080}}
"""Health and metrics, for the kubelet and Prometheus: they take no orders and tell no rows."""
_PROGRAM = """
for file in ("tcp", "tcp6"):
    for line in open(f"/proc/net/{file}").readlines()[1:]:
        _, local, _, state, *_ = line.split()
        if state == "0A":
            print(local)
"""
"""Prints the addresses on which something listens in a pod, as hexadecimal digits."""
_LISTENING = ["python3", "-c", _PROGRAM]
_LOOPBACK = re.compile("0100007F|0{24}01000000|0{16}FFFF00000100007F")
_COMPONENT = "app.kubernetes.io/component"


@pytest.fixture(scope="module")
def pods(module_place: Place, operator: Release) -> dict[str, dict[str, Any]]:
    """A pod of each component, by its name: lead and worker of a warm pool, which listen, and the operator's."""
    module_place.apply("WorkerPool", "warm", {"min": 2, "max": 2, "idle": "10m", "stores": [module_place.store]})

    def listening() -> dict[str, dict[str, Any]]:
        found = {pod["metadata"]["labels"][_COMPONENT]: pod for pod in module_place.pods()}
        where = _addresses(found)
        return found if found.keys() == {"lead", "worker"} and all(_open(*one) for one in where) else {}

    operators = {"operator": operator.client.get("pod", operator.operator_pod())}
    return {**wait_for(listening, 90, "a lead and a worker that listen"), **operators}


@pytest.fixture
def addresses(pods: dict[str, dict[str, Any]]) -> list[tuple[str, int]]:
    """(address, port) of every port that talks to other pods."""
    return _addresses(pods)


def _addresses(pods: dict[str, dict[str, Any]]) -> list[tuple[str, int]]:
    return [(pod["status"].get("podIP", ""), port) for name, pod in pods.items() for port in sorted(SECURED[name])]


def test_pods_listen_on_no_other_port(module_place: Place, pods: dict[str, dict[str, Any]]) -> None:
    for name, pod in pods.items():
        meta = pod["metadata"]
        client = module_place.client.within(meta["namespace"])
        said = client.kubectl("exec", meta["name"], "-c", pod["spec"]["containers"][0]["name"], "--", *_LISTENING)
        listening = [line.split(":") for line in said.split()]
        ports = {int(port, 16) for address, port in listening if not _LOOPBACK.fullmatch(address)}
        assert ports == SECURED[name] | OPEN.get(name, set()), name


def test_a_caller_with_the_pools_certificate_is_heard_at_every_port(
    module_place: Place, addresses: list[tuple[str, int]], tmp_path: Path
) -> None:
    (secret,) = [one for one in module_place.client.items("secrets") if one["metadata"]["name"] == "gpool-warm-tls"]
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_bytes(base64.b64decode(secret["data"][name]))
    context = _context()
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    for address in addresses:
        assert _accepted(address, context), address


def test_a_caller_without_a_certificate_is_refused_at_every_port(addresses: list[tuple[str, int]]) -> None:
    for address in addresses:
        assert not _accepted(address, _context()), address


def test_a_caller_with_a_foreign_certificate_is_refused_at_every_port(
    addresses: list[tuple[str, int]], tmp_path: Path
) -> None:
    Authority.create(tmp_path).issue("caller", "pool-of-somebody-else")
    context = _context()
    context.load_cert_chain(tmp_path / "caller.crt", tmp_path / "caller.key")
    for address in addresses:
        assert not _accepted(address, context), address


def test_plain_text_is_refused_at_every_port(addresses: list[tuple[str, int]]) -> None:
    for address in addresses:
        with socket.create_connection(address, 5) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            settings = b"\x00\x00\x00\x04"
            assert settings not in _answer(connection, settings), address


def test_job_pods_have_no_token_of_a_service_account_and_no_rights(
    module_place: Place, pods: dict[str, dict[str, Any]]
) -> None:
    pod = pods["lead"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    paths = [mount["mountPath"] for one in pod["spec"]["containers"] for mount in one["volumeMounts"]]
    assert not any("serviceaccount" in path for path in paths)
    text = str([one.get("env") for one in pod["spec"]["containers"]])
    assert module_place.s3.secret_key not in text


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def _accepted(address: tuple[str, int], context: ssl.SSLContext) -> bool:
    """Whether the server goes on talking to this caller: with TLS 1.3 it refuses after its own half of the greeting."""
    try:
        with socket.create_connection(address, 5) as plain, context.wrap_socket(plain) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8)
            connection.sendall(ping)
            pong = ping[3:4] + b"\x01"
            return pong in _answer(connection, pong)
    except OSError:
        return False


def _answer(connection: socket.socket, awaited: bytes) -> bytes:
    """All that comes within two seconds, or until it has what is awaited."""
    connection.settimeout(2)
    received = b""
    with suppress(OSError):
        while awaited not in received and (data := connection.recv(4096)):
            received += data
    return received


def _open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return bool(host) and probe.connect_ex((host, port)) == 0
