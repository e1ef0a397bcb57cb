"""The operator's end of the leads' streams: who is connected, what they last said, and what they are told.

``serving`` listens with mutual TLS and admits a lead whose certificate carries the pool it claims. Everything runs in
the event loop's thread: the shell reads ``view`` and ``report`` and calls the sending methods; ``changed`` tells it
which run or pool something was said about, ``came_or_went`` which pool's lead connected or was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from logging import INFO, WARNING

import grpc

from gristmill.errors import GristmillError
from gristmill.logs import log
from gristmill.plan.codec import from_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import JobReport, PoolNeed, RunReport
from gristmill.wire.tls import names_of, pool_name
from gristmill.wire.versions import compatible
from gristmill_operator.actions import TellPod
from gristmill_operator.observed import LeadView

HELLO_S = 10.0
"""So long a client may take to say which lead it is."""
_GONE = "its resource was deleted"


@dataclass(slots=True)
class _Lead:
    """One connected lead."""

    pod: str
    runs: set[str] = field(default_factory=set)
    outbound: asyncio.Queue[wire.ToLead | None] = field(default_factory=asyncio.Queue)
    need: PoolNeed = PoolNeed()
    heard_at: float = 0.0
    idle_since: dict[str, float] = field(default_factory=dict)
    told: dict[str, TellPod] = field(default_factory=dict)
    cancelled: dict[str, float] = field(default_factory=dict)


class Leads:
    """All leads by the UID of their pool; the newest connection of a pool counts.

    ``pool_of`` gives the UID of the pool that a run belongs to: of other pools' runs a lead is not believed anything.
    """

    def __init__(
        self,
        pool_of: Callable[[str], str | None],
        changed: Callable[[str], None],
        came_or_went: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool_of = pool_of
        self._changed = changed
        self._came_or_went = came_or_went
        self._clock = clock
        self._leads: dict[str, _Lead] = {}
        self._reports: dict[str, RunReport] = {}

    # What the shell asks.

    def view(self, pool_uid: str) -> LeadView | None:
        """The pool's lead as decisions see it; None while none is connected."""
        lead = self._leads.get(pool_uid)
        if lead is None:
            return None
        return LeadView(
            pod=lead.pod,
            runs=frozenset(lead.runs),
            need=self._aged(lead),
            idle_since=dict(lead.idle_since),
            told=dict(lead.told),
            cancelled=dict(lead.cancelled),
        )

    def _aged(self, lead: _Lead) -> PoolNeed:
        """Idle time goes on between what the lead says of it."""
        if lead.need.active_runs:
            return lead.need
        return replace(lead.need, idle_s=lead.need.idle_s + self._clock() - lead.heard_at)

    def report(self, run: str) -> RunReport | None:
        """The last report about a run that still counts."""
        return self._reports.get(run)

    def connected(self) -> int:
        """How many pools have a lead."""
        return len(self._leads)

    # What the shell tells.

    def send_run(self, pool_uid: str, run: str, kind: str, resource: str, code: Mapping[str, bytes]) -> None:
        """Gives the lead a run; what was said about it before does not count any more."""
        if (lead := self._leads.get(pool_uid)) is not None:
            self._reports.pop(run, None)
            lead.runs.add(run)
            lead.cancelled.pop(run, None)
            lead.outbound.put_nowait(
                wire.ToLead(run=wire.RunRequest(uid=run, kind=kind, resource=resource, code=dict(code)))
            )

    def cancel_run(self, pool_uid: str, run: str, reason: str, forget: bool) -> None:
        """Ends a run; with ``forget`` the lead does not have it any more, whatever it says."""
        lead = self._leads.get(pool_uid)
        if lead is not None and run in lead.runs:
            self._cancel(lead, run, reason)
        if forget:
            self._forget_run(run)

    def drop_run(self, run: str) -> None:
        """The run's resource is gone: whoever has it ends it, and nothing is known about it any more."""
        for lead in self._leads.values():
            if run in lead.runs:
                self._cancel(lead, run, _GONE)
        self._forget_run(run)

    def _cancel(self, lead: _Lead, run: str, reason: str) -> None:
        lead.cancelled[run] = self._clock()
        lead.outbound.put_nowait(wire.ToLead(cancel=wire.CancelRun(uid=run, reason=reason)))

    def _forget_run(self, run: str) -> None:
        self._reports.pop(run, None)
        for lead in self._leads.values():
            lead.runs.discard(run)
            lead.cancelled.pop(run, None)

    def end(self, pool_uid: str, reason: str) -> None:
        """Tells the lead that nobody needs it."""
        if (lead := self._leads.get(pool_uid)) is not None:
            lead.outbound.put_nowait(wire.ToLead(end=wire.EndLead(reason=reason)))

    def tell_pod(self, news: TellPod) -> None:
        """Tells the lead what became of a pod of its pool."""
        if (lead := self._leads.get(news.pool_uid)) is not None:
            lead.told[news.pod] = news
            message = wire.PodNews(
                pod=news.pod, state=news.state, reason=news.reason, node=news.node, zone=news.zone, gone=news.gone
            )
            lead.outbound.put_nowait(wire.ToLead(pod=message))

    def close(self) -> None:
        """Ends all streams; leads dial again, maybe the next operator."""
        for lead in self._leads.values():
            lead.outbound.put_nowait(None)

    # The streams.

    async def serve(
        self, requests: AsyncIterator[wire.FromLead], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[wire.ToLead]:
        """One lead's stream, from its hello to its end."""
        hello = await _hello(requests)
        if hello is None:
            log(__name__, WARNING, "a lead went before it said which", peer=context.peer())
            return
        await _admit(hello, context)
        lead = _Lead(hello.pod)
        lead.outbound.put_nowait(wire.ToLead(welcome=wire.LeadWelcome(version=__version__)))
        lead.runs |= {run for run in hello.runs if self._belongs(hello.pool_uid, lead, run)}
        self._replace(hello.pool_uid, lead)
        listening = asyncio.create_task(self._listen(hello.pool_uid, lead, requests))
        try:
            while (message := await lead.outbound.get()) is not None:
                yield message
        finally:
            listening.cancel()
            self._left(hello.pool_uid, lead)

    def _replace(self, pool_uid: str, lead: _Lead) -> None:
        if (old := self._leads.get(pool_uid)) is not None:
            old.outbound.put_nowait(None)
        self._leads[pool_uid] = lead
        lead.heard_at = self._clock()
        log(__name__, INFO, "lead connected", pool=pool_uid, pod=lead.pod, runs=len(lead.runs))
        self._came_or_went(pool_uid)
        for run in lead.runs:
            self._changed(run)

    def _left(self, pool_uid: str, lead: _Lead) -> None:
        if self._leads.get(pool_uid) is lead:
            del self._leads[pool_uid]
            log(__name__, INFO, "lead disconnected", pool=pool_uid, pod=lead.pod)
            self._came_or_went(pool_uid)

    async def _listen(self, pool_uid: str, lead: _Lead, requests: AsyncIterator[wire.FromLead]) -> None:
        try:
            async for message in requests:
                self._hear(pool_uid, lead, message)
        # gRPC ends a stream with exceptions of many classes; each means that the lead is gone.
        except Exception as error:  # noqa: BLE001
            log(__name__, WARNING, "lead's stream broke", pool=pool_uid, pod=lead.pod, why=repr(error))
        finally:
            lead.outbound.put_nowait(None)

    def _hear(self, pool_uid: str, lead: _Lead, message: wire.FromLead) -> None:
        try:
            match message.WhichOneof("kind"):
                case "run":
                    self._heard_run(pool_uid, lead, message.run.uid, from_json(message.run.report, RunReport))
                case "pool":
                    self._heard_pool(pool_uid, lead, from_json(message.pool.need, PoolNeed))
        except GristmillError as error:
            log(__name__, WARNING, "a lead said what nobody understands", pool=pool_uid, why=str(error))

    def _belongs(self, pool_uid: str, lead: _Lead, run: str) -> bool:
        """Whether a lead of that pool may speak of the run; one whose resource is no more it is told to end, once."""
        owner = self._pool_of(run)
        if owner == pool_uid:
            return True
        if owner is None:
            if run not in lead.cancelled:
                self._cancel(lead, run, _GONE)
            return False
        log(__name__, WARNING, "a lead speaks of a run that is not its pool's", pool=pool_uid, run=run)
        return False

    def _heard_run(self, pool_uid: str, lead: _Lead, run: str, report: RunReport) -> None:
        if self._belongs(pool_uid, lead, run) and run in lead.runs:
            self._reports[run] = with_manifests(report, self._reports.get(run))
            self._changed(run)

    def _heard_pool(self, pool_uid: str, lead: _Lead, need: PoolNeed) -> None:
        now = self._clock()
        lead.need, lead.heard_at = need, now
        lead.idle_since = {pod: lead.idle_since.get(pod, now) for pod in need.idle}
        self._changed(pool_uid)


async def _hello(requests: AsyncIterator[wire.FromLead]) -> wire.LeadHello | None:
    """The first message; None where the client goes, or says nothing for so long."""
    try:
        async with asyncio.timeout(HELLO_S):
            first = await anext(aiter(requests), None)
    except TimeoutError:
        return None
    return None if first is None else first.hello


async def _admit(hello: wire.LeadHello, context: grpc.aio.ServicerContext) -> None:
    """Refuses a lead of another pool than its certificate's, and versions too far apart."""
    if pool_name(hello.pool_uid) not in names_of(context.auth_context()):
        log(__name__, WARNING, "refused: the certificate is of another pool", pool=hello.pool_uid, peer=context.peer())
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"the certificate is not that of pool {hello.pool_uid}")
    if not compatible(hello.version, __version__):
        await context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"lead {hello.pod} is version {hello.version}, this operator {__version__}: one minor version apart is "
            "accepted; let worker image and chart be of one release",
        )


def with_manifests(report: RunReport, before: RunReport | None) -> RunReport:
    """The report with the manifests of jobs that are told only once."""
    if before is None or not any(job.manifest for job in before.jobs):
        return report
    known = {job.name: job.manifest for job in before.jobs}
    jobs = tuple(_with_manifest(job, known) for job in report.jobs)
    return replace(report, jobs=jobs)


def _with_manifest(job: JobReport, known: Mapping[str, str]) -> JobReport:
    return job if job.manifest else replace(job, manifest=known.get(job.name, ""))
