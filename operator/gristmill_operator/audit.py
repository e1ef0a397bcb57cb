"""What there is, asked for without watches: all of it at the start, and from time to time to compare.

What a watch missed is brought in at once, so a deaf watch delays things but loses nothing; ``deaf_s`` tells ``health``
for how long one has been deaf. An API server that does not answer makes nobody deaf: nothing is missed then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from logging import WARNING
from typing import Any

from gristmill.logs import log
from gristmill_operator.handlers import Inbox
from gristmill_operator.kube import Kube, Refused, core_path, kind_path
from gristmill_operator.names import LABEL_MANAGED_BY, MANAGED_BY, Kind
from gristmill_operator.world import World

EVERY_S = 20.0
GRACE_S = 5.0
"""News may be on its way for so long."""
_PODS = "pods"
KINDS = (*(kind.value for kind in Kind), _PODS)
"""What is compared; nodes are not: nothing is decided on them."""


class Audit:
    """Compares the world with the API server."""

    def __init__(
        self, kube: Kube, world: World, inbox: Inbox, namespaces: Sequence[str], clock: Callable[[], float]
    ) -> None:
        self._kube = kube
        self._world = world
        self._inbox = inbox
        self._namespaces = namespaces or ("",)
        self._clock = clock
        self._deaf_since: dict[str, float] = {}

    def deaf_s(self) -> dict[str, float]:
        """For each watch that misses things: since how many seconds."""
        return {kind: self._clock() - since for kind, since in self._deaf_since.items()}

    async def begin(self) -> None:
        """Brings in all there is: no decision may be made on a part. Tries until the API server answers."""
        while True:
            try:
                for kind in KINDS:
                    for item in await self._list(kind, False):
                        self._take(kind, None, item)
            except Refused as refused:
                log(__name__, WARNING, "cannot list", why=str(refused))
                await asyncio.sleep(GRACE_S)
            else:
                return

    async def run(self) -> None:
        """Audits for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            for kind in KINDS:
                try:
                    await self.check(kind)
                except Refused as refused:
                    log(__name__, WARNING, "no audit", kind=kind, why=str(refused))

    async def check(self, kind: str) -> None:
        """One comparison of one kind; what differs twice, some seconds apart, was missed. Raises Refused."""
        suspects = await self._differing(kind)
        if suspects:
            await asyncio.sleep(GRACE_S)
            suspects &= await self._differing(kind)
        if not suspects:
            self._deaf_since.pop(kind, None)
            return
        log(__name__, WARNING, "a watch missed things", kind=kind, count=len(suspects))
        self._deaf_since.setdefault(kind, self._clock())
        await self._bring_in(kind, {uid for uid, _ in suspects})

    async def _differing(self, kind: str) -> set[tuple[str, str]]:
        """UID and version of what is there and not known so, and of what is known and not there (version empty)."""
        known = self._known(kind)
        there = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in await self._list(kind, True)}
        news = {(uid, version) for uid, version in there.items() if _behind(known.get(uid), version)}
        return news | {(uid, "") for uid in known if uid not in there}

    def _known(self, kind: str) -> dict[str, str]:
        if kind == _PODS:
            return self._world.pod_versions()
        return {one.uid: one.version for one in self._world.resources() if one.key.kind == kind}

    async def _list(self, kind: str, metadata_only: bool) -> list[dict[str, Any]]:
        found = []
        for namespace in self._namespaces:
            if kind == _PODS:
                selector = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
                path = core_path(namespace, _PODS)
                found += await self._kube.list(path, metadata_only, labelSelector=selector)
            else:
                found += await self._kube.list(kind_path(namespace, Kind(kind)), metadata_only)
        return found

    async def _bring_in(self, kind: str, uids: set[str]) -> None:
        there = {item["metadata"]["uid"]: item for item in await self._list(kind, False)}
        for uid in uids:
            if uid in there:
                self._take(kind, None, there[uid])
            elif kind == _PODS:
                self._take(kind, "DELETED", {"metadata": {"uid": uid}})
            elif (key := self._world.key_of(uid)) is not None:
                meta = {"uid": uid, "namespace": key.namespace, "name": key.name}
                self._take(kind, "DELETED", {"kind": kind, "metadata": meta})

    def _take(self, kind: str, type_: str | None, body: Mapping[str, Any]) -> None:
        if kind == _PODS:
            self._inbox.pod(type_, body)
        else:
            self._inbox.resource(type_, {"kind": kind, **body})


def _behind(known: str | None, version: str) -> bool:
    if known is None:
        return True
    return known.isdigit() and version.isdigit() and int(known) < int(version)
