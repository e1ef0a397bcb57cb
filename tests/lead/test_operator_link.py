"""The lead's stream to the operator: what is said while it comes up is not lost, and greetings come first each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_SERVICE
from gristmill.wire.tls import OPERATOR_NAME, pool_name, server_credentials
from gristmill_worker.operator_link import FIRST_WAIT_S, LONGEST_WAIT_S, OperatorLink
from tests.support.certificates import Authority


class _Operator:
    """Hears what a lead says; refuses the first ``refusals`` connections after the hello."""

    def __init__(self, refusals: int = 0) -> None:
        self.heard: list[list[str]] = []
        self._refusals = refusals

    async def lead(
        self, requests: AsyncIterator[wire.FromLead], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[wire.ToLead]:
        heard: list[str] = []
        self.heard.append(heard)
        async for message in requests:
            heard.append(message.run.uid or "hello")
            if len(self.heard) <= self._refusals:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            if heard == ["hello"]:
                yield wire.ToLead(welcome=wire.LeadWelcome(version="0"))


async def _serving(operator: _Operator, tmp_path: Path) -> tuple[grpc.aio.Server, OperatorLink, list[str]]:
    authority = Authority(tmp_path)
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        operator.lead,
        request_deserializer=wire.FromLead.FromString,
        response_serializer=wire.ToLead.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(OPERATOR_SERVICE, {"Lead": handler}),))
    tls = authority.leaf(OPERATOR_NAME, pool_name("u"))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls))
    await server.start()
    kinds: list[str] = []
    link = OperatorLink(
        f"127.0.0.1:{port}",
        authority.leaf(pool_name("u"), OPERATOR_NAME),
        lambda message: kinds.append(str(message.WhichOneof("kind"))),
        lambda: [wire.FromLead(hello=wire.LeadHello(pool_uid="u"))],
    )
    return server, link, kinds


async def _until(holds: object) -> None:
    for _ in range(1000):
        if callable(holds) and holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def test_greetings_come_first_and_then_what_is_said(tmp_path: Path) -> None:
    async def talk() -> None:
        operator = _Operator()
        server, link, kinds = await _serving(operator, tmp_path)
        keeping = asyncio.create_task(link.keep())
        await _until(lambda: link.connected)
        link.say(wire.FromLead(run=wire.RunNews(uid="a")))
        link.say(wire.FromLead(run=wire.RunNews(uid="b")))
        await _until(lambda: operator.heard == [["hello", "a", "b"]])
        assert kinds == ["welcome"]
        keeping.cancel()
        await server.stop(0)

    asyncio.run(talk())


def test_a_lead_dials_again_and_greets_again(tmp_path: Path) -> None:
    async def talk() -> None:
        operator = _Operator(refusals=2)
        server, link, _ = await _serving(operator, tmp_path)
        keeping = asyncio.create_task(link.keep())
        await _until(lambda: len(operator.heard) == 3 and link.connected)
        link.say(wire.FromLead(run=wire.RunNews(uid="a")))
        await _until(lambda: operator.heard[2] == ["hello", "a"])
        assert operator.heard[:2] == [["hello"], ["hello"]]
        keeping.cancel()
        await server.stop(0)

    asyncio.run(talk())


def test_a_welcome_makes_the_next_wait_short_again(tmp_path: Path) -> None:
    async def talk() -> None:
        operator = _Operator()
        server, link, kinds = await _serving(operator, tmp_path)
        link._wait_s = LONGEST_WAIT_S
        keeping = asyncio.create_task(link.keep())
        await _until(lambda: kinds == ["welcome"])
        assert link._wait_s == FIRST_WAIT_S
        keeping.cancel()
        await server.stop(0)

    asyncio.run(talk())


def test_what_is_said_to_nobody_is_dropped(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    link = OperatorLink("127.0.0.1:1", authority.leaf(pool_name("u"), OPERATOR_NAME), lambda _: None, list)
    link.say(wire.FromLead(run=wire.RunNews(uid="a")))
    assert not link.connected
