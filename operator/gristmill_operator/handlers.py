"""kopf's part: watches of resources, pods and nodes, each event into the world and the keys it concerns onto the queue.

Only event handlers: nothing here makes kopf put finalizers or annotations on anybody's objects. What there is at the
start is listed by ``audit`` before anything is decided, since kopf's watches of several kinds begin one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import kopf

from gristmill_operator.model import Key
from gristmill_operator.names import GROUP, LABEL_MANAGED_BY, MANAGED_BY, VERSION, ZONE_LABEL, Kind
from gristmill_operator.world import World

SERVER_TIMEOUT_S = 120
CLIENT_TIMEOUT_S = 150


def kopf_settings() -> kopf.OperatorSettings:
    """kopf as the operator wants it: watches that end by themselves, no events of its own."""
    settings = kopf.OperatorSettings()
    settings.watching.server_timeout = SERVER_TIMEOUT_S
    settings.watching.client_timeout = CLIENT_TIMEOUT_S
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["pods"] = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
    settings.posting.enabled = False
    settings.scanning.disabled = True
    return settings


class Takes(Protocol):
    """Who gets what watches bring."""

    def resource(self, type_: str | None, body: Mapping[str, Any]) -> None: ...
    def pod(self, type_: str | None, body: Mapping[str, Any]) -> None: ...
    def node(self, type_: str | None, body: Mapping[str, Any]) -> None: ...


class Inbox:
    """Takes what watches bring."""

    def __init__(self, world: World, enqueue: Callable[[Iterable[Key]], None]) -> None:
        self._world = world
        self._enqueue = enqueue

    def resource(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """An event of a resource."""
        meta = body["metadata"]
        if type_ == "DELETED":
            key = Key(Kind(body["kind"]), meta.get("namespace", ""), meta["name"])
            self._enqueue({key, *self._world.drop_resource(key, meta["uid"])})
        else:
            self._enqueue(self._world.put_resource(body))

    def pod(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """An event of a pod."""
        if type_ == "DELETED":
            self._enqueue(self._world.drop_pod(body["metadata"]["uid"]))
        else:
            self._enqueue(self._world.put_pod(body))

    def node(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """An event of a node."""
        meta = body["metadata"]
        if type_ == "DELETED":
            self._world.drop_node(meta["name"])
        else:
            self._world.put_zone(meta["name"], (meta.get("labels") or {}).get(ZONE_LABEL, ""))


def registry(inbox: Takes, watch_nodes: bool) -> kopf.OperatorRegistry:
    """The handlers of one operator."""
    found = kopf.OperatorRegistry()
    kopf.on.login(id="kubernetes-client", registry=found)(kopf.login_via_client)
    for kind in Kind:
        _watch(found, inbox.resource, GROUP, VERSION, kind.plural)
    _watch(found, inbox.pod, "", "v1", "pods")
    if watch_nodes:
        _watch(found, inbox.node, "", "v1", "nodes")
    return found


def _watch(found: kopf.OperatorRegistry, take: Callable[[str | None, Mapping[str, Any]], None], *what: str) -> None:
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        take(event["type"], event["object"])

    kopf.on.event(*what, id=what[-1], registry=found)(event)
