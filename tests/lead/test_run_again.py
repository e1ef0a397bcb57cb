"""A job that was suspended and resumed in a warm pool: its run begins anew in the lead that ended it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import RunPhase, RunReport
from gristmill.wire.tls import TlsFiles
from gristmill_worker import pool_lead
from gristmill_worker.pod import Pod
from gristmill_worker.pool_lead import Lead
from gristmill_worker.runs import LeadRun


class _Run:
    """A run that lives until it is cancelled, and then for as long as it takes to ``sweep``."""

    job_manifests: ClassVar[dict[str, str]] = {}
    begun: ClassVar[list[_Run]] = []

    def __init__(self, request: Any, *_: Any) -> None:
        self.request, self.ended, self.given_up = request, False, False
        self.swept = asyncio.Event()
        self.begun.append(self)

    def cancel(self, _: str) -> None:
        self.given_up = True

    def let_go(self, _: RunReport) -> None:
        assert self.ended

    async def live(self) -> None:
        await self.swept.wait()
        self.ended = True


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lead:
    class Asked:
        name = "job"

    def report(run: LeadRun) -> RunReport:
        return RunReport(RunPhase.CANCELLED if run.ended else RunPhase.RUNNING)

    monkeypatch.setattr(pool_lead, "LeadRun", _Run)
    monkeypatch.setattr(pool_lead, "request_from", lambda *_: Asked())
    monkeypatch.setattr(pool_lead, "report_of", report)
    monkeypatch.setattr(_Run, "begun", [])
    tls = cast(TlsFiles, None)
    pod = {"pool": "gpool-a", "executor_memory_bytes": 1, "slots": 1, "stores": (), "scratch": "", "zones": {}}
    volumes = {"volumes": (), "volume_groups": ()}
    shape = type("Shape", (), {**pod, **volumes, "operator": "127.0.0.1:1", "operator_tls": tls, "name": "lead-0"})
    return Lead(cast(Pod, shape()))


def test_a_run_that_is_asked_for_again_begins_anew_once_the_one_before_has_ended(lead: Lead) -> None:
    async def suspend_and_resume() -> None:
        ask = wire.ToLead(run=wire.RunRequest(uid="u"))
        lead._hear(ask)
        lead._hear(ask)
        assert len(_Run.begun) == 1  # it runs
        lead._hear(wire.ToLead(cancel=wire.CancelRun(uid="u")))
        lead._hear(ask)
        assert len(_Run.begun) == 1  # it is still ending
        await asyncio.sleep(0)
        _Run.begun[0].swept.set()
        await asyncio.sleep(0.01)
        assert len(_Run.begun) == 2
        _Run.begun[1].swept.set()
        await asyncio.sleep(0.01)
        lead._hear(ask)
        assert len(_Run.begun) == 3  # it had ended
        _Run.begun[2].swept.set()
        await asyncio.sleep(0.01)

    asyncio.run(suspend_and_resume())
