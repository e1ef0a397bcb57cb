"""Workers' streams, whatever carries them: what is told a worker, and what it says turned into calls of a Pool.

Used by the servers of both kinds (``server`` for pods, ``local_server`` for one machine). It knows which plans a worker
already has; who is let in is the servers' business.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from logging import INFO
from typing import Protocol

from gristmill.coordinator.links import StagedPlan
from gristmill.errors import GristmillError, InternalError, error_from_dict
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.logs import log
from gristmill.plan.codec import from_json, to_json
from gristmill.plan.job import Store
from gristmill.plan.task import ExchangeFeed, TaskOrder, TaskResult
from gristmill.schedule.events import Cause, LeaveReason, WorkerJoined
from gristmill.wire import wire_pb2 as wire

HEARTBEAT_S = 0.5


class WorkerEvents(Protocol):
    """What the streams tell: the part of a Pool that hears from workers."""

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
    """A worker at the other end of a stream: a PoolLink."""

    def __init__(self, worker: WorkerId) -> None:
        self.worker = worker
        self._waiting: list[wire.ToWorker] = []
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

    async def outbound(self) -> AsyncIterator[list[wire.ToWorker]]:
        """What was sent, as it comes: what has gathered while the stream was busy comes together."""
        while self._waiting or not self._closed:
            if self._waiting:
                waiting, self._waiting = self._waiting, []
                yield waiting
            else:
                self._more.clear()
                await self._more.wait()

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
            self.send(wire.ToWorker(stage=wire.StagePlan(digest=plan.digest, stage=plan.text)))
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


class WorkerStreams:
    """The streams of all workers of ``pool``."""

    def __init__(self, pool: WorkerEvents) -> None:
        self._pool = pool
        self._links: set[StreamLink] = set()

    def open(self, hello: wire.Hello) -> StreamLink:
        """A worker has said hello: it is welcome, and the pool's."""
        link = StreamLink(WorkerId(hello.worker))
        self._links.add(link)
        link.send(wire.ToWorker(welcome=wire.Welcome(heartbeat_s=HEARTBEAT_S)))
        log(__name__, INFO, "worker joined", worker=link.worker, slots=hello.slots)
        places = (hello.host, *hello.places)
        volumes = tuple(hello.volumes)
        joined = WorkerJoined(link.worker, hello.slots, places, hello.output_outlives_worker, volumes)
        self._pool.joined(joined, link, hello.flight_address)
        return link

    def stop(self) -> None:
        """Sends all workers away."""
        for link in self._links:
            link.stop()

    async def listen(self, link: StreamLink, messages: AsyncIterator[wire.FromWorker]) -> None:
        """Hears a worker till its stream ends, which its own then does, too."""
        reason = LeaveReason.LOST
        try:
            async for message in messages:
                if message.WhichOneof("kind") == "leaving":
                    reason = LeaveReason.DRAINED
                    break
                self._hear(link.worker, message)
        # gRPC ends a stream with exceptions of many classes, internal ones too when the server stops.
        except Exception as error:  # noqa: BLE001
            log(__name__, INFO, "worker's stream broke", worker=link.worker, why=repr(error))
        finally:
            self._links.discard(link)
            self._pool.left(link.worker, reason)
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
