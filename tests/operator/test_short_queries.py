"""A query in a warm pool, through the whole shell: a short one costs few writes, a long one is told of as it runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from operator_memory import FakeLead, OperatorInMemory

from gristmill.wire.reports import JobReport, RunPhase, RunReport
from gristmill_operator.leads import Leads
from gristmill_operator.model import Key
from gristmill_operator.names import Kind

GROUP = "/apis/gristmill.dev/v1alpha1/namespaces/ns"
POD = "gpool-warm-lead-0"
QUERY = Key(Kind.QUERY, "ns", "q")
MANIFEST = json.dumps({"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {}, "spec": {}})
PHASES = (RunPhase.PLANNING, RunPhase.RUNNING, RunPhase.COMMITTING, RunPhase.COMPLETE)


async def _lead(leads: Leads, pool: str, step_s: float) -> None:
    """Takes a run, and goes through its phases, each of them so long."""
    link = FakeLead(leads, pool, POD)
    async for message in link.heard():
        for phase in PHASES if message.WhichOneof("kind") == "run" else ():
            jobs = (JobReport("q-1", phase, manifest=MANIFEST),)
            link.report(message.run.uid, RunReport(phase, run="r", plan="1 splits, 1 partitions", jobs=jobs))
            await asyncio.sleep(step_s)


async def _query(folder: Path, step_s: float) -> tuple[list[str], list[str]]:
    """What the operator has the API server do for a query, from its making on, and the phases that it writes."""
    operator = OperatorInMemory(folder)
    tasks = [asyncio.create_task(operator.requeue.work()) for _ in range(4)]
    pool = await operator.server.create(f"{GROUP}/workerpools", _body("WorkerPool", "warm", {"min": 1, "max": 1}))
    tasks.append(asyncio.create_task(_lead(operator.leads, pool["metadata"]["uid"], step_s)))
    while operator.server.objects[f"{GROUP}/workerpools/warm"].get("status", {}).get("phase") != "Ready":
        await asyncio.sleep(0.005)
    before, phases = len(operator.server.order), list[str]()
    await operator.server.create(f"{GROUP}/sqlqueries", _body("SQLQuery", "q", {"sql": "SELECT 1", "pool": "warm"}))
    while not phases or phases[-1] != "Complete" or not _mirrored(operator):
        found = operator.world.resource(QUERY)
        phase = str(found.status.phase) if found is not None and found.status.phase else ""
        phases += [phase] if phase and phase not in phases else []
        await asyncio.sleep(0.001)
    operator.requeue.close()
    for task in tasks:
        task.cancel()
    return [call for call in operator.server.order[before:] if call != "patch workerpools"][1:], phases


def _body(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "ns"},
        "spec": spec,
    }


def _mirrored(operator: OperatorInMemory) -> bool:
    jobs = [body for path, body in operator.server.objects.items() if "/mapreducejobs/" in path]
    return [job.get("status", {}).get("phase") for job in jobs] == ["Complete"]


def test_a_short_query_is_written_at_its_end_and_told_of_after_that(tmp_path: Path) -> None:
    calls, phases = asyncio.run(_query(tmp_path, 0.01))
    assert phases == ["Complete"]
    assert calls[0] == "patch sqlqueries"
    assert sorted(calls[1:]) == ["create events", "create mapreducejobs", "patch mapreducejobs"]


def test_a_longer_query_is_seen_to_run(tmp_path: Path) -> None:
    calls, phases = asyncio.run(_query(tmp_path, 0.3))
    assert phases == ["Planning", "Running", "Committing", "Complete"]
    assert calls.count("patch sqlqueries") == 4
    assert calls.count("create mapreducejobs") == 1
