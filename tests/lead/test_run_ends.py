"""How a run in the lead ends when its own parts fail: it always ends, and nothing is written after its end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from gristmill.coordinator.pool import Pool
from gristmill.wire.reports import RunPhase
from gristmill_worker import runs
from gristmill_worker.journal import Journal
from gristmill_worker.requests import Request, Surroundings
from gristmill_worker.runs import LeadRun, RunPlace


def _run() -> LeadRun:
    request = Request("u", "MapReduceJob", {"metadata": {"name": "job"}}, {})
    place = RunPlace(Pool(), "pool", 1, Surroundings((), ""), {}, False)
    return LeadRun(request, place, lambda _: None)


def test_a_run_ends_though_it_cannot_be_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(LeadRun, "_prepare", broken)
    monkeypatch.setattr(LeadRun, "_clean_up", broken)

    async def live() -> LeadRun:
        run = _run()
        await run.live()
        return run

    run = asyncio.run(live())
    assert run.phase is RunPhase.FAILED
    assert "broken" in str(run.error)


class _SlowJournal:
    """A journal whose flush takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.done = threading.Event(), threading.Event(), False

    def flush(self) -> None:
        self.begun.set()
        self.go.wait(10)
        self.done = True


def test_who_waits_for_the_journal_waits_for_the_flush_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FLUSH_EVERY_S", 0.01)

    async def stop_within_a_flush() -> bool:
        run, journal = _run(), _SlowJournal()
        journaling = asyncio.create_task(run._keep_journal(cast(Journal, journal)))
        await asyncio.to_thread(journal.begun.wait, 10)
        run._stop_journal.set()
        await asyncio.sleep(0.05)
        assert not journaling.done()
        journal.go.set()
        await journaling
        return journal.done

    assert asyncio.run(stop_within_a_flush())
