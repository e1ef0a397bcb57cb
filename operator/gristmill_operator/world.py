"""What the operator knows of the cluster: resources, pods and zones as its watches brought them, by key and by owner.

Filled by ``handlers`` from events, by ``acting`` with what it just made (so that no decision forgets it), and read by
``shell``. Older versions never replace newer ones, and what is gone stays gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from gristmill_operator.model import Defaults, Key, Resource, parse_resource
from gristmill_operator.names import Kind
from gristmill_operator.observed import PodView, parse_pod

_REMEMBERED_DEAD = 10_000


class World:
    """Everything observed. Methods that take news return the keys of the resources that it concerns."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._resources: dict[Key, Resource] = {}
        self._by_uid: dict[str, Key] = {}
        self._pods: dict[str, dict[str, PodView]] = {}
        self._pool_of_pod: dict[str, str] = {}
        self._readers: dict[Key, set[Key]] = {}
        self._zones: dict[str, str] = {}
        self._dead: deque[str] = deque(maxlen=_REMEMBERED_DEAD)
        self._dead_set: set[str] = set()

    # News.

    def put_resource(self, body: Mapping[str, Any]) -> set[Key]:
        """A resource as the API server has it."""
        new = parse_resource(body, self._defaults)
        old = self._resources.get(new.key)
        if new.uid in self._dead_set or (old is not None and old.uid == new.uid and _older(new.version, old.version)):
            return set()
        if old is not None:
            self._unlink(old)
        self._resources[new.key] = new
        self._by_uid[new.uid] = new.key
        for named in _named(new):
            self._readers.setdefault(named, set()).add(new.key)
        return self._concerned(new)

    def drop_resource(self, key: Key, uid: str) -> set[Key]:
        """A resource that is gone."""
        self._bury(uid)
        old = self._resources.get(key)
        if old is None or old.uid != uid:
            return set()
        concerned = self._concerned(old)
        self._unlink(old)
        del self._resources[key]
        return concerned

    def put_pod(self, body: Mapping[str, Any]) -> set[Key]:
        """A pod as the API server has it."""
        new = parse_pod(body)
        if new.uid in self._dead_set:
            return set()
        pool = self._pods.setdefault(new.pool_uid, {})
        old = pool.get(new.uid)
        if old is not None and _older(new.version, old.version):
            return set()
        pool[new.uid] = new
        self._pool_of_pod[new.uid] = new.pool_uid
        return {new.owner} if new.owner is not None else set()

    def drop_pod(self, uid: str) -> set[Key]:
        """A pod that is gone."""
        self._bury(uid)
        pool_uid = self._pool_of_pod.pop(uid, "")
        pool = self._pods.get(pool_uid, {})
        pod = pool.pop(uid, None)
        if not pool:
            self._pods.pop(pool_uid, None)
        return {pod.owner} if pod is not None and pod.owner is not None else set()

    def put_zone(self, node: str, zone: str) -> None:
        """The zone of a node; empty where it has none."""
        self._zones[node] = zone

    def drop_node(self, node: str) -> None:
        """A node that is gone."""
        self._zones.pop(node, None)

    # Questions.

    def resource(self, key: Key) -> Resource | None:
        """The resource of that name."""
        return self._resources.get(key)

    def key_of(self, uid: str) -> Key | None:
        """Which resource has that UID."""
        return self._by_uid.get(uid)

    def pool_of(self, run: str) -> str | None:
        """UID of the pool that a run belongs to; empty where that is not there, None where there is no such run."""
        key = self._by_uid.get(run)
        resource = self._resources.get(key) if key is not None else None
        if key is None or resource is None or resource.run is None:
            return None
        if resource.pool is not None:
            return resource.pool.uid
        pool = self._resources.get(Key(Kind.POOL, key.namespace, resource.run.pool))
        return pool.uid if pool is not None else ""

    def resources(self) -> Iterable[Resource]:
        """All of them."""
        return self._resources.values()

    def pods(self, pool_uid: str) -> tuple[PodView, ...]:
        """The pods of a pool: those that its resource controls, in its namespace, whatever others are labelled."""
        owner = self._by_uid.get(pool_uid)
        if owner is None:
            return ()
        return tuple(pod for pod in self._pods.get(pool_uid, {}).values() if pod.owner == owner)

    def pod_versions(self) -> dict[str, str]:
        """Version of each pod that is known, by UID."""
        return {pod.uid: pod.version for pool in self._pods.values() for pod in pool.values()}

    def readers(self, key: Key) -> frozenset[Key]:
        """Resources that name this one: as their pool, as a job whose rows they read, as their query."""
        return frozenset(self._readers.get(key, ()))

    def waiting(self, key: Key) -> set[Key]:
        """Those of the readers to whom it matters what becomes of this one: not mirrors, nor what has ended."""
        return {reader for reader in self._readers.get(key, ()) if self._waits(reader)}

    def _waits(self, key: Key) -> bool:
        reader = self._resources.get(key)
        if reader is None or reader.run is None or reader.run.mirror:
            return False
        return reader.status.phase is None or not reader.status.phase.ended

    def zones(self) -> Mapping[str, str]:
        """Zone of each node."""
        return self._zones

    def _concerned(self, resource: Resource) -> set[Key]:
        """Itself, those that wait for it, and the pool that it runs in."""
        pools = {named for named in _named(resource) if named.kind is Kind.POOL}
        return {resource.key, *pools, *self.waiting(resource.key)}

    def _unlink(self, old: Resource) -> None:
        self._by_uid.pop(old.uid, None)
        for named in _named(old):
            readers = self._readers.get(named, set())
            readers.discard(old.key)
            if not readers:
                self._readers.pop(named, None)

    def _bury(self, uid: str) -> None:
        if uid in self._dead_set:
            return
        if len(self._dead) == self._dead.maxlen:
            self._dead_set.discard(self._dead[0])
        self._dead.append(uid)
        self._dead_set.add(uid)


def _named(resource: Resource) -> set[Key]:
    """Resources that this one names."""
    namespace, run = resource.key.namespace, resource.run
    if run is None:
        return set()
    found = {Key(Kind.JOB, namespace, name) for name in run.upstreams}
    if run.pool:
        found.add(Key(Kind.POOL, namespace, run.pool))
    if run.mirror and resource.owner:
        found.add(Key(Kind.QUERY, namespace, resource.owner))
    return found


def _older(one: str, other: str) -> bool:
    """Versions of one object are numbers that grow."""
    return one.isdigit() and other.isdigit() and int(one) < int(other)
