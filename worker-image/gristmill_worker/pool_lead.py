"""The lead of a pool: takes runs from the operator, plans them, has workers do them, and reports.

It holds one stream to the operator, serves the pool's workers and, on loopback, clients; its own agent makes it a
worker too. Here messages become runs and runs become messages; each run's life is in ``runs``, who has which worker in
``gristmill.coordinator.pool``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import time
from collections.abc import Iterator
from functools import partial
from logging import ERROR, INFO

from gristmill.coordinator.pool import Pool
from gristmill.coordinator.server import CoordinatorServer
from gristmill.errors import GristmillError
from gristmill.ids import WorkerId
from gristmill.logs import log
from gristmill.plan.codec import to_json
from gristmill.storage.filesystem import Filesystem
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import PoolNeed, RunPhase, RunReport
from gristmill.worker.host import FOR_UPLOADS
from gristmill_worker.changes import Changes
from gristmill_worker.mirrors import Mirrors
from gristmill_worker.need import RunDemand, demand_before_plan, demand_of, need_of, same_need
from gristmill_worker.operator_link import OperatorLink
from gristmill_worker.own_agent import OwnAgent
from gristmill_worker.pod import Pod
from gristmill_worker.reporting import report_of
from gristmill_worker.requests import Surroundings, request_from, run_id
from gristmill_worker.runs import LeadRun, RunPlace

REPORT_EVERY_S = 1.0
CLIENTS_AFTER_S = 1.0
"""Clients can wait so long for the first run."""
_FOR_QUERIES = ("gristmill_sql", "gristmill_sql.catalog", "gristmill.plan.manifest", *FOR_UPLOADS)
KEPT_RUNS = 20
"""So many ended runs are kept for clients."""
FINISH_S = 5.0
"""A lead that ends lets its runs have so long to end by themselves."""
SWEEP_S = 15.0
"""And so long to end and sweep what they staged: together less than the pod's grace period."""
LAST_WORDS_S = 2.0
_EVICTED = ("evicted", "preempted")
_LEAVING = (*_EVICTED, "deleted", "failed")
"""States of PodNews."""


