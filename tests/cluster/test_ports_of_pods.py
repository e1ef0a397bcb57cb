"""Every port of operator and pods refuses whoever has no certificate of the cluster's authority, or a foreign one."""

from __future__ import annotations

import base64
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.harness.client import wait_for
from tests.cluster.harness.pki import Authority
from tests.cluster.harness.release import Release
from tests.cluster.places import Place

PORTS = {"lead": (7077, 7078), "operator": (7070,)}


@pytest.fixture
def addresses(place: Place, operator: Release) -> list[tuple[str, int]]:
    """(address, port) of every port that talks to other pods: the lead's of a warm pool, and the operator's."""
    place.apply("WorkerPool", "warm", {"min": 1, "max": 1, "stores": [place.store]})

    def listening() -> list[tuple[str, int]]:
        pods = place.pods(role="lead")
        where = [(pod["status"].get("podIP", ""), port) for pod in pods for port in PORTS["lead"]]
        return where if where and all(_open(*one) for one in where) else []

    pod = operator.client.get("pod", operator.operator_pod())
    return [*wait_for(listening, 90, "a lead that listens"), (pod["status"]["podIP"], 7070)]


def test_a_caller_with_the_pools_certificate_is_heard_at_every_port(
    place: Place, addresses: list[tuple[str, int]], tmp_path: Path
) -> None:
    (secret,) = [one for one in place.client.items("secrets") if one["metadata"]["name"] == "gpool-warm-tls"]
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
            assert b"\x00\x00\x00\x04" not in _answer(connection), address


def test_job_pods_have_no_token_of_a_service_account_and_no_rights(place: Place) -> None:
    place.apply("WorkerPool", "warm", {"min": 1, "max": 1, "stores": [place.store]})
    (pod,) = wait_for(lambda: place.pods(role="lead"), 60, "the lead")
    assert pod["spec"]["automountServiceAccountToken"] is False
    paths = [mount["mountPath"] for one in pod["spec"]["containers"] for mount in one["volumeMounts"]]
    assert not any("serviceaccount" in path for path in paths)
    text = str([one.get("env") for one in pod["spec"]["containers"]])
    assert place.s3.secret_key not in text


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
            return ping[3:4] + b"\x01" in _answer(connection)
    except OSError:
        return False


def _answer(connection: socket.socket) -> bytes:
    """All that comes within two seconds."""
    connection.settimeout(2)
    received = b""
    with suppress(OSError):
        while data := connection.recv(4096):
            received += data
    return received


def _open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return bool(host) and probe.connect_ex((host, port)) == 0
