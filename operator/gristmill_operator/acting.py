"""Carries out actions: each is one or two calls of the API server, or a word to a lead. Decides nothing.

What is refused comes back as a ``Failure`` with reason and remedy, which the next decision sees.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from logging import INFO, WARNING
from typing import Any

from gristmill.logs import log
from gristmill_operator import actions as do
from gristmill_operator.authority import Authority
from gristmill_operator.kube import Kube, Refused, core_path, key_path, kind_path, policies_path
from gristmill_operator.leads import Leads
from gristmill_operator.metrics import Metrics
from gristmill_operator.model import Key, PoolSpec, Resource
from gristmill_operator.names import Kind
from gristmill_operator.objects import (
    child_manifest,
    event_manifest,
    network_policy_manifest,
    run_resource,
    secret_manifest,
    service_manifest,
)
from gristmill_operator.observed import CODE, GUARD, OBJECT, POD, Failure, parse_pod
from gristmill_operator.pods import pod_manifest
from gristmill_operator.policies.reporting import shorten
from gristmill_operator.policies.running import INVALID_POD
from gristmill_operator.policies.waiting import refusal
from gristmill_operator.settings import OperatorSettings
from gristmill_operator.world import World

_BEFORE_PODS = (do.EnsureSecret, do.EnsureService, do.EnsureNetworkPolicy)


class Actor:
    """Acts for one operator."""

    def __init__(
        self,
        kube: Kube,
        leads: Leads,
        world: World,
        authority: Authority,
        settings: OperatorSettings,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._leads = leads
        self._world = world
        self._authority = authority
        self._settings = settings
        self._metrics = metrics
        self._clock = clock

    async def act(self, resource: Resource, actions: Sequence[do.Action]) -> list[Failure]:
        """Carries all out, and no pods without what they need and what guards them; what was refused."""
        first = [action for action in actions if isinstance(action, _BEFORE_PODS)]
        rest = [action for action in actions if not isinstance(action, _BEFORE_PODS)]
        failures: list[Failure] = []
        for batch in (first, rest):
            answers = await asyncio.gather(*(self._one(resource, action) for action in batch))
            failures += [answer for answer in answers if answer is not None]
            if failures:
                break
        return failures

    async def _one(self, resource: Resource, action: do.Action) -> Failure | None:
        try:
            return await self._do(resource, action)
        except Refused as refused:
            if isinstance(action, do.RecordEvent):
                log(__name__, WARNING, "an event could not be written", resource=resource.key, why=str(refused))
                return None
            return self._failure(resource, action, refused)

    async def _do(self, resource: Resource, action: do.Action) -> Failure | None:
        match action:
            case do.CreatePod():
                await self._create_pod(action)
            case do.DeletePod():
                await self._delete_pod(resource, action)
            case do.EnsureSecret(pool, anew):
                await self._ensure_secret(pool, anew)
            case do.EnsureService(pool):
                await self._ensure(pool, core_path(resource.key.namespace, "services"), service_manifest(pool))
            case do.EnsureNetworkPolicy(pool):
                if self._settings.network_policies:
                    manifest = network_policy_manifest(pool, self._settings)
                    await self._ensure(pool, policies_path(resource.key.namespace), manifest)
            case do.SendRun():
                return await self._send_run(resource, action)
            case do.CancelRun(pool_uid, run, reason, forget):
                self._leads.cancel_run(pool_uid, run, reason, forget)
            case do.EndLead(pool_uid, reason):
                self._leads.end(pool_uid, reason)
            case do.TellPod():
                self._leads.tell_pod(action)
            case do.DeleteResource(uid):
                await self._kube.delete(key_path(resource.key), _precisely(uid))
            case do.CreateChild():
                await self._create_child(resource, action)
            case do.PatchChildStatus(name, status):
                await self._patch_child(resource, name, status)
            case do.RecordEvent():
                await self._record(resource, action)
        return None

    async def _create_pod(self, action: do.CreatePod) -> None:
        zones = frozenset(zone for zone in self._world.zones().values() if zone)
        manifest = pod_manifest(action, self._settings, zones)
        namespace = action.pool.owner.namespace
        try:
            made = await self._kube.create(core_path(namespace, "pods"), manifest)
        except Refused as refused:
            if refused.status != 409 or refused.reason != "AlreadyExists":
                raise
            made = await self._kube.get(core_path(namespace, "pods", action.name))
            there = parse_pod(made)
            if (there.pool_uid, there.owner) != (action.pool.uid, action.pool.owner):
                raise
        else:
            self._metrics.pods_created.labels(action.role.value).inc()
            log(__name__, INFO, "pod created", pod=f"{namespace}/{action.name}", role=action.role)
        self._world.put_pod(made)

    async def _delete_pod(self, resource: Resource, action: do.DeletePod) -> None:
        options = _precisely(action.uid)
        if action.grace_s is not None:
            options["gracePeriodSeconds"] = action.grace_s
        path = core_path(resource.key.namespace, "pods", action.name)
        going = await self._kube.delete(path, options)
        if going is not None:
            if going.get("kind") == "Pod":
                self._world.put_pod(going)
            log(__name__, INFO, "pod deleted", pod=f"{resource.key.namespace}/{action.name}", why=action.reason)

    async def _ensure_secret(self, pool: PoolSpec, anew: bool) -> None:
        """Without a look at what is there: the operator may not read Secrets."""
        credentials = await asyncio.to_thread(self._authority.pool, pool.uid)
        collection, manifest = core_path(pool.owner.namespace, "secrets"), secret_manifest(pool, credentials)
        if anew:
            await self._make_anew(collection, manifest)
            return
        try:
            await self._kube.create(collection, manifest)
        except Refused as refused:
            if refused.status != 409:
                raise

    async def _ensure(self, pool: PoolSpec, collection: str, manifest: Mapping[str, Any]) -> None:
        """Makes the object, or leaves the one that is there if it is this pool's, not one that had its name before."""
        name = manifest["metadata"]["name"]
        try:
            await self._kube.create(collection, manifest)
        except Refused as refused:
            if refused.status != 409:
                raise
            there = await self._kube.get(f"{collection}/{name}")
            if any(owner.get("uid") == pool.uid for owner in there["metadata"].get("ownerReferences") or []):
                return
            await self._make_anew(collection, manifest)

    async def _make_anew(self, collection: str, manifest: Mapping[str, Any]) -> None:
        try:
            await self._kube.create(collection, manifest)
        except Refused as refused:
            if refused.status != 409:
                raise
            await self._kube.delete(f"{collection}/{manifest['metadata']['name']}")
            await self._kube.create(collection, manifest)

    async def _send_run(self, resource: Resource, action: do.SendRun) -> Failure | None:
        code: Mapping[str, bytes] = {}
        if action.config_map:
            try:
                config_map = await self._kube.get(core_path(resource.key.namespace, "configmaps", action.config_map))
            except Refused as refused:
                return self._no_code(action.config_map, refused)
            code = _files(config_map)
        places = _outputs(resource, self._world)
        self._leads.send_run(action.pool_uid, action.run, resource.key.kind.value, run_resource(resource, places), code)
        return None

    def _no_code(self, name: str, refused: Refused) -> Failure:
        if refused.status == 404:
            message = f"ConfigMap {name} of code.configMap does not exist; make it, and the job goes on by itself"
            return Failure(CODE, "ConfigMapMissing", message, self._clock())
        return Failure(CODE, "ConfigMapUnreadable", f"ConfigMap {name}: {refused.message}", self._clock())

    async def _create_child(self, query: Resource, action: do.CreateChild) -> None:
        try:
            made = await self._kube.create(kind_path(query.key.namespace, Kind.JOB), child_manifest(query, action))
        except Refused as refused:
            if refused.status != 409:
                raise
            return
        self._world.put_resource(made)

    async def _patch_child(self, query: Resource, name: str, status: str) -> None:
        path = kind_path(query.key.namespace, Kind.JOB, name) + "/status"
        try:
            self._world.put_resource(await self._kube.patch(path, {"status": json.loads(status)}))
        except Refused as refused:
            if refused.status != 404:
                raise

    async def _record(self, resource: Resource, action: do.RecordEvent) -> None:
        manifest = event_manifest(resource, action, self._settings.identity, self._clock())
        try:
            await self._kube.create(core_path(resource.key.namespace, "events"), manifest)
        except Refused as refused:
            if refused.status != 409:
                raise

    def _failure(self, resource: Resource, action: do.Action, refused: Refused) -> Failure:
        about = POD if isinstance(action, do.CreatePod) else GUARD if isinstance(action, _BEFORE_PODS) else OBJECT
        log(__name__, WARNING, "refused", resource=resource.key, action=type(action).__name__, why=str(refused))
        if refused.status in (400, 422):
            reason = INVALID_POD if isinstance(action, do.CreatePod) else "Invalid"
            return Failure(about, reason, shorten(refused.message), self._clock())
        if refused.status == 409:
            message = f"{refused.message}; it belongs to another resource and has to go first"
            return Failure(about, "NameTaken", shorten(message), self._clock())
        if refused.status != 403:
            message = f"the API server answers {refused.status} {refused.reason}: {refused.message}"
            return Failure(about, "ApiServer", shorten(message), self._clock())
        reason, remedy = refusal(refused.message)
        return Failure(about, reason, shorten(f"{refused.message}; {remedy}"), self._clock())


def _precisely(uid: str) -> dict[str, Any]:
    """Options of a deletion that spares another object of the same name."""
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}


def _files(config_map: Mapping[str, Any]) -> dict[str, bytes]:
    texts = {name: text.encode() for name, text in (config_map.get("data") or {}).items()}
    return texts | {name: base64.b64decode(text) for name, text in (config_map.get("binaryData") or {}).items()}


def _outputs(resource: Resource, world: World) -> dict[str, str]:
    """Where the output of each job lies whose rows the resource reads."""
    found = {}
    for name in resource.run.upstreams if resource.run else ():
        upstream = world.resource(Key(Kind.JOB, resource.key.namespace, name))
        if upstream is not None and upstream.status.output:
            found[name] = upstream.status.output
    return found
