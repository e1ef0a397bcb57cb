"""The coordinator's servers, over TCP and on one machine: who is let in, and what a worker's stream becomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from gristmill.coordinator.local_server import LocalServer
from gristmill.coordinator.server import CoordinatorServer
from gristmill.coordinator.streams import StreamLink
from gristmill.errors import InternalError
from gristmill.schedule.events import WorkerJoined
from gristmill.version import __version__
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.protocol import TOKEN_HEADER, WORK_METHOD
from gristmill.wire.versions import compatible
from gristmill.worker.local_link import LocalLink


@dataclass
class _Heard:
    """Writes down what the server tells."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, *args))


async def _visit(
    server: CoordinatorServer, port: int, messages: list[wire.FromWorker], token: str = ""
) -> list[wire.ToWorker]:
    """Says these messages as a worker would, and returns what was heard before the stream ended."""
    await server.start()

    async def outgoing() -> AsyncIterator[wire.FromWorker]:
        for message in messages:
            yield message
        await asyncio.sleep(0.2)

    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            work = channel.stream_stream(
                WORK_METHOD,
                request_serializer=wire.FromWorker.SerializeToString,
                response_deserializer=wire.ToWorker.FromString,
            )
            metadata = ((TOKEN_HEADER, token),) if token else None
            return [message async for message in work(outgoing(), metadata=metadata)]
    finally:
        await server.stop()


def _hello(version: str = __version__, *, batches: bool = False) -> wire.FromWorker:
    hello = wire.Hello(worker="w1", version=version, slots=2, host="h", places=["zone-a"], takes_batches=batches)
    return wire.FromWorker(hello=hello)


def _visited(messages: list[wire.FromWorker], token: str = "", wanted: str = "") -> tuple[list[wire.ToWorker], _Heard]:
    heard = _Heard()

    async def run() -> list[wire.ToWorker]:
        server = CoordinatorServer("127.0.0.1:0", heard, wanted)
        return await _visit(server, server.port, messages, token)

    return asyncio.run(run()), heard


def test_a_worker_joins_drains_and_leaves() -> None:
    leaving = wire.FromWorker(leaving=wire.Leaving(reason="drained"))
    answers, heard = _visited([_hello(), wire.FromWorker(draining=wire.Draining()), leaving])
    assert answers[0].WhichOneof("kind") == "welcome"
    assert [call[0] for call in heard.calls] == ["joined", "draining", "left"]
    joined = heard.calls[0][1]
    assert (joined.worker, joined.slots, joined.places) == ("w1", 2, ("h", "zone-a"))
    assert heard.calls[2][1:] == ("w1", "drained")


def test_a_stream_that_ends_without_a_word_is_a_lost_worker() -> None:
    _, heard = _visited([_hello()])
    assert heard.calls[-1] == ("left", "w1", "lost")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_worker_without_the_token_is_refused(token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="token is missing or wrong"):
        _visited([_hello()], token, wanted="right")


def test_a_worker_with_the_token_is_let_in() -> None:
    answers, _ = _visited([_hello()], "right", wanted="right")
    assert answers


def test_a_worker_of_a_version_too_far_away_is_refused_with_both_versions() -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=r"version 9\.0\.0.*" + __version__):
        _visited([_hello("9.0.0")])


@pytest.mark.parametrize(
    ("one", "other", "fits"),
    [("1.2.0", "1.3.9", True), ("1.2.0", "1.4.0", False), ("1.9.0", "2.0.0", False), ("1.2.0", "new", False)],
)
def test_versions_one_minor_apart_fit(one: str, other: str, fits: bool) -> None:
    assert compatible(one, other) is fits
    assert compatible(other, one) is fits


def test_a_message_that_cannot_be_handled_ends_the_run_instead_of_losing_workers() -> None:
    _, heard = _visited([_hello(), wire.FromWorker(finished=wire.Finished(attempt="j/map/in#0.0", result="{}"))])
    failed = next(call for call in heard.calls if call[0] == "fail")
    assert "a message of worker w1 could not be handled" in str(failed[2])


class _Sends(_Heard):
    """Has two things to say to a worker that joins."""

    def joined(self, _: WorkerJoined, link: StreamLink, __: str) -> None:
        link.forget("one")
        link.forget("two")


@pytest.mark.parametrize(("batches", "kinds"), [(False, ["welcome", "release", "release"]), (True, ["batch"])])
def test_only_workers_that_take_batches_get_them(batches: bool, kinds: list[str]) -> None:
    async def run() -> list[wire.ToWorker]:
        server = CoordinatorServer("127.0.0.1:0", _Sends())
        return await _visit(server, server.port, [_hello(batches=batches)])

    assert [message.WhichOneof("kind") for message in asyncio.run(run())] == kinds


def test_a_worker_of_this_machine_joins_hears_and_leaves(tmp_path: Path) -> None:
    kinds, calls = _local_visit(tmp_path, wire.FromWorker(leaving=wire.Leaving(reason="drained")))
    assert kinds == ["welcome", "release", "release"]
    assert calls == [("left", "w1", "drained")]


def test_a_coordinator_of_this_machine_that_goes_without_a_word_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="has gone"):
        _local_visit(tmp_path, wire.FromWorker(finished=wire.Finished(result="not JSON")))


def _local_visit(tmp_path: Path, last: wire.FromWorker) -> tuple[list[str | None], list[tuple[Any, ...]]]:
    """What a worker hears that at last says this, and what the pool is told."""
    heard, kinds = _Sends(), list[str | None]()

    def take(message: wire.ToWorker) -> bool:
        kinds.append(message.WhichOneof("kind"))
        if len(kinds) == 3:
            link.send(last)
        return True

    link = LocalLink(tmp_path / "socket", "w1", take)

    async def run() -> None:
        server = LocalServer(tmp_path / "socket", heard)
        visit = asyncio.create_task(link.visit(_hello()))
        await asyncio.sleep(0.05)  # it dials before anybody listens
        await server.start()
        try:
            await asyncio.wait_for(visit, 10)
        finally:
            await server.stop()

    asyncio.run(run())
    return kinds, heard.calls
