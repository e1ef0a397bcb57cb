"""One operator at a time: a Lease of its own in the operator's namespace, given back on a clean end.

A Lease, not kopf's peering: it needs no CRD and no rights beyond its namespace, and the time of the last renewal also
fences: who could not renew in time stops by itself before another may begin. ``operating`` waits for ``acquire``
before it watches anything, and ends the process when ``keep`` returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from logging import INFO, WARNING
from typing import Any

from gristmill.logs import log
from gristmill_operator.kube import Kube, Refused, leases_path
from gristmill_operator.times import format_micro_time, parse_time

NAME = "gristmill-operator"
DURATION_S = 25
RENEW_S = 5.0
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds a Lease, and since when without a renewal that this process saw."""

    holder: str
    renewed: str
    seen_at: float


def may_take(holding: Holding | None, identity: str, now: float) -> bool:
    """Whether the Lease is free, one's own, or not renewed for its duration. Clocks of two machines are not compared:
    ``seen_at`` is when this one first saw that renewal."""
    if holding is None or holding.holder in ("", identity):
        return True
    return now - holding.seen_at > DURATION_S


class Lease:
    """This process's claim."""

    def __init__(self, kube: Kube, namespace: str, identity: str, clock: Callable[[], float]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._seen: Holding | None = None
        self._renewed_at = float("-inf")

    @property
    def held(self) -> bool:
        """Whether nobody else may act now."""
        return self._clock() - self._renewed_at < DURATION_S - RENEW_S / 2

    async def acquire(self) -> None:
        """Waits until this process may act."""
        while not await self._try():
            await asyncio.sleep(RETRY_S)
        log(__name__, INFO, "this operator acts now", identity=self._identity)

    async def keep(self) -> None:
        """Renews; returns when the Lease is lost."""
        while self.held:
            await asyncio.sleep(RENEW_S)
            await self._try()
        log(__name__, WARNING, "the lease is lost", identity=self._identity)

    async def release(self) -> None:
        """Gives it back, so that the next operator need not wait."""
        if self.held:
            try:
                await self._kube.patch(leases_path(self._namespace, NAME), {"spec": {"holderIdentity": ""}})
            except Refused as refused:
                log(__name__, WARNING, "the lease could not be given back", why=str(refused))

    async def _try(self) -> bool:
        """One look and, where it is free, one claim; whether this process holds it now."""
        begun = self._clock()
        try:
            taken = await self._claim(await self._get())
        except Refused as refused:
            if refused.status not in (0, 404, 409):
                log(__name__, WARNING, "the lease cannot be had", why=str(refused))
            taken = False
        if taken:
            self._renewed_at = begun
        return taken

    async def _get(self) -> Mapping[str, Any] | None:
        try:
            return await self._kube.get(leases_path(self._namespace, NAME))
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    async def _claim(self, lease: Mapping[str, Any] | None) -> bool:
        spec = (lease or {}).get("spec") or {}
        if not may_take(self._look(lease, spec), self._identity, self._clock()):
            return False
        body = self._body(lease, spec)
        if lease is None:
            await self._kube.create(leases_path(self._namespace), body)
        else:
            await self._kube.replace(leases_path(self._namespace, NAME), body)
        return True

    def _look(self, lease: Mapping[str, Any] | None, spec: Mapping[str, Any]) -> Holding | None:
        if lease is None:
            return None
        holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
        if self._seen is None or (self._seen.holder, self._seen.renewed) != (holder, renewed):
            self._seen = Holding(holder, renewed, self._clock())
        return self._seen

    def _body(self, lease: Mapping[str, Any] | None, spec: Mapping[str, Any]) -> dict[str, Any]:
        now = format_micro_time(self._clock())
        own = spec.get("holderIdentity") == self._identity
        acquired = spec.get("acquireTime") if own and parse_time(spec.get("acquireTime")) else now
        meta = dict((lease or {}).get("metadata") or {"name": NAME, "namespace": self._namespace})
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": meta,
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": DURATION_S,
                "acquireTime": acquired,
                "renewTime": now,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if own else 1),
            },
        }
