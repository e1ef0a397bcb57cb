"""The ports of coordinator and shuffle let in who has a certificate of the pool and its token, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from certificates import Authority
from pyarrow import flight

from gristmill.coordinator.server import CoordinatorServer
from gristmill.errors import StorageError
from gristmill.shuffle.connections import TOKEN_HEADER, FlightSecurity
from gristmill.shuffle.flight import ShuffleServer
from gristmill.version import __version__
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.protocol import WORK_METHOD
from gristmill.wire.tls import TlsFiles, channel_credentials, channel_options, pool_name

POOL, OTHER, TOKEN = pool_name("1234"), pool_name("9999"), "pool-token"
Visitor = Callable[[Authority, Authority], TlsFiles | None]

STRANGERS: dict[str, Visitor] = {
    "no TLS at all": lambda ours, theirs: None,
    "no certificate": lambda ours, theirs: replace(ours.leaf(POOL), cert="", key=""),
    "another authority's certificate": lambda ours, theirs: replace(theirs.leaf(POOL), ca=ours.leaf(POOL).ca),
    "another pool's certificate": lambda ours, theirs: ours.leaf(OTHER, wants=POOL),
    "an expired certificate": lambda ours, theirs: ours.leaf(POOL, days=-1),
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, ours: Authority, theirs: Authority) -> TlsFiles | None:
    """What somebody presents who must be refused."""
    return STRANGERS[request.param](ours, theirs)


class _Run:
    """Who joined the run."""

    def __init__(self) -> None:
        self.joined_workers: list[str] = []

    def joined(self, worker: Any, link: Any, flight_address: str) -> None:
        self.joined_workers.append(worker.worker)

    def left(self, worker: Any, reason: Any) -> None:
        """Not of interest."""


def _dial(port: int, tls: TlsFiles | None) -> grpc.aio.Channel:
    address = f"127.0.0.1:{port}"
    if tls is None:
        return grpc.aio.insecure_channel(address)
    if not tls.cert:
        anonymous = grpc.ssl_channel_credentials(Path(tls.ca).read_bytes())
        return grpc.aio.secure_channel(address, anonymous, options=channel_options(tls))
    return grpc.aio.secure_channel(address, channel_credentials(tls), options=channel_options(tls))


async def _join(server_tls: TlsFiles, tls: TlsFiles | None, token: str) -> list[str]:
    """Tries to join as a worker; who has joined."""
    run = _Run()
    server = CoordinatorServer("127.0.0.1:0", run, TOKEN, server_tls)  # type: ignore[arg-type]
    await server.start()

    async def outgoing() -> AsyncIterator[wire.FromWorker]:
        yield wire.FromWorker(hello=wire.Hello(worker="w", version=__version__, slots=1))

    try:
        async with _dial(server.port, tls) as channel:
            work = channel.stream_stream(
                WORK_METHOD,
                request_serializer=wire.FromWorker.SerializeToString,
                response_deserializer=wire.ToWorker.FromString,
            )
            async for _ in work(outgoing(), metadata=((TOKEN_HEADER, token),), timeout=20):
                break
    finally:
        await server.stop()
    return run.joined_workers


def test_a_worker_of_the_pool_joins_over_tls(ours: Authority) -> None:
    assert asyncio.run(_join(ours.leaf(POOL), ours.leaf(POOL), TOKEN)) == ["w"]


def test_a_stranger_cannot_join(ours: Authority, stranger: TlsFiles | None) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        asyncio.run(_join(ours.leaf(POOL), stranger, TOKEN))
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED)


def test_a_certificate_without_the_token_cannot_join(ours: Authority) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="token"):
        asyncio.run(_join(ours.leaf(POOL), ours.leaf(POOL), "wrong"))


def test_a_worker_joins_no_coordinator_of_another_pool(ours: Authority) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        asyncio.run(_join(ours.leaf(OTHER, wants=POOL), ours.leaf(POOL), TOKEN))


@pytest.fixture
def shuffle_port(tmp_path: Path, ours: Authority) -> Iterator[int]:
    """A shuffle server with TLS."""
    server = ShuffleServer(tmp_path, "grpc+tls://127.0.0.1:0", FlightSecurity(TOKEN, ours.leaf(POOL)))
    yield server.port
    server.shutdown()


def _ask(port: int, tls: TlsFiles | None, token: str = TOKEN) -> str:
    """Asks for something that is no ticket; the server's word on it. Raises what refuses the caller."""
    security = FlightSecurity(token, tls)
    options = {"tls_root_certs": Path(tls.ca).read_bytes(), "override_hostname": tls.name} if tls else {}
    options = security.client_options() if tls is None or tls.cert else options
    headers = flight.FlightCallOptions(headers=[(TOKEN_HEADER.encode(), token.encode())], timeout=20)
    with flight.FlightClient(f"{security.scheme}://127.0.0.1:{port}", **options) as client:
        try:
            client.do_get(flight.Ticket(b"?"), headers).read_all()
        except flight.FlightServerError as error:
            return str(error)
    return ""


def test_a_worker_of_the_pool_is_served_blocks(shuffle_port: int, ours: Authority) -> None:
    assert "not a shuffle ticket" in _ask(shuffle_port, ours.leaf(POOL))


def test_a_stranger_is_served_no_blocks(shuffle_port: int, stranger: TlsFiles | None) -> None:
    refusals = (flight.FlightUnavailableError, flight.FlightUnauthorizedError, pa.ArrowException)
    with pytest.raises(refusals) as refused:
        _ask(shuffle_port, stranger)
    assert "ticket" not in str(refused.value)


def test_a_certificate_without_the_token_is_served_no_blocks(shuffle_port: int, ours: Authority) -> None:
    with pytest.raises(flight.FlightUnauthenticatedError, match="token"):
        _ask(shuffle_port, ours.leaf(POOL), "wrong")


def test_blocks_are_taken_from_no_worker_of_another_pool(shuffle_port: int, ours: Authority) -> None:
    with pytest.raises(flight.FlightUnavailableError):
        _ask(shuffle_port, replace(ours.leaf(POOL), name=OTHER))


def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"ca\.crt") as failed:
        channel_credentials(TlsFiles.in_folder(tmp_path, POOL))
    assert "Secret" in failed.value.remedy


def test_contents_of_keys_are_not_printed(ours: Authority) -> None:
    assert "PRIVATE" not in repr(ours.leaf(POOL).read())
