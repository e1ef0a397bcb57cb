"""One run in the lead: from the operator's request to committed output, or an error.

The lead makes one for each request and starts ``live``; who reports on it reads its fields, which only ever hold what
is known by now. What blocks (planning, storage) happens in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from logging import ERROR, INFO

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.driving import drive, drop_late_parts, quiet
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.places import ZonesByPrefix, with_caches, with_places
from gristmill.coordinator.planning import PlannedChain, plan_for_pool
from gristmill.coordinator.pool import Pool
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.coordinator.snapshot import snapshot
from gristmill.coordinator.volumes import with_volumes
from gristmill.errors import Cancelled, GristmillError, InternalError
from gristmill.logs import log
from gristmill.plan.explain import explain
from gristmill.plan.resource_fields import QUERY_KIND
from gristmill.plan.task import TaskResult
from gristmill.schedule.config import SchedulerConfig
from gristmill.storage.filesystem import join
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores
from gristmill.wire.reports import RunPhase, RunReport
from gristmill_worker.journal import FLUSH_EVERY_S, Journal
from gristmill_worker.mirrors import manifests_of
from gristmill_worker.requests import Accepted, Request, Surroundings, accept

LOOK_EVERY_S = 0.1
CACHE_WAIT_S = 0.2
"""An idle worker leaves a split for so long to the one that may have it in its cache: about the time it takes to read
one from object storage."""
BACK_S = 8.0
"""So long a lead that takes over waits for the workers of before."""
_PHASES = {ChainState.FINISHED: RunPhase.COMPLETE, ChainState.FAILED: RunPhase.FAILED,
           ChainState.CANCELLED: RunPhase.CANCELLED}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunPlace:
    """What a lead lends its runs: the pool of workers, bytes for each slot, what the pool adds to requests, the zone of
    URIs by prefix, whether its caches outlive a run, and the volumes that pods of each kind have mounted."""

    pool: Pool
    pool_name: str
    slot_bytes: int
    around: Surroundings
    zones: Mapping[str, str]
    warm: bool
    volume_groups: tuple[frozenset[str], ...] = ()


class LeadRun:
    """One run. ``changed`` is called when its phase changes, from the event loop."""

    def __init__(self, request: Request, place: RunPlace, changed: Callable[[LeadRun], None]) -> None:
        self.request = request
        self.phase = RunPhase.PLANNING
        self.error: GristmillError | None = None
        self.accepted: Accepted | None = None
        self.planned: PlannedChain | None = None
        self.stores: Stores | None = None
        self.run: ChainRun | None = None
        self.progress = Progress(ChainState.PLANNING)
        self.messages: list[str] = []
        self.job_manifests: dict[str, str] = {}
        """Of a query: its jobs as MapReduceJobs (JSON), by name."""
        self.manifests: dict[str, Manifest] = {}
        """By job, once committed."""
        self.logs = ""
        """The folder of the tasks' logs; empty where there is no scratch to keep them in."""
        self.result: Manifest | None = None
        """What the run was for, once it is complete."""
        self.last_report: RunReport | None = None
        """How it stood at its end, once it has been let go."""
        self.volumes_awaited: frozenset[str] = frozenset()
        """Those of ``volumes_elsewhere`` that no pod has mounted yet."""
        self.started_s = time.monotonic()
        self._place = place
        self._changed = changed
        self._outputs: ChainOutputs | None = None
        self._cancelled: str | None = None
        self._journal: Journal | None = None
        self._stop_journal = asyncio.Event()
        self._accepted_before: list[TaskResult] = []
        self._looked_s = 0.0
        self._explained = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.ended

    @property
    def given_up(self) -> bool:
        """Whether somebody has cancelled it; it may still be ending."""
        return self._cancelled is not None

    @property
    def volumes_elsewhere(self) -> frozenset[str]:
        """Volumes that it reads and that only other pods mount: nothing can be planned before one of them is there."""
        return self.request.volumes & self._place.around.volumes.keys()

    @property
    def explained(self) -> str:
        """The plan as text; empty before there is one."""
        planned = self.planned
        if planned is None:
            return self._explained
        return explain(planned.chain, planned.graph, f"{planned.tier} ({planned.why})")

    def let_go(self, last_report: RunReport) -> None:
        """Keeps of an ended run only what is still asked for: its report, plan as text, result and logs."""
        self.last_report = last_report
        self.accepted = self.planned = self.run = None
        self.manifests = {}
        self._outputs = self._journal = None
        self._accepted_before = []

    def cancel(self, reason: str) -> None:
        """Ends the run; what it staged is dropped."""
        self._cancelled = self._cancelled or reason

    async def live(self) -> None:
        """Runs to the end; never raises what a request can be blamed for."""
        try:
            await self._await_volumes()
            await asyncio.to_thread(self._prepare)
            if self._outputs is not None and self._outputs.all_committed:
                self._find_done()
            else:
                await self._run()
        except GristmillError as error:
            self.error = error
        # A fault of our own must end this run, with a report, and no other.
        except Exception as error:  # noqa: BLE001
            log(__name__, ERROR, "a run ended by a fault", run=self.request.uid, error=repr(error))
            self.error = InternalError(f"{type(error).__name__}: {error}", place="lead", remedy="please report this")
        try:
            await asyncio.to_thread(self._clean_up)
        # Whatever is left behind, the run has ended.
        except Exception as error:  # noqa: BLE001
            log(__name__, ERROR, "a run is not cleaned up", run=self.request.uid, error=repr(error))
        self._end()

    async def _await_volumes(self) -> None:
        """Waits until all volumes that are read and that other pods mount are there. Raises Cancelled."""
        there = self._place.pool.server_of
        while missing := frozenset(volume for volume in self.volumes_elsewhere if not there(volume)):
            self.volumes_awaited = missing
            if self._cancelled is not None:
                raise Cancelled(self._cancelled)
            await asyncio.sleep(LOOK_EVERY_S)
        self.volumes_awaited = frozenset()

    def _prepare(self) -> None:
        place, request = self._place, self.request
        self.accepted = accept(request, place.around)
        if request.kind == QUERY_KIND:
            self.job_manifests = manifests_of(self.accepted.chain)
        self.stores = self.accepted.stores
        if self.accepted.scratch:
            self.logs = join(self.accepted.scratch, "logs", request.run)
        planned = plan_for_pool(self.accepted.chain, self.stores, place.pool_name, self.accepted.known)
        self._journal = Journal(self.accepted.scratch, request.run, planned.graph, self.stores)
        self._accepted_before = self._journal.read()
        graph = with_caches(
            with_places(planned.graph, (ZonesByPrefix(place.zones),)), place.pool.nodes() if place.warm else ()
        )
        planned = replace(planned, graph=with_volumes(graph, place.volume_groups))
        self._outputs = ChainOutputs(planned.chain, planned.graph, request.run, self.stores)
        self.manifests = self._outputs.manifests
        self._outputs.prepare()
        self.planned = planned

    def _find_done(self) -> None:
        """An earlier lead has committed everything; what it did is not known in figures."""
        assert self.planned is not None
        stages = self.planned.graph.stages
        done = tuple(StageProgress(stage.id, stage.tasks, done=stage.tasks) for stage in stages)
        self.progress = replace(self.progress, stages=done)

    async def _run(self) -> None:
        assert self.planned is not None
        assert self._outputs is not None
        assert self._journal is not None
        pool, name = self._place.pool, self.request.run
        self.run = run = ChainRun(self.planned.graph, self._facts(), self._scheduling(), self._journal.note)
        pool.add(name, run, self.planned.graph.stores, time.monotonic(), self.logs)
        journaling = asyncio.create_task(self._keep_journal(self._journal))
        try:
            await self._take_over(run)
            run.tick(time.monotonic())
            self._to(RunPhase.RUNNING)
            await drive(run, self._outputs, self._look)
        finally:
            pool.remove(name)
            self._stop_journal.set()
            await journaling  # a flush that came after the end would write again what was removed
        await quiet(partial(pool.busy, name))
        await drop_late_parts(run, self._outputs)
        if run.error is not None:
            raise run.error

    def _scheduling(self) -> SchedulerConfig:
        """Where only caches make a node the nearer one, waiting for it is worth no more than reading anew."""
        return SchedulerConfig() if self._place.zones else SchedulerConfig(locality_wait_s=CACHE_WAIT_S)

    def _facts(self) -> RunFacts:
        jobs = self.planned.chain.jobs if self.planned else ()
        deadlines = tuple((job.name, job.deadline_s) for job in jobs if job.deadline_s is not None)
        return RunFacts(self.request.run, self._place.slot_bytes, deadlines)

    async def _take_over(self, run: ChainRun) -> None:
        """Gives the run what an earlier lead accepted, once those who hold map output of it are back."""
        if not self._accepted_before:
            return
        pool = self._place.pool
        hosts = {output.location.host for result in self._accepted_before for output in result.outputs}
        until_s = time.monotonic() + BACK_S
        while not hosts <= pool.hosts() and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
        count = run.restored(self._accepted_before, pool.introduce(self.request.run))
        self.messages.append(f"{count} tasks were done already when this lead took over")
        log(__name__, INFO, "run taken over", run=self.request.run, done=count, hosts=len(hosts & pool.hosts()))

    async def _keep_journal(self, journal: Journal) -> None:
        """Writes the journal until told to stop; a fault costs the journal, not the run."""
        while not self._stop_journal.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_journal.wait(), FLUSH_EVERY_S)
                return
            try:
                await asyncio.to_thread(journal.flush)
            except Exception as error:  # noqa: BLE001
                log(__name__, ERROR, "the journal stops", run=self.request.uid, error=repr(error))
                return

    def _look(self, state: ChainState) -> None:
        assert self.run is not None
        now_s = time.monotonic()
        self._place.pool.settle(now_s)
        if state is ChainState.COMMITTING:
            self._to(RunPhase.COMMITTING)
        elif self._cancelled is not None:
            self.run.cancel(self._cancelled)
        if now_s - self._looked_s >= LOOK_EVERY_S or state is ChainState.COMMITTING:
            self._take_look(state)

    def _take_look(self, state: ChainState) -> None:
        assert self.run is not None
        assert self.planned is not None
        self._looked_s = time.monotonic()
        look = snapshot(self.run, self.planned.tier, state, self._looked_s - self.started_s)
        self.messages += look.messages
        self.progress = replace(look, messages=())

    def _clean_up(self) -> None:
        if self.error is not None and self._outputs is not None:
            self._outputs.abandon()
        if self._journal is not None:
            self._journal.remove()
        self._explained = self.explained

    def _end(self) -> None:
        state = ChainState.FINISHED
        if self.error is not None:
            state = ChainState.CANCELLED if isinstance(self.error, Cancelled) else ChainState.FAILED
        if self.run is not None:
            self._take_look(state)
        else:
            self.progress = replace(self.progress, state=state)
        if self.error is None and self.planned is not None:
            self.result = self.manifests[self.planned.chain.result_job.name]
        log(__name__, INFO, "run ended", run=self.request.run, resource=self.request.name, state=state, why=self.error)
        self._to(_PHASES[state])

    def _to(self, phase: RunPhase) -> None:
        if phase is not self.phase:
            self.phase = phase
            self._changed(self)
