"""Hundreds of jobs, one after the other, through the whole shell against an API server in memory: nothing is left of
them, few writes are made for each, and what was refused once is done in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from operator_api import new_authority
from operator_api import settings as settings_for
from operator_values import SPEC

from gristmill.plan.codec import to_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import RunPhase, RunReport, TaskCounts
from gristmill.wire.tls import pool_name
from gristmill_operator.acting import Actor
from gristmill_operator.authority import load_authority
from gristmill_operator.handlers import Inbox
from gristmill_operator.kube import Refused
from gristmill_operator.leads import Leads
from gristmill_operator.metrics import Metrics
from gristmill_operator.model import Defaults, Key
from gristmill_operator.mounts import Mounts
from gristmill_operator.names import Kind
from gristmill_operator.requeue import Requeue
from gristmill_operator.shell import Shell
from gristmill_operator.volumes import Volumes
from gristmill_operator.world import World

JOBS = 200
AT_ONCE = 20


class Server:
    """An API server, its garbage collector, and kubelets whose pods run at once."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = 0
        self.calls: Counter[str] = Counter()
        self.inbox: Inbox | None = None
        self.refuse_pods = 0

    async def get(self, path: str) -> dict[str, Any]:
        if path not in self.objects:
            raise Refused(404, "NotFound", path)
        return self.objects[path]

    async def list(self, _: str, **__: str) -> list[dict[str, Any]]:
        return []

    async def create(self, collection: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.calls["create " + collection.rpartition("/")[2]] += 1
        path = f"{collection}/{body['metadata']['name']}"
        if path in self.objects:
            raise Refused(409, "AlreadyExists", path)
        if collection.endswith("/pods") and self.refuse_pods:
            self.refuse_pods -= 1
            raise Refused(403, "Forbidden", "exceeded quota: small")
        meta = {**body["metadata"], "uid": f"uid-{path}-{self.version}", "generation": 1}
        made = {**body, "metadata": meta}
        if collection.endswith("/pods"):
            ready = [{"name": one, "ready": True} for one in ("agent", "executor")]
            made["status"] = {"phase": "Running", "containerStatuses": ready}
        return self._put(path, made)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.calls["patch status"] += 1
        path = path.removesuffix("/status")
        if path not in self.objects:
            raise Refused(404, "NotFound", path)
        old = self.objects[path]
        merged = {**(old.get("status") or {}), **body["status"]}
        return self._put(path, {**old, "status": {key: value for key, value in merged.items() if value is not None}})

    async def delete(self, path: str, _: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        gone = self.objects.pop(path, None)
        if gone is not None:
            self._tell("DELETED", gone)
            owned = [
                other
                for other, one in self.objects.items()
                if any(owner["uid"] == gone["metadata"]["uid"] for owner in one["metadata"].get("ownerReferences", []))
            ]
            for other in owned:
                await self.delete(other)
        return {} if gone is not None else None

    def _put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        self.objects[path] = body
        self._tell("MODIFIED", body)
        return body

    def _tell(self, type_: str, body: dict[str, Any]) -> None:
        if self.inbox is not None and body.get("kind") == "Pod":
            self.inbox.pod(type_, body)
        if self.inbox is not None and body.get("kind") == "MapReduceJob":
            self.inbox.resource(type_, body)


class Context:
    def __init__(self, pool: str) -> None:
        self.pool = pool

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_subject_alternative_name": [pool_name(self.pool).encode()]}


async def lead(leads: Leads, uid: str, pod: str) -> None:
    """Takes its run, reports twenty times within a moment, completes, and goes when it is told."""
    said: asyncio.Queue[wire.FromLead] = asyncio.Queue()
    said.put_nowait(wire.FromLead(hello=wire.LeadHello(pool_uid=uid, pod=pod, version=__version__)))

    async def requests() -> AsyncIterator[wire.FromLead]:
        while True:
            yield await said.get()

    def report(phase: RunPhase, done: int) -> None:
        text = to_json(RunReport(phase, run="r", maps=TaskCounts(20, done)))
        said.put_nowait(wire.FromLead(run=wire.RunNews(uid=uid, report=text)))

    async for message in leads.serve(requests(), Context(uid)):  # type: ignore[arg-type]
        if message.WhichOneof("kind") == "run":
            for done in range(20):
                report(RunPhase.RUNNING, done)
            report(RunPhase.COMPLETE, 20)
        if message.WhichOneof("kind") == "end":
            return


class Bench:
    """The shell and its parts around the server in memory."""

    def __init__(self, folder: Path) -> None:
        authority = new_authority(folder)
        settings = settings_for("ns", authority)
        self.server = Server()
        kube: Any = self.server
        self.world = World(Defaults(linger_s=0.0))
        self.leads = Leads(self.world.pool_of, self._changed, self._changed)
        loaded = load_authority(str(authority[0]), str(authority[1]))
        metrics, clock = Metrics(), asyncio.get_running_loop().time
        actor = Actor(kube, self.leads, self.world, loaded, settings, metrics, clock)
        self.shell = Shell(self.world, self.leads, actor, Mounts(kube), Volumes(kube), kube, metrics, clock)
        self.requeue = Requeue(self.shell.reconcile)
        self.server.inbox = Inbox(self.world, self._enqueue)

    def _enqueue(self, keys: Any) -> None:
        for key in keys:
            self.requeue.add(key)

    def _changed(self, uid: str) -> None:
        if (key := self.world.key_of(uid)) is not None:
            self.requeue.add(key)

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
