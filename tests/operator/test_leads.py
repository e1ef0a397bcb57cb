"""What the operator remembers of leads, and what no longer counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest

from gristmill.plan.codec import to_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import JobReport, PoolNeed, RunPhase, RunReport
from gristmill.wire.tls import pool_name
from gristmill_operator import leads as leads_module
from gristmill_operator.actions import TellPod
from gristmill_operator.leads import Leads, with_manifests

POOL, RUN, OTHERS = "pool-uid", "run-uid", "run-of-another-pool"
POOLS = {RUN: POOL, "old": POOL, "new": POOL, OTHERS: "another"}


class Context:
    """What gRPC knows of the caller."""

    def __init__(self, pool: str = POOL) -> None:
        self.names = [pool_name(pool).encode()]

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_subject_alternative_name": self.names}

    def peer(self) -> str:
        return "test"

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise PermissionError(code, details)


class Side:
    """A lead's side of the stream."""

    def __init__(self, leads: Leads, runs: tuple[str, ...] = (), version: str = __version__, pool: str = POOL) -> None:
        self.say: asyncio.Queue[wire.FromLead] = asyncio.Queue()
        hello = wire.LeadHello(pool_uid=POOL, pod="p-0", version=version, runs=runs)
        self.say.put_nowait(wire.FromLead(hello=hello))
        self.heard: list[str | None] = []
        self.task = asyncio.create_task(self._listen(leads, Context(pool)))

    async def _listen(self, leads: Leads, context: Any) -> None:
        async for message in leads.serve(self._requests(), context):
            self.heard.append(message.WhichOneof("kind"))

    async def _requests(self) -> AsyncIterator[wire.FromLead]:
        while True:
            yield await self.say.get()

    async def reports(self, report: RunReport, run: str = RUN) -> None:
        self.say.put_nowait(wire.FromLead(run=wire.RunNews(uid=run, report=to_json(report))))
        await asyncio.sleep(0.01)

    async def needs(self, need: PoolNeed) -> None:
        self.say.put_nowait(wire.FromLead(pool=wire.PoolNews(need=to_json(need))))
        await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


def story(tell: Callable[[Leads, list[float]], Any]) -> None:
    """Runs a test's coroutine with leads and a clock that it may turn."""

    async def run() -> None:
        now = [1000.0]
        await tell(Leads(POOLS.get, lambda _: None, lambda _: None, lambda: now[0]), now)

    asyncio.run(run())


def test_reports_count_only_of_runs_that_the_lead_has() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads)
        await asyncio.sleep(0.01)
        await side.reports(RunReport(RunPhase.COMPLETE))
        assert leads.report(RUN) is None
        leads.send_run(POOL, RUN, "MapReduceJob", "{}", {})
        await side.reports(RunReport(RunPhase.RUNNING))
        found = leads.report(RUN)
        assert found is not None
        assert found.phase is RunPhase.RUNNING
        leads.cancel_run(POOL, RUN, "suspended", forget=True)
        await side.reports(RunReport(RunPhase.CANCELLED))
        assert leads.report(RUN) is None
        assert side.heard == ["welcome", "run", "cancel"]
        await side.end()
        assert leads.view(POOL) is None

    story(tell)


def test_a_lead_is_not_heard_about_runs_of_other_pools() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, runs=(RUN, OTHERS))
        await asyncio.sleep(0.01)
        view = leads.view(POOL)
        assert view is not None
        assert view.runs == {RUN}
        await side.reports(RunReport(RunPhase.COMPLETE), OTHERS)
        assert leads.report(OTHERS) is None
        await side.end()

    story(tell)


def test_a_run_whose_resource_is_deleted_is_cancelled_where_it_runs() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, runs=(RUN,))
        await side.reports(RunReport(RunPhase.RUNNING))
        leads.drop_run(RUN)
        leads.drop_run(OTHERS)
        await asyncio.sleep(0.01)
        assert side.heard == ["welcome", "cancel"]
        assert leads.report(RUN) is None
        await side.end()

    story(tell)


