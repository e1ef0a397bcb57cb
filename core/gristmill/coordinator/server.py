"""The coordinator's gRPC server: one stream per worker, its messages turned into calls of a Pool.

Used by every driver whose workers are other processes; it outlives the runs that share them. It knows which plans a
worker already has, and refuses workers of a version too far away or without the pool's token.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from logging import INFO
from typing import Protocol

import grpc

from gristmill.coordinator.links import StagedPlan
from gristmill.errors import ClusterError, GristmillError, InternalError, error_from_dict
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.logs import log
from gristmill.plan.codec import from_json, to_json
from gristmill.plan.job import Store
from gristmill.plan.task import ExchangeFeed, TaskOrder, TaskResult
from gristmill.schedule.events import Cause, LeaveReason, WorkerJoined
from gristmill.version import __version__
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.protocol import MAX_MESSAGE_BYTES, SERVICE, TOKEN_HEADER
from gristmill.wire.tls import TlsFiles, names_of, server_credentials
from gristmill.wire.versions import compatible

HEARTBEAT_S = 0.5
BATCH_BYTES = 1 << 20
"""Messages beyond so many are not put together: each is as good by itself."""


class WorkerEvents(Protocol):
    """What the server tells: the part of a Pool that hears from workers."""

    def joined(self, worker: WorkerJoined, link: StreamLink, address: str = ...) -> None: ...
    def left(self, worker: WorkerId, reason: LeaveReason) -> None: ...
    def draining(self, worker: WorkerId) -> None: ...
    def heartbeat(self, worker: WorkerId, memory_bytes: int, peak_bytes: int) -> None: ...
    def reading(self, worker: WorkerId, attempt: AttemptId, rows: int, bytes_: int) -> None: ...
    def attempt_finished(self, worker: WorkerId, result: TaskResult) -> None: ...
    def attempt_failed(
        self,
        worker: WorkerId,
        attempt: AttemptId,
        cause: Cause,
        error: GristmillError,
        lost: Sequence[tuple[ExchangeId, int]] = ...,
    ) -> None: ...
    def fail(self, worker: WorkerId, error: GristmillError) -> None: ...


class StreamLink:
    """A worker at the other end of a stream: a PoolLink. ``batches``: it takes many messages as one."""

    def __init__(self, *, batches: bool) -> None:
        self._batches = batches
        self._waiting: deque[wire.ToWorker] = deque()
        self._more = asyncio.Event()
        self._closed = False
        self._plans: set[str] = set()

    def send(self, message: wire.ToWorker) -> None:
        """Queues a message for the stream."""
        self._waiting.append(message)
        self._more.set()

    def close(self) -> None:
        """Ends the stream behind what was sent."""
        self._closed = True
        self._more.set()

    async def outbound(self) -> AsyncIterator[wire.ToWorker]:
        """What was sent, as it comes: what has gathered while the stream was busy goes together."""
        while self._waiting or not self._closed:
            if self._waiting:
                yield self._next()
            else:
                self._more.clear()
                await self._more.wait()

    def _next(self) -> wire.ToWorker:
        first = self._waiting.popleft()
        if not (self._batches and self._waiting):
            return first
        messages, size = [first], first.ByteSize()
        while self._waiting and (size := size + self._waiting[0].ByteSize()) <= BATCH_BYTES:
            messages.append(self._waiting.popleft())
        return wire.ToWorker(batch=wire.Batch(messages=messages)) if len(messages) > 1 else first

    def serve(self, run: str, stores: tuple[Store, ...], logs: str) -> None:
        """See PoolLink."""
        self._plans.clear()
        self.send(wire.ToWorker(serve=wire.Serve(run=run, stores=to_json(stores, tuple[Store, ...]), logs=logs)))

    def feed(self, update: ExchangeFeed) -> None:
        """See WorkerLink."""
        self.send(wire.ToWorker(feed=wire.Feed(exchange=str(update.exchange), feed=to_json(update))))

    def launch(self, plan: StagedPlan, order: TaskOrder) -> None:
        """See WorkerLink; the plan goes ahead of its first order."""
        if plan.digest not in self._plans:
            self._plans.add(plan.digest)
            self.send(wire.ToWorker(stage=wire.StagePlan(digest=plan.digest, stage=to_json(plan.stage))))
        message = wire.Order(attempt=str(order.attempt), code_digest=plan.code_digest, order=to_json(order))
        self.send(wire.ToWorker(launch=wire.Launch(orders=[message])))

    def cancel(self, attempt: AttemptId) -> None:
        """See WorkerLink."""
        self.send(wire.ToWorker(cancel=wire.Cancel(attempt=str(attempt))))

    def release(self, run: str, exchange: ExchangeId) -> None:
        """See WorkerLink."""
        self.send(wire.ToWorker(release=wire.Release(exchange=str(exchange), run=run)))

    def forget(self, run: str) -> None:
        """See PoolLink."""
        self.send(wire.ToWorker(release=wire.Release(run=run)))

    def stop(self) -> None:
        """See WorkerLink."""
        self.send(wire.ToWorker(stop=wire.Stop()))


class CoordinatorServer:
    """Serves workers on ``address`` (``unix:PATH`` or ``host:port``), and tells ``pool`` of them.

    With ``tls`` every client needs a certificate that carries the pool's name. Raises ClusterError for an address that
    cannot be listened on.
    """

    def __init__(self, address: str, pool: WorkerEvents, token: str = "", tls: TlsFiles | None = None) -> None:
        self._pool = pool
        self._token = token
        self._tls = tls
        self._links: set[StreamLink] = set()
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
        handler = grpc.stream_stream_rpc_method_handler(
            self._work,
            request_deserializer=wire.FromWorker.FromString,
            response_serializer=wire.ToWorker.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(SERVICE, {"Work": handler})
        self._server.add_generic_rpc_handlers((service,))
        self.port = self._bound(address)
        """The TCP port that is listened on, where the address asked for any free one (0)."""

    def _bound(self, address: str) -> int:
        try:
            if self._tls is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, server_credentials(self._tls)))
        except RuntimeError as error:
            raise ClusterError(f"workers cannot be served: {error}", place=address) from error

    async def start(self) -> None:
        """Begins to serve."""
        await self._server.start()

    async def stop(self) -> None:
        """Sends all workers away and closes."""
        for link in self._links:
            link.stop()
        await self._server.stop(grace=0.5)

    async def _work(
        self, requests: AsyncIterator[wire.FromWorker], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[wire.ToWorker]:
        await self._admit(context)
        hello = (await anext(aiter(requests))).hello
        if not compatible(hello.version, __version__):
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"worker {hello.worker} is version {hello.version}, this coordinator {__version__}: "
                "one minor version apart is accepted; use the same image for both",
            )
        link, worker = StreamLink(batches=hello.takes_batches), WorkerId(hello.worker)
        self._links.add(link)
        link.send(wire.ToWorker(welcome=wire.Welcome(heartbeat_s=HEARTBEAT_S)))
        log(__name__, INFO, "worker joined", worker=worker, slots=hello.slots)
        places = (hello.host, *hello.places)
        volumes = tuple(hello.volumes)
        joined = WorkerJoined(worker, hello.slots, places, hello.output_outlives_worker, volumes)
        self._pool.joined(joined, link, hello.flight_address)
        listening = asyncio.create_task(self._listen(worker, link, requests))
        try:
            async for message in link.outbound():
                yield message
        finally:
            listening.cancel()
            self._links.discard(link)

    async def _admit(self, context: grpc.aio.ServicerContext) -> None:
        """Lets in only who has the pool's token and, with TLS, a certificate of the pool."""
        if self._tls is not None and self._tls.name not in names_of(context.auth_context()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the certificate is of another pool")
        given = dict(context.invocation_metadata() or ()).get(TOKEN_HEADER, "")
        if self._token and not hmac.compare_digest(str(given), self._token):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the pool's token is missing or wrong")

    async def _listen(self, worker: WorkerId, link: StreamLink, requests: AsyncIterator[wire.FromWorker]) -> None:
        reason = LeaveReason.LOST
        try:
            async for message in requests:
                if message.WhichOneof("kind") == "leaving":
                    reason = LeaveReason.DRAINED
                    break
                self._hear(worker, message)
        # gRPC ends a stream with exceptions of many classes, internal ones too when the server stops.
        except Exception as error:  # noqa: BLE001
            log(__name__, INFO, "worker's stream broke", worker=worker, why=repr(error))
        finally:
            self._pool.left(worker, reason)
            link.close()

    def _hear(self, worker: WorkerId, message: wire.FromWorker) -> None:
        """Acts on a message. One that cannot be handled ends the run: it is not the worker's fault, and others that
        say the same would be lost one after the other."""
        try:
            self._take(worker, message)
        except Exception as error:
            what = f"a message of worker {worker} could not be handled: {type(error).__name__}: {error}"
            self._pool.fail(worker, InternalError(what, place="coordinator", remedy="please report this"))
            raise

    def _take(self, worker: WorkerId, message: wire.FromWorker) -> None:
        match message.WhichOneof("kind"):
            case "draining":
                self._pool.draining(worker)
            case "heartbeat":
                beat = message.heartbeat
                self._pool.heartbeat(worker, beat.memory_bytes, beat.peak_bytes)
                for running in beat.running:
                    self._pool.reading(worker, AttemptId.parse(running.attempt), running.rows, running.bytes)
            case "finished":
                self._pool.attempt_finished(worker, from_json(message.finished.result, TaskResult))
            case "failed":
                failed = message.failed
                lost = tuple((ExchangeId.parse(output.exchange), output.task_order) for output in failed.lost)
                error = error_from_dict(json.loads(failed.error))
                self._pool.attempt_failed(worker, AttemptId.parse(failed.attempt), Cause(failed.cause), error, lost)
