"""Hundreds of jobs, one after the other, through the whole shell against an API server in memory: nothing is left of
them, few writes are made for each, and what was refused once is done in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from operator_memory import FakeLead, OperatorInMemory
from operator_values import SPEC

from gristmill.wire.reports import RunPhase, RunReport, TaskCounts
from gristmill_operator.leads import Leads
from gristmill_operator.model import Key
from gristmill_operator.names import Kind

JOBS = 200
AT_ONCE = 20


async def lead(leads: Leads, uid: str, pod: str) -> None:
    """Takes its run, reports twenty times within a moment, completes, and goes when it is told."""
    link = FakeLead(leads, uid, pod)
    async for message in link.heard():
        if message.WhichOneof("kind") == "run":
            for done in range(20):
                link.report(uid, RunReport(RunPhase.RUNNING, run="r", maps=TaskCounts(20, done)))
            link.report(uid, RunReport(RunPhase.COMPLETE, run="r", maps=TaskCounts(20, 20)))
        if message.WhichOneof("kind") == "end":
            return


class Bench(OperatorInMemory):
    """Jobs on it."""

    async def job(self, name: str) -> None:
        """One job from its making to its deletion."""
        collection = "/apis/gristmill.dev/v1alpha1/namespaces/ns/mapreducejobs"
        meta = {"name": name, "namespace": "ns"}
        body = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": meta, "spec": SPEC}
        made = await self.server.create(collection, body)
        key = Key(Kind.JOB, "ns", name)
        pod = f"mrj-{name}-lead-0"
        while f"/api/v1/namespaces/ns/pods/{pod}" not in self.server.objects:
            await asyncio.sleep(0.005)
        await lead(self.leads, made["metadata"]["uid"], pod)
        while (found := self.world.resource(key)) is None or self.world.pods(found.uid):
            await asyncio.sleep(0.005)
        assert found.status.phase == "Complete"
        await self.server.delete(f"{collection}/{name}")


async def run_many(folder: Path, jobs: int, refuse_pods: int = 0) -> Bench:
    bench = Bench(folder)
    bench.server.refuse_pods = refuse_pods
    workers = [asyncio.create_task(bench.requeue.work()) for _ in range(8)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> None:
        async with gate:
            await bench.job(f"j{at}")

    await asyncio.gather(*(one(at) for at in range(jobs)))
    await asyncio.sleep(0.1)
    bench.requeue.close()
    for worker in workers:
        worker.cancel()
    return bench


def test_nothing_is_left_of_jobs_that_are_gone_and_each_costs_few_writes(tmp_path: Path) -> None:
    bench = asyncio.run(run_many(tmp_path, JOBS))
    kept = {path for path in bench.server.objects if "/events/" not in path}
    assert kept == set()
    assert list(bench.world.resources()) == []
    assert bench.world.pod_versions() == {}
    assert bench.leads.connected() == 0
    memories = (bench.shell._failures, bench.shell._written, bench.shell._uids, bench.leads._reports)
    assert [len(memory) for memory in memories] == [0, 0, 0, 0]
    assert bench.server.calls["create pods"] == JOBS
    assert bench.server.calls["patch status"] <= 8 * JOBS


def test_jobs_whose_pods_were_refused_start_when_there_is_room(tmp_path: Path) -> None:
    bench = asyncio.run(run_many(tmp_path, 3, refuse_pods=2))
    assert bench.server.calls["create pods"] == 5
