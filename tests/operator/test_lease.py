"""One operator at a time: who may take the Lease, and what a slow one may still do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gristmill_operator.kube import Refused
from gristmill_operator.lease import DURATION_S, Holding, Lease, may_take


@pytest.mark.parametrize(
    ("holding", "may"),
    [
        pytest.param(None, True, id="there is none"),
        pytest.param(Holding("", "t", 0), True, id="it was given back"),
        pytest.param(Holding("me", "t", 0), True, id="it is one's own"),
        pytest.param(Holding("other", "t", 95), False, id="it was renewed a moment ago"),
        pytest.param(Holding("other", "t", 100 - DURATION_S - 1), True, id="it was not renewed for its duration"),
    ],
)
def test_who_may_take_it(holding: Holding | None, may: bool) -> None:
    assert may_take(holding, "me", 100.0) is may


class Server:
    """Keeps one Lease as the API server does."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.away = False

    async def get(self, _: str) -> dict[str, Any]:
        self._answer()
        if self.lease is None:
            raise Refused(404, "NotFound", "")
        return self.lease

    async def create(self, _: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._answer()
        if self.lease is not None:
            raise Refused(409, "AlreadyExists", "")
        return self._put(body)

    async def replace(self, _: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._answer()
        if body["metadata"].get("resourceVersion") != str(self.version):
            raise Refused(409, "Conflict", "")
        return self._put(body)

    async def patch(self, _: str, body: Mapping[str, Any]) -> dict[str, Any]:
        assert self.lease is not None
        return self._put({**self.lease, "spec": {**self.lease["spec"], **body["spec"]}})

    def _put(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        return self.lease

    def _answer(self) -> None:
        if self.away:
            raise Refused(0, "Unreachable", "")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lease(server: Server, clock: Clock, identity: str) -> Lease:
    return Lease(server, "ns", identity, clock)  # type: ignore[arg-type]


def test_the_second_waits_until_the_first_gives_it_back() -> None:
    server, clock = Server(), Clock()
    first, second = lease(server, clock, "a"), lease(server, clock, "b")

    async def story() -> None:
        await first.acquire()
        assert first.held
        assert not await second._try()
        await first.release()
        assert await second._try()

    asyncio.run(story())
    assert second.held


def test_an_operator_that_cannot_renew_stops_before_another_begins() -> None:
    server, clock = Server(), Clock()
    first, second = lease(server, clock, "a"), lease(server, clock, "b")

    async def story() -> None:
        await first.acquire()
        assert not await second._try()
        server.away = True
        clock.now += DURATION_S - 1
        assert not await first._try()
        assert not first.held
        server.away = False
        assert not await second._try()
        clock.now += 2
        assert await second._try()
        assert not await first._try()

    asyncio.run(story())


def test_of_two_that_ask_at_once_one_gets_it() -> None:
    server, clock = Server(), Clock()
    server.lease = {"metadata": {"resourceVersion": "0"}, "spec": {"holderIdentity": ""}}
    both = [lease(server, clock, name) for name in ("a", "b")]

    async def story() -> list[bool]:
        return list(await asyncio.gather(*(one._try() for one in both)))

    assert sorted(asyncio.run(story())) == [False, True]
