"""One operator: its parts made and tied together, started and ended in order. ``__main__`` and tests run it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from logging import ERROR, INFO

from gristmill.logs import log
from gristmill_operator.acting import Actor
from gristmill_operator.audit import Audit
from gristmill_operator.authority import Authority, load_authority
from gristmill_operator.handlers import Inbox
from gristmill_operator.health import Health
from gristmill_operator.kube import Kube
from gristmill_operator.leads import Leads
from gristmill_operator.lease import Lease
from gristmill_operator.metrics import Metrics
from gristmill_operator.model import Defaults, Key
from gristmill_operator.mounts import Mounts
from gristmill_operator.requeue import Requeue
from gristmill_operator.serving import LeadServer
from gristmill_operator.settings import OperatorSettings
from gristmill_operator.shell import Shell
from gristmill_operator.volumes import Volumes
from gristmill_operator.watching import Watching
from gristmill_operator.world import World

WORKERS = 16
"""So many resources are reconciled beside each other."""


class Operator:
    """Everything of one process."""

    def __init__(self, settings: OperatorSettings) -> None:
        self._settings = settings
        self._authority = load_authority(settings.ca_cert, settings.ca_key)
        self._kube = Kube()
        self._metrics = Metrics()
        self._world = World(defaults(settings, self._authority))
        self._leads = Leads(self._world.pool_of, self._changed, self._lead_changed)
        self._lease = Lease(self._kube, settings.namespace, settings.identity, time.time)
        self._inbox = Inbox(self._world, self._enqueue)
        self._audit = Audit(self._kube, self._world, self._inbox, settings.namespaces, time.time)
        actor = Actor(self._kube, self._leads, self._world, self._authority, settings, self._metrics, time.time)
        self._shell = Shell(
            self._world,
            self._leads,
            actor,
            Mounts(self._kube),
            Volumes(self._kube),
            self._kube,
            self._metrics,
            time.time,
        )
        self._requeue = Requeue(self._reconcile)
        self._watching = Watching(self._inbox, settings.namespaces, settings.watch_nodes)
        self.lead_port = settings.lead_port
        """Where leads are served once it runs."""
        self.http_port = settings.http_port

    async def run(self, stop: asyncio.Event) -> bool:
        """Waits for the Lease, operates until ``stop`` is set or it has to end, and gives the Lease back.

        Whether it ended because it should: not because the Lease was lost or a watch failed for good.
        """
        async with AsyncExitStack() as stack:
            health = Health(self._settings.http_port, self._audit.deaf_s, lambda: self.ready, self._scrape)
            self.http_port = await health.start()
            stack.push_async_callback(health.stop)
            stack.callback(self._kube.close)
            stopped = asyncio.create_task(stop.wait())
            acquiring = asyncio.create_task(self._lease.acquire())
            await asyncio.wait({stopped, acquiring}, return_when=asyncio.FIRST_COMPLETED)
            clean = True
            if acquiring.done():
                stack.push_async_callback(self._lease.release)
                clean = await self._operate(stopped)
            acquiring.cancel()
            stopped.cancel()
            return clean
        raise AssertionError("no callback of the stack swallows exceptions")

    async def _operate(self, stopped: asyncio.Task[bool]) -> bool:
        server = LeadServer(f"0.0.0.0:{self._settings.lead_port}", self._leads, self._authority.operator())
        self.lead_port = server.port
        log(__name__, INFO, "operator runs", leads_port=self.lead_port, http_port=self.http_port)
        tasks = [asyncio.create_task(part) for part in (self._lease.keep(), self._work(server))]
        try:
            await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    log(__name__, ERROR, "a part of the operator ended", why=repr(task.exception()))
            return stopped.done()
        finally:
            self._requeue.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.stop()

    async def _work(self, server: LeadServer) -> None:
        """Watches, reconciles and hears leads, once all there is is known: before that, kopf would not find CRDs that
        come late, nor could anybody tell whose runs leads speak of."""
        await self._audit.begin()
        await server.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watching.run())
            group.create_task(self._audit.run())
            for _ in range(WORKERS):
                group.create_task(self._requeue.work())

    async def _reconcile(self, key: Key) -> float | None:
        """Nothing is done without the Lease: another operator may act by then."""
        return await self._shell.reconcile(key) if self._lease.held else 1.0

    def _enqueue(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._requeue.add(key)

    def _changed(self, uid: str) -> None:
        """A lead said something about a run or pool."""
        if (key := self._world.key_of(uid)) is not None:
            self._requeue.add(key)

    def _lead_changed(self, pool_uid: str) -> None:
        """A pool's lead connected or was lost, which concerns all that run there."""
        if (key := self._world.key_of(pool_uid)) is not None:
            self._enqueue({key, *self._world.waiting(key)})

    @property
    def ready(self) -> bool:
        """Whether it holds the Lease and watches."""
        return self._lease.held and self._watching.started

    def _scrape(self) -> bytes:
        return self._metrics.text(self._world.resources(), self._leads.connected())


def defaults(settings: OperatorSettings, authority: Authority) -> Defaults:
    """What resources mean where they say nothing."""
    executor = settings.pods.executor_resources
    cpu = executor.get("requests", {}).get("cpu") or executor.get("limits", {}).get("cpu") or "1"
    return Defaults(
        max_workers=settings.max_workers,
        linger_s=settings.pods.linger_s,
        cpu=str(cpu),
        stores=settings.stores,
        scratch=settings.scratch,
        authority=authority.fingerprint,
    )
