"""The worker agent: takes orders from the coordinator, has executors run them, and outlives their deaths.

One process per worker. It holds a stream to the coordinator, a unix socket for its executors, and serves map output
to other machines. It never touches rows or user code, so nothing a job does can kill it; it also watches that the
worker with all its processes stays within its memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from logging import INFO, WARNING
from pathlib import Path

import grpc

from gristmill.errors import FragmentError, GristmillError, InternalError
from gristmill.ids import ExchangeId
from gristmill.logs import log, set_up
from gristmill.plan.codec import from_json, to_json
from gristmill.shuffle.layout import exchange_folder
from gristmill.version import __version__
from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.agent_config import AgentConfig
from gristmill.wire.protocol import MAX_MESSAGE_BYTES, TOKEN_HEADER, WORK_METHOD
from gristmill.wire.tls import TlsFiles, channel_credentials, channel_options
from gristmill.worker.processes import end_with_parent, host_identity, memory_bytes
from gristmill.worker.slots import Slot

MEMORY_CHECK_EVERY_S = 0.05


class Agent:
    """One worker's agent; ``serve`` runs until the coordinator sends it away or is gone."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._outbound: asyncio.Queue[wire.FromWorker | None] = asyncio.Queue()
        self._queue: deque[wire.Order] = deque()
        self._served = wire.Serve(stores="[]")
        self._stages: dict[str, wire.ToExecutor] = {}
        self._feeds: dict[str, list[wire.ToExecutor]] = {}
        self._scratch = Path(config.scratch)
        self._scratch.mkdir(parents=True, exist_ok=True)
        Path(config.outputs).mkdir(parents=True, exist_ok=True)
        self._socket_path = str(self._scratch / "agent.sock")
        self._slots = [
            Slot(number, self._socket_path, self._scratch, self._replay, self._attempt_died)
            for number in range(config.slots)
        ]
        self._draining = False
        self._peak_bytes = 0
        self._host = config.host or host_identity()
        self._flight_address = ""
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Works until told to stop. Raises GristmillError if the coordinator cannot be reached or refuses."""
        if self._config.flight_host:
            self._flight_address = _serve_outputs(self._config)
        self._send(wire.FromWorker(hello=self._hello()))  # before anything else, such as an early SIGTERM
        server = await asyncio.start_unix_server(self._executor_connected, self._socket_path)
        for slot in self._slots:
            slot.start_executor()
        background = [asyncio.create_task(self._watch())]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._drain)
        try:
            # A worker joins when its executors can run: the time of an attempt is its own.
            await asyncio.gather(*(slot.ready() for slot in self._slots))
            async with _channel(self._config) as channel:
                await self._work(channel)
        finally:
            for task in (*background, *self._running):
                task.cancel()
            for slot in self._slots:
                slot.stop()
            server.close()

    def _drain(self) -> None:
        """Finishes what it has, takes nothing new, then leaves: what SIGTERM asks for."""
        if not self._draining:
            self._draining = True
            self._send(wire.FromWorker(draining=wire.Draining()))
            self._pump()

    async def _work(self, channel: grpc.aio.Channel) -> None:
        method = channel.stream_stream(
            WORK_METHOD,
            request_serializer=wire.FromWorker.SerializeToString,
            response_deserializer=wire.ToWorker.FromString,
        )
        metadata = ((TOKEN_HEADER, self._config.token),) if self._config.token else None
        stream = method(self._outgoing(), metadata=metadata)
        try:
            async for message in stream:
                if not self._take(message):
                    return
        except grpc.aio.AioRpcError as error:
            raise _refusal(error, self._config) from error

    def _hello(self) -> wire.Hello:
        config = self._config
        return wire.Hello(
            worker=config.worker,
            version=__version__,
            slots=config.slots,
            host=self._host,
            flight_address=self._flight_address,
            places=config.places,
            output_outlives_worker=config.output_outlives_worker,
        )

    async def _outgoing(self) -> AsyncIterator[wire.FromWorker]:
        while (message := await self._outbound.get()) is not None:
            yield message

    def _send(self, message: wire.FromWorker) -> None:
        self._outbound.put_nowait(message)

    def _take(self, message: wire.ToWorker) -> bool:
        """Acts on one message of the coordinator; false when the worker should go."""
        match message.WhichOneof("kind"):
            case "welcome":
                self._start(self._beat(message.welcome.heartbeat_s))
            case "serve":
                self._serve_run(message.serve)
            case "stage":
                self._stages[message.stage.digest] = wire.ToExecutor(stage=message.stage)
                self._tell(self._stages[message.stage.digest])
            case "feed":
                frame = wire.ToExecutor(feed=message.feed)
                self._feeds.setdefault(message.feed.exchange, []).append(frame)
                self._tell(frame)
            case "launch":
                self._queue.extend(message.launch.orders)
                self._pump()
            case "cancel":
                self._cancel(message.cancel.attempt)
            case "release":
                self._release(message.release)
            case "drain":
                self._drain()
            case "stop":
                return False
        return True

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _tell(self, frame: wire.ToExecutor) -> None:
        for slot in self._slots:
            slot.tell(frame)

    def _replay(self) -> Iterator[wire.ToExecutor]:
        yield wire.ToExecutor(setup=self._setup())
        yield wire.ToExecutor(serve=self._served)
        yield from self._stages.values()
        for frames_ in self._feeds.values():
            yield from frames_

    def _setup(self) -> wire.ExecutorSetup:
        config = self._config
        return wire.ExecutorSetup(
            scratch=config.scratch,
            outputs=config.outputs,
            worker=config.worker,
            host=self._host,
            flight_address=self._flight_address,
            compression=config.compression,
            storage_options=config.storage_options,
            sys_path=config.sys_path,
            cache_dir=config.cache,
            token=config.token,
            tls=to_json(config.tls, TlsFiles) if config.tls else "",
        )

    def _pump(self) -> None:
        """Gives waiting orders to idle slots; leaves once a drain has nothing more to wait for."""
        for slot in self._slots:
            if slot.attempt is None and self._queue:
                order = self._queue.popleft()
                slot.attempt = order.attempt
                self._start(slot.run(order))
        if self._draining and not self._queue and all(slot.attempt is None for slot in self._slots):
            self._send(wire.FromWorker(leaving=wire.Leaving(reason="drained")))

    def _cancel(self, attempt: str) -> None:
        for order in self._queue:
            if order.attempt == attempt:
                self._queue.remove(order)
                self._fail(attempt, "cancelled", FragmentError("cancelled"))
                return
        for slot in self._slots:
            if slot.attempt == attempt:
                slot.kill("cancelled")

    def _serve_run(self, serve: wire.Serve) -> None:
        """Another run has the worker now. It gets it empty: no attempt of the one before still runs."""
        self._served = serve
        self._stages.clear()
        self._feeds.clear()
        self._tell(wire.ToExecutor(serve=serve))

    def _release(self, release: wire.Release) -> None:
        if release.run == self._served.run:
            self._feeds.pop(release.exchange, None)
        folder = exchange_folder(Path(self._config.outputs), release.run, ExchangeId.parse(release.exchange))
        shutil.rmtree(folder, ignore_errors=True)

    async def _executor_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await frames.receive(reader, wire.FromExecutor())
        slot = next((s for s in self._slots if first is not None and s.adopt(first.ready.pid, writer)), None)
        if slot is None:
            writer.close()
            return
        with contextlib.suppress(asyncio.CancelledError):
            while (message := await frames.receive(reader, wire.FromExecutor())) is not None:
                self._executor_said(slot, message)
            slot.closed(writer)
        writer.close()

    def _executor_said(self, slot: Slot, message: wire.FromExecutor) -> None:
        match message.WhichOneof("kind"):
            case "progress":
                slot.progress = (message.progress.rows, message.progress.bytes)
            case "finished":
                slot.attempt = None
                self._send(wire.FromWorker(finished=message.finished))
                self._pump()
            case "failed":
                slot.attempt = None
                self._send(wire.FromWorker(failed=message.failed))
                self._pump()

    def _attempt_died(self, slot: Slot, attempt: str, why: str) -> None:
        log(__name__, WARNING, "executor died", attempt=attempt, why=why)
        if why == "cancelled":
            self._fail(attempt, "cancelled", FragmentError("cancelled"))
        elif why == "oom":
            self._fail(attempt, "oom", _out_of_memory(attempt, self._config.memory_bytes))
        else:
            remedy = "a crash in native code, os._exit and signals end a process so; see the log of the task"
            self._fail(attempt, "executor-lost", FragmentError(why, place=f"attempt {attempt}", remedy=remedy))
        slot.prepare()
        self._pump()

    def _fail(self, attempt: str, cause: str, error: GristmillError) -> None:
        failed = wire.Failed(attempt=attempt, cause=cause, error=json.dumps(error.to_dict()))
        self._send(wire.FromWorker(failed=failed))

    async def _beat(self, every_s: float) -> None:
        while True:
            running = [
                wire.AttemptProgress(attempt=slot.attempt, rows=slot.progress[0], bytes=slot.progress[1])
                for slot in self._slots
                if slot.attempt is not None
            ]
            used = self._memory_bytes()
            beat = wire.Heartbeat(
                running=running,
                memory_bytes=used,
                peak_bytes=self._peak_bytes,
                disk_free_bytes=shutil.disk_usage(self._scratch).free,
            )
            self._send(wire.FromWorker(heartbeat=beat))
            await asyncio.sleep(every_s)

    def _memory_bytes(self) -> int:
        used = memory_bytes("self") + sum(slot.memory_bytes for slot in self._slots)
        self._peak_bytes = max(self._peak_bytes, used)
        return used

    async def _watch(self) -> None:
        """Ends the largest executor before the worker is over its memory; notices executors that never dialled in."""
        while True:
            if self._memory_bytes() > self._config.memory_bytes:
                largest = max(self._slots, key=lambda slot: slot.memory_bytes)
                log(__name__, WARNING, "over memory: ending the largest executor", slot=largest.number)
                largest.kill("oom")
            for slot in self._slots:
                slot.reap()
            await asyncio.sleep(MEMORY_CHECK_EVERY_S)


def _channel(config: AgentConfig) -> grpc.aio.Channel:
    limits = {"grpc.max_receive_message_length": MAX_MESSAGE_BYTES, "grpc.max_send_message_length": -1}
    options: list[tuple[str, int | str]] = [*limits.items()]
    if config.tls is None:
        return grpc.aio.insecure_channel(config.coordinator, options=options)
    options += channel_options(config.tls)
    return grpc.aio.secure_channel(config.coordinator, channel_credentials(config.tls), options=options)


def _serve_outputs(config: AgentConfig) -> str:
    """Starts to serve map output to other machines; returns the address. Flight brings threads of its own."""
    from gristmill.shuffle.flight import FlightSecurity, ShuffleServer

    security = FlightSecurity(config.token, config.tls)
    server = ShuffleServer(Path(config.outputs), f"{security.scheme}://{config.flight_host}:0", security)
    return f"{security.scheme}://{config.flight_host}:{server.port}"


def _refusal(error: grpc.aio.AioRpcError, config: AgentConfig) -> GristmillError:
    return InternalError(
        f"the coordinator at {config.coordinator} ended the connection: {error.details() or error.code().name}",
        place=f"worker {config.worker}",
    )


def _out_of_memory(attempt: str, limit_bytes: int) -> GristmillError:
    return FragmentError(
        f"the worker was over its {limit_bytes >> 20} MiB, so the executor of this attempt was ended",
        place=f"attempt {attempt}",
        remedy="give workers more memory (--memory), or use more partitions",
    )


def main() -> None:
    """Entry point of the process: reads its AgentConfig from standard input, which then stays open with the parent."""
    config = from_json(sys.stdin.readline(), AgentConfig)
    set_up(config.log_level)
    log(__name__, INFO, "worker starts", worker=config.worker, slots=config.slots)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(Agent(config).serve())
        except GristmillError as error:
            log(__name__, INFO, "worker ends", worker=config.worker, why=error.reason)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    main()
