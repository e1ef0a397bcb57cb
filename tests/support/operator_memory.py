"""The operator's shell with all its parts around an API server in memory, for tests of what it does in which order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from operator_api import new_authority
from operator_api import settings as settings_for

from gristmill.plan.codec import to_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import RunReport
from gristmill.wire.tls import pool_name
from gristmill_operator.acting import Actor
from gristmill_operator.authority import load_authority
from gristmill_operator.handlers import Inbox
from gristmill_operator.kube import Refused
from gristmill_operator.leads import Leads
from gristmill_operator.metrics import Metrics
from gristmill_operator.model import Defaults
from gristmill_operator.mounts import Mounts
from gristmill_operator.names import Kind
from gristmill_operator.requeue import Requeue
from gristmill_operator.shell import Shell
from gristmill_operator.volumes import Volumes
from gristmill_operator.world import World


class Server:
    """An API server, its garbage collector, and kubelets whose pods run at once."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = 0
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        """Each call that changed something, as ``create events`` and ``patch sqlqueries``."""
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
        self.order.append("create " + collection.rpartition("/")[2])
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
        self.order.append("patch " + path.split("/")[-2])
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
        if self.inbox is not None and body.get("kind") in {kind.value for kind in Kind}:
            self.inbox.resource(type_, body)


class _Context:
    """The certificate of a pool's lead."""

    def __init__(self, pool: str) -> None:
        self.pool = pool

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_subject_alternative_name": [pool_name(self.pool).encode()]}


class FakeLead:
    """A lead's side of its link to the operator; it has said hello."""

    def __init__(self, leads: Leads, pool: str, pod: str) -> None:
        self._leads = leads
        self._pool = pool
        self._said: asyncio.Queue[wire.FromLead] = asyncio.Queue()
        self._said.put_nowait(wire.FromLead(hello=wire.LeadHello(pool_uid=pool, pod=pod, version=__version__)))

    def report(self, uid: str, report: RunReport) -> None:
        """Says how a run stands."""
        self._said.put_nowait(wire.FromLead(run=wire.RunNews(uid=uid, report=to_json(report))))

    def heard(self) -> AsyncIterator[wire.ToLead]:
        """What the operator says, as it comes."""
        return self._leads.serve(self._requests(), _Context(self._pool))  # type: ignore[arg-type]

    async def _requests(self) -> AsyncIterator[wire.FromLead]:
        while True:
            yield await self._said.get()


class OperatorInMemory:
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
