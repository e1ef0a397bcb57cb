"""Watches that die: what they missed is noticed, brought in, and told to the kubelet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from operator_values import job

from gristmill_operator import audit as audit_module
from gristmill_operator.audit import Audit
from gristmill_operator.handlers import Inbox
from gristmill_operator.model import Defaults, Key
from gristmill_operator.names import Kind
from gristmill_operator.world import World

KIND = "MapReduceJob"


class Server:
    """Lists what it has."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    async def list(self, path: str, metadata_only: bool = False, **_: str) -> list[dict[str, Any]]:
        found = self.items if path.endswith("mapreducejobs") else []
        return [{"metadata": item["metadata"]} for item in found] if metadata_only else found


def body(version: str, name: str = "wc", uid: str = "u1", **spec: Any) -> dict[str, Any]:
    raw = dict(job(name, uid, **spec).raw)
    return {**raw, "metadata": {**raw["metadata"], "resourceVersion": version}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "GRACE_S", 0.0)


def parts() -> tuple[Server, World, list[Key], Audit, list[float]]:
    server, world, enqueued, now = Server(), World(Defaults()), [], [100.0]
    inbox = Inbox(world, enqueued.extend)
    return server, world, enqueued, Audit(server, world, inbox, (), lambda: now[0]), now  # type: ignore[arg-type]


@pytest.mark.usefixtures("quick")
def test_what_a_watch_missed_is_brought_in() -> None:
    server, world, enqueued, audit, _ = parts()
    world.put_resource(body("5"))
    server.items = [body("7", cancel=True), body("8", "other", "u2")]
    asyncio.run(audit.check(KIND))
    found = world.resource(Key(Kind.JOB, "ns", "wc"))
    assert found is not None
    assert found.run is not None
    assert found.run.cancel
    assert {key.name for key in enqueued} == {"wc", "other"}


@pytest.mark.usefixtures("quick")
def test_what_is_gone_unnoticed_is_dropped() -> None:
    _, world, enqueued, audit, _ = parts()
    world.put_resource(body("5"))
    asyncio.run(audit.check(KIND))
    assert world.resource(Key(Kind.JOB, "ns", "wc")) is None
    assert [key.name for key in enqueued] == ["wc"]


@pytest.mark.usefixtures("quick")
def test_a_watch_is_deaf_from_its_first_miss_until_nothing_is_missed() -> None:
    server, world, _, audit, now = parts()
    server.items = [body("7")]
    asyncio.run(audit.check(KIND))
    now[0] += 30
    server.items = [body("9")]
    asyncio.run(audit.check(KIND))
    assert audit.deaf_s() == {KIND: 30.0}
    assert world.resource(Key(Kind.JOB, "ns", "wc")) is not None
    asyncio.run(audit.check(KIND))
    assert audit.deaf_s() == {}


@pytest.mark.usefixtures("quick")
def test_a_watch_that_is_ahead_of_the_list_is_not_deaf() -> None:
    server, world, _, audit, _ = parts()
    world.put_resource(body("9"))
    server.items = [body("7")]
    asyncio.run(audit.check(KIND))
    assert audit.deaf_s() == {}