def test_a_run_whose_resource_is_no_more_is_cancelled_once_when_a_lead_speaks_of_it() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, runs=("gone",))
        for run in ("gone", "gone too", "gone too", OTHERS):
            await side.reports(RunReport(RunPhase.RUNNING), run)
        assert side.heard == ["welcome", "cancel", "cancel"]
        await side.end()

    story(tell)


def test_a_lead_that_comes_back_says_what_it_has() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, runs=(RUN,))
        await asyncio.sleep(0.01)
        view = leads.view(POOL)
        assert view is not None
        assert view.runs == {RUN}
        await side.reports(RunReport(RunPhase.COMPLETE))
        assert leads.report(RUN) is not None
        await side.end()

    story(tell)


@pytest.mark.parametrize("silent", [False, True])
def test_a_client_that_never_says_who_it_is_is_sent_away(silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leads_module, "HELLO_S", 0.01)

    async def requests() -> AsyncIterator[wire.FromLead]:
        if silent:
            await asyncio.Event().wait()
        for nothing in ():
            yield nothing

    async def tell(leads: Leads, _: list[float]) -> None:
        context: Any = Context()
        assert [message async for message in leads.serve(requests(), context)] == []
        assert leads.connected() == 0

    story(tell)


def test_the_newest_connection_of_a_pool_counts() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        first = Side(leads, runs=("old",))
        await asyncio.sleep(0.01)
        second = Side(leads, runs=("new",))
        await asyncio.sleep(0.01)
        view = leads.view(POOL)
        assert view is not None
        assert view.runs == {"new"}
        assert leads.connected() == 1
        assert first.task.done()
        await second.end()

    story(tell)


def test_idle_time_goes_on_while_nothing_is_said() -> None:
    async def tell(leads: Leads, now: list[float]) -> None:
        side = Side(leads)
        await asyncio.sleep(0.01)
        await side.needs(PoolNeed(idle_s=5.0, idle=("w-0",)))
        now[0] += 10
        await side.needs(PoolNeed(idle_s=15.0, idle=("w-0", "w-1")))
        now[0] += 3
        view = leads.view(POOL)
        assert view is not None
        assert view.need.idle_s == pytest.approx(18.0)
        assert dict(view.idle_since) == {"w-0": 1000.0, "w-1": 1010.0}
        await side.end()

    story(tell)


def test_what_a_lead_was_told_of_pods_is_remembered_for_that_connection() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads)
        await asyncio.sleep(0.01)
        news = TellPod(POOL, "w-0", "running", node="n1")
        leads.tell_pod(news)
        view = leads.view(POOL)
        assert view is not None
        assert dict(view.told) == {"w-0": news}
        await side.end()
        again = Side(leads)
        await asyncio.sleep(0.01)
        view = leads.view(POOL)
        assert view is not None
        assert dict(view.told) == {}
        await again.end()

    story(tell)


@pytest.mark.parametrize(("version", "pool"), [(__version__, "another"), ("9.0.0", POOL), ("nonsense", POOL)])
def test_other_pools_and_far_versions_are_not_let_in(version: str, pool: str) -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, version=version, pool=pool)
        with pytest.raises(PermissionError):
            await side.task
        assert leads.view(POOL) is None

    story(tell)


def test_words_that_nobody_understands_harm_nothing() -> None:
    async def tell(leads: Leads, _: list[float]) -> None:
        side = Side(leads, runs=(RUN,))
        await asyncio.sleep(0.01)
        side.say.put_nowait(wire.FromLead(run=wire.RunNews(uid=RUN, report="{nonsense")))
        await side.reports(RunReport(RunPhase.RUNNING))
        assert leads.report(RUN) is not None
        await side.end()

    story(tell)


def test_manifests_that_are_told_once_are_kept() -> None:
    first = RunReport(RunPhase.RUNNING, jobs=(JobReport("a", RunPhase.RUNNING, manifest="{}"),))
    later = RunReport(RunPhase.RUNNING, jobs=(JobReport("a", RunPhase.COMPLETE), JobReport("b", RunPhase.PLANNING)))
    assert [job.manifest for job in with_manifests(later, first).jobs] == ["{}", ""]