class Lead:
    """One pool's lead; ``serve`` runs until the operator or SIGTERM ends it."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._pool = Pool()
        self._place = RunPlace(
            self._pool,
            pod.pool,
            pod.executor_memory_bytes // max(pod.slots, 1),
            Surroundings(pod.stores, pod.scratch, self._volumes_elsewhere()),
            pod.zones,
            pod.pool.startswith("gpool-"),
            pod.volume_groups,
        )
        self._runs: dict[str, LeadRun] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, wire.RunRequest] = {}
        """Requests for runs that are still ending."""
        self._told: dict[str, RunReport] = {}
        self._mirrors: dict[str, Mirrors] = {}
        self._told_need: PoolNeed | None = None
        self._idle_since_s = time.monotonic()
        self._changes = Changes()
        self._under_way = asyncio.Event()
        """A run's tasks have been launched, or it has ended."""
        self._ending = asyncio.Event()
        self._dismissed = False
        """Whether the operator ends the pool; else another lead follows, which goes on with the runs."""
        self._link = OperatorLink(pod.operator, pod.operator_tls, self._hear, self._greetings)

    def _volumes_elsewhere(self) -> dict[str, Filesystem]:
        """Those that only other pods of the pool mount, by name."""
        pod = self._pod
        elsewhere = frozenset[str]().union(*pod.volume_groups) - frozenset(pod.volumes)
        if not elsewhere:
            return {}
        from gristmill.coordinator.volume_files import VolumeElsewhere
        from gristmill.shuffle.connections import FlightClients, FlightSecurity

        clients = FlightClients(FlightSecurity(pod.token(), pod.tls))
        return {volume: VolumeElsewhere(volume, partial(self._pool.server_of, volume), clients) for volume in elsewhere}

    async def serve(self, agent: OwnAgent) -> None:
        """Leads the pool. Raises GristmillError if its ports or certificates cannot be used."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.end, "asked to end")
        server = CoordinatorServer(f"0.0.0.0:{self._pod.worker_port}", self._pool, self._pod.token(), self._pod.tls)
        await server.start()
        log(__name__, INFO, "lead is up", pool=self._pod.pool, port=server.port)
        background = [
            asyncio.create_task(self._link.keep()),
            asyncio.create_task(agent.keep()),
            asyncio.create_task(self._report()),
            asyncio.create_task(self._serve_clients()),
        ]
        ending = asyncio.create_task(self._ending.wait())
        try:
            done, _ = await asyncio.wait([ending, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a part of the lead that ended by a fault ends the lead: the container starts again
            await self._give_up_runs()
        finally:
            ending.cancel()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await server.stop()

    async def _serve_clients(self) -> None:
        """The endpoint of clients, later than all that the first run waits for; then what the next runs may need."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._under_way.wait(), CLIENTS_AFTER_S)
        endpoint = await asyncio.to_thread(importlib.import_module, "gristmill_worker.client")
        clients = endpoint.ClientEndpoint(self._pod.client_port, self._pod.pool, self._runs, self._changes)
        await clients.start()
        try:
            for module in _FOR_QUERIES if self._place.warm else ():
                await asyncio.to_thread(importlib.import_module, module)
            await asyncio.Event().wait()
        finally:
            await clients.stop()

    def end(self, why: str) -> None:
        """Finishes what can be finished soon, leaves the rest to the next lead, and ends."""
        log(__name__, INFO, "lead ends", why=why)
        self._ending.set()

    async def _give_up_runs(self) -> None:
        lives = list(self._lives.values())
        if lives:
            await asyncio.wait(lives, timeout=FINISH_S)
        if self._dismissed:
            for run in self._runs.values():
                run.cancel("the operator has ended the pool")
        sweeping = [life for uid, life in self._lives.items() if self._runs[uid].given_up]
        if sweeping:
            await asyncio.wait(sweeping, timeout=SWEEP_S)
        if lives:
            await self._link.said(LAST_WORDS_S)

    # What the operator says.

    def _greetings(self) -> Iterator[wire.FromLead]:
        """Who this is, and how everything stands."""
        pod = self._pod
        hello = wire.LeadHello(pool_uid=pod.pool_uid, pod=pod.name, version=__version__, runs=list(self._runs))
        yield wire.FromLead(hello=hello)
        self._told.clear()
        for mirrors in self._mirrors.values():
            mirrors.forget()
        for uid in self._runs:
            yield from self._news(uid)
        self._told_need = None

    def _hear(self, message: wire.ToLead) -> None:
        match message.WhichOneof("kind"):
            case "run":
                self._begin(message.run)
            case "cancel":
                self._cancel(message.cancel)
            case "pod":
                self._hear_of_pod(message.pod)
            case "end":
                self._dismissed = True
                self.end(message.end.reason or "nobody needs the pool")

    def _begin(self, wanted: wire.RunRequest) -> None:
        if self._ending.is_set():
            return
        if wanted.uid in self._lives:
            before = self._runs[wanted.uid]
            if before.ended or before.given_up:
                self._again[wanted.uid] = wanted
            return
        self._forget(wanted.uid)  # one that has ended: its resource was suspended, and is wanted again
        try:
            request = request_from(wanted.uid, wanted.kind, wanted.resource, dict(wanted.code))
        except GristmillError as error:
            report = RunReport(RunPhase.FAILED, run_id(wanted.uid), type(error).__name__, str(error))
            self._link.say(_run_news(wanted.uid, report))
            return
        log(__name__, INFO, "run begins", uid=wanted.uid, resource=request.name)
        run = LeadRun(request, self._place, self._phase_changed)
        self._runs[wanted.uid] = run
        self._changes.tell()
        life = asyncio.create_task(run.live())
        self._lives[wanted.uid] = life
        life.add_done_callback(lambda task: self._over(wanted.uid, task))

    def _cancel(self, cancel: wire.CancelRun) -> None:
        self._again.pop(cancel.uid, None)
        if (run := self._runs.get(cancel.uid)) is not None:
            run.cancel(cancel.reason or "cancelled")

    def _hear_of_pod(self, news: wire.PodNews) -> None:
        if news.node:
            self._pool.place(news.pod, tuple(filter(None, (news.node, news.zone))))
        if news.state in _LEAVING:
            log(__name__, INFO, "pod leaves", pod=news.pod, state=news.state, gone=news.gone)
            self._pool.pod_leaves(news.pod, evicted=news.state in _EVICTED)
        if news.gone:
            self._pool.pod_gone(news.pod)

    # What the operator is told.

    def _phase_changed(self, run: LeadRun) -> None:
        self._changes.tell()
        self._under_way.set()
        for message in self._news(run.request.uid):
            self._link.say(message)

    def _over(self, uid: str, life: asyncio.Task[None]) -> None:
        """A run has ended. Clients may ask for it for a while, but not for all that a warm pool ever ran."""
        del self._lives[uid]
        if not life.cancelled() and (error := life.exception()) is not None:
            log(__name__, ERROR, "a run was lost by a fault", uid=uid, error=repr(error))
        self._idle_since_s = time.monotonic()
        if (run := self._runs[uid]).ended:
            run.let_go(report_of(run))
        ended = [each for each, run in self._runs.items() if run.ended]
        for old in ended[:-KEPT_RUNS]:
            self._forget(old)
        if (wanted := self._again.pop(uid, None)) is not None:
            self._begin(wanted)

    def _forget(self, uid: str) -> None:
        for table in (self._runs, self._told, self._mirrors):
            table.pop(uid, None)

    def _news(self, uid: str) -> Iterator[wire.FromLead]:
        """A report, if it differs from the last or there are jobs to be told."""
        if uid not in self._runs:
            return
        run, mirrors = self._runs[uid], self._mirrors.setdefault(uid, Mirrors())
        report = report_of(run)
        if report != self._told.get(uid) or (report.jobs and mirrors.waiting(run.job_manifests)):
            self._told[uid] = report
            yield _run_news(uid, mirrors.added(report, run.job_manifests))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            if not self._link.connected:
                continue
            for uid in [*self._runs]:
                for message in self._news(uid):
                    self._link.say(message)
            need = self._need()
            if self._told_need is None or not same_need(need, self._told_need):
                self._told_need = need
                self._link.say(wire.FromLead(pool=wire.PoolNews(need=to_json(need))))

    def _need(self) -> PoolNeed:
        now_s = time.monotonic()
        live = [run for run in self._runs.values() if not run.ended]
        demands = [_demand(run, now_s - run.started_s) for run in live if run.run is not None or run.volumes_elsewhere]
        idle = tuple(pod_of(worker) for worker in self._pool.idle())
        idle_s = 0.0 if live else round(now_s - self._idle_since_s)
        return need_of(demands, self._pool.slots, idle, idle_s)


def _demand(run: LeadRun, age_s: float) -> RunDemand:
    return demand_before_plan(run.volumes_elsewhere, age_s) if run.run is None else demand_of(run.run, age_s)


def pod_of(worker: WorkerId) -> str:
    """The pod that a worker runs in: its id is the pod's name and what tells incarnations apart."""
    return worker.rpartition(".")[0]


def _run_news(uid: str, report: RunReport) -> wire.FromLead:
    return wire.FromLead(run=wire.RunNews(uid=uid, report=to_json(report)))
