"""The shell around ``decide``: for one resource it observes, decides, acts, and writes status once.

``Requeue`` calls ``reconcile``; leads and watches only add keys. It remembers what no watch tells: what was refused
lately, and when status was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from gristmill_operator.acting import Actor
from gristmill_operator.actions import Action, CreateChild, CreatePod, PatchChildStatus, RecordEvent, SendRun
from gristmill_operator.decide import Decision, decide
from gristmill_operator.kube import Kube, Refused, key_path
from gristmill_operator.leads import Leads
from gristmill_operator.metrics import Metrics
from gristmill_operator.model import Key, Resource
from gristmill_operator.mounts import Mounts
from gristmill_operator.names import Kind
from gristmill_operator.observed import (
    CODE,
    GUARD,
    POD,
    Child,
    Failure,
    LeadView,
    NamedPool,
    Observed,
    PlacedVolume,
    PodView,
    Upstream,
)
from gristmill_operator.pacing import passes, write_in
from gristmill_operator.policies.case import RETRY_S
from gristmill_operator.policies.upstream import mounting
from gristmill_operator.status import Phase, Status, status_form
from gristmill_operator.volumes import Volumes
from gristmill_operator.world import World

_AT_ONCE_S = 0.01
"""A decision whose pod or run was refused is made anew: its status took both for done."""
FORGOTTEN_S = 60.0
"""A refusal that was not repeated for so long is over."""
_AFTERWARDS = (RecordEvent, CreateChild, PatchChildStatus)
"""Actions that tell of what status says: they come after it, and wait with it."""


class Shell:
    """Reconciles the resources of one operator."""

    def __init__(
        self,
        world: World,
        leads: Leads,
        actor: Actor,
        mounts: Mounts,
        volumes: Volumes,
        kube: Kube,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._world = world
        self._leads = leads
        self._actor = actor
        self._mounts = mounts
        self._volumes = volumes
        self._kube = kube
        self._metrics = metrics
        self._clock = clock
        self._failures: dict[str, tuple[Failure, ...]] = {}
        self._written: dict[str, float] = {}
        self._differs_since: dict[str, float] = {}
        self._uids: dict[Key, str] = {}

    async def reconcile(self, key: Key) -> float | None:
        """One step for one resource; in how many seconds to look again."""
        with self._metrics.reconciles.time():
            resource = self._world.resource(key)
            self._forget_others(key, resource)
            return None if resource is None else await self._step(resource)

    def _forget_others(self, key: Key, resource: Resource | None) -> None:
        """What was known about a resource that is gone, or was made anew under its name."""
        before = self._uids.get(key)
        if before is not None and (resource is None or resource.uid != before):
            self._leads.drop_run(before)
            self._failures.pop(before, None)
            self._written.pop(before, None)
            self._differs_since.pop(before, None)
        if resource is None:
            self._uids.pop(key, None)
        else:
            self._uids[key] = resource.uid

    async def _step(self, resource: Resource) -> float | None:
        now = self._clock()
        upstreams = self._upstreams(resource)
        resource = mounting(resource, upstreams)
        observed = await self._observe(resource, upstreams, now)
        decision = decide(resource, resource.status, observed, now)
        acts = [action for action in decision.actions if not isinstance(action, _AFTERWARDS)]
        failures = await self._actor.act(resource, acts)
        self._remember(resource, acts, failures)
        if any(failure.about in (POD, GUARD, CODE) for failure in failures):
            return _AT_ONCE_S
        wait_s = self._write_in(resource, decision.status, now)
        if wait_s == 0.0:
            self._written[resource.uid] = now
            await self._write_status(resource, decision.status)
        if not wait_s or not passes(resource.status, decision.status):
            failures += await self._tell(resource, decision, now)
        waits = (wait_s or None, decision.requeue_after, RETRY_S if failures else None)
        return min((wait for wait in waits if wait is not None), default=None)

    async def _tell(self, resource: Resource, decision: Decision, now: float) -> list[Failure]:
        """Does what follows the status: events, and mirrors of a query's jobs."""
        told = [action for action in decision.actions if isinstance(action, _AFTERWARDS)]
        failures = await self._actor.act(resource, told)
        for action in told:
            if isinstance(action, PatchChildStatus):
                self._written_child(resource, action.name, now)
        self._remember(resource, told, failures)
        return failures

    def _remember(self, resource: Resource, acts: Sequence[Action], failures: list[Failure]) -> None:
        """Keeps what was refused."""
        if failures:
            about = {failure.about for failure in failures}
            kept = [one for one in self._failures.get(resource.uid, ()) if one.about not in about]
            self._failures[resource.uid] = (*kept, *failures)
        elif any(isinstance(action, CreatePod | SendRun) for action in acts):
            self._failures.pop(resource.uid, None)

    def _written_child(self, query: Resource, name: str, now: float) -> None:
        child = self._world.resource(Key(Kind.JOB, query.key.namespace, name))
        if child is not None:
            self._written[child.uid] = now

    def _write_in(self, resource: Resource, status: Status, now: float) -> float | None:
        """Seconds until the status may be written; None where that is not needed."""
        since = self._differs_since.setdefault(resource.uid, now)
        wait_s = write_in(resource.status, status, self._written.get(resource.uid, 0.0), since, now)
        if not wait_s:
            del self._differs_since[resource.uid]
        return wait_s

    async def _write_status(self, resource: Resource, status: Status) -> None:
        form = status_form(status)
        gone = {name: None for name in resource.raw.get("status") or {} if name not in form}
        path = key_path(resource.key) + "/status"
        body: dict[str, Any] = {"metadata": {"uid": resource.uid}, "status": {**gone, **form}}
        try:
            self._world.put_resource(await self._kube.patch(path, body))
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
        self._metrics.status_writes.labels(resource.key.kind.value).inc()

    async def _observe(self, resource: Resource, upstreams: tuple[Upstream, ...], now: float) -> Observed:
        own = resource.pool
        named = self._named(resource)
        pool_uid = own.uid if own else named.uid if named else ""
        pods = self._world.pods(own.uid) if own else ()
        elsewhere = await self._elsewhere(resource, pods, now)
        recent = tuple(one for one in self._failures.get(resource.uid, ()) if now - one.at < FORGOTTEN_S)
        return Observed(
            pods=pods,
            lead=self._lead(pool_uid),
            report=self._leads.report(resource.uid),
            failures=(*recent, *elsewhere),
            upstreams=upstreams,
            named=named,
            children=self._children(resource) if resource.key.kind is Kind.QUERY else {},
            zones=self._world.zones(),
            volumes=await self._placed(resource, now),
            active=self._active(resource) if resource.key.kind is Kind.POOL else 0,
        )

    async def _elsewhere(self, resource: Resource, pods: tuple[PodView, ...], now: float) -> list[Failure]:
        """What is in the way of pods that neither they nor a refusal tell."""
        if resource.pool is None:
            return []
        mounts = await self._mounts.failures(resource.key.namespace, pods, now)
        return mounts + await self._volumes.failures(resource.key.namespace, pods, now)

    async def _placed(self, resource: Resource, now: float) -> tuple[PlacedVolume, ...]:
        """Where the volumes of a run's pool lie, which matters where it has several."""
        pool, phase = resource.pool, resource.status.phase
        if pool is None or not pool.private or len(pool.claims) < 2 or (phase is not None and phase.ended):
            return ()
        return await self._volumes.placed(resource.key.namespace, pool.claims, now)

    def _lead(self, pool_uid: str) -> LeadView | None:
        """The lead that is connected, as long as its pod is to live: a stream may outlast its pod."""
        view = self._leads.view(pool_uid)
        alive = {pod.name for pod in self._world.pods(pool_uid) if pod.usable}
        return view if view is not None and view.pod in alive else None

    def _named(self, resource: Resource) -> NamedPool | None:
        if resource.run is None or not resource.run.pool:
            return None
        pool = self._world.resource(Key(Kind.POOL, resource.key.namespace, resource.run.pool))
        if pool is None or pool.deleting:
            return NamedPool(resource.run.pool)
        return NamedPool(resource.run.pool, pool.uid, pool.status.message)

    def _upstreams(self, resource: Resource) -> tuple[Upstream, ...]:
        names = resource.run.upstreams if resource.run else ()
        return tuple(self._upstream(resource.key.namespace, name) for name in names)

    def _upstream(self, namespace: str, name: str) -> Upstream:
        found = self._world.resource(Key(Kind.JOB, namespace, name))
        if found is None:
            return Upstream(name)
        return Upstream(name, found.status.phase or Phase.PENDING, found.status.message, found.status.output)

    def _children(self, query: Resource) -> dict[str, Child]:
        found = {}
        for key in self._world.readers(query.key):
            child = self._world.resource(key)
            if child is not None and child.run is not None and child.run.mirror:
                found[key.name] = _child(child, self._written.get(child.uid, 0.0))
        return found

    def _active(self, pool: Resource) -> int:
        """Runs that name the pool and want to run."""
        readers = (self._world.resource(key) for key in self._world.readers(pool.key))
        return sum(1 for one in readers if one is not None and _wants_pool(one))


def _child(child: Resource, written: float) -> Child:
    status = child.raw.get("status") or {}
    shown = {name: status[name] for name in ("phase", "progress") if name in status}
    return Child(child.key.name, status.get("phase", ""), json.dumps(shown, sort_keys=True), written)


def _wants_pool(resource: Resource) -> bool:
    run, phase = resource.run, resource.status.phase
    if run is None or run.suspend or resource.deleting or (phase is not None and phase.ended):
        return False
    return not (run.cancel and phase in (None, Phase.PENDING, Phase.SUSPENDED))
