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
from collections.abc import Callable, Coroutine, Iterator
from logging import ERROR, INFO, WARNING
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import FragmentError, GristmillError, InternalError
from gristmill.ids import ExchangeId
from gristmill.logs import log, set_up
from gristmill.plan.codec import to_json
from gristmill.shuffle.layout import dropped_folder, dropped_folders, exchange_folder, run_folder
from gristmill.version import __version__
from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.agent_config import AGENT_SOCKET, SOCKET, AgentConfig
from gristmill.wire.tls import TlsFiles
from gristmill.worker.host_link import HostLink
from gristmill.worker.layout import executor_folder, executor_folders, executor_logs
from gristmill.worker.local_link import LocalLink
from gristmill.worker.memory_watch import MemoryWatch
from gristmill.worker.orders import Orders
from gristmill.worker.processes import host_identity
from gristmill.worker.slots import Slot

if TYPE_CHECKING:
    from gristmill.worker.coordinator_link import CoordinatorLink

REDIAL_AFTER_S = 0.5
START_TIMEOUT_S = 60.0


class Agent:
    """One worker's agent; ``serve`` runs until it has drained, or (but for pods) until the coordinator is gone."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._orders = Orders()
        self._scratch = _cleared(Path(config.scratch))
        Path(config.outputs).mkdir(parents=True, exist_ok=True)
        for left in dropped_folders(Path(config.outputs)):
            shutil.rmtree(left, ignore_errors=True)
        self._socket_path = str(self._scratch / AGENT_SOCKET)
        self._link = _link(config, self._take)
        self._executors = HostLink(
            config.executors, self._socket_path, config.worker, self._process_started, self._process_ended
        )
        # In a pod the executors' container starts when the kubelet says so; if not, the status of the pod tells why.
        self._start_s = None if config.pod else START_TIMEOUT_S
        self._slots = [
            Slot(number, self._scratch, self._executors, self._replay, self._attempt_died, self._start_s)
            for number in range(config.slots)
        ]
        self._memory = MemoryWatch(config, self._slots, self._executors)
        self._dropped = 0
        self._visits = 0
        self._visit: asyncio.Task[None] | None = None
        self._welcomed = False
        self._draining = asyncio.Event()
        self._host = config.host or host_identity()
        self._flight_address = ""
        self._running: set[asyncio.Task[None]] = set()
        self._fault: asyncio.Future[None] | None = None
        """Raises what a task of the agent's own raised."""

    async def serve(self) -> None:
        """Works until drained or told to stop; a pod's agent only until drained, whatever coordinators do.

        Raises GristmillError if no executor starts, or the coordinator refuses the worker or goes; in a pod it waits
        for the next.
        """
        Path(self._socket_path).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._executor_connected, self._socket_path)
        self._fault = asyncio.get_running_loop().create_future()
        self._start(self._executors.keep())
        self._start(self._memory.keep(self._busy))
        life = asyncio.create_task(self._live())
        try:
            await asyncio.wait([life, self._fault], return_when=asyncio.FIRST_COMPLETED)
            await (self._fault if self._fault.done() else life)
        finally:
            for task in (life, *self._running):
                task.cancel()
            self._executors.close()
            server.close()

    async def _live(self) -> None:
        if self._config.flight_host:  # in a thread: it takes imports, while the executor host does its own
            self._flight_address = await asyncio.to_thread(_serve_outputs, self._config)
        for slot in self._slots:
            slot.prepare()  # executors are told of the address when they dial in
        await self._executors_ready()
        await self._work()

    def drain(self) -> None:
        """Finishes what it has, takes nothing new, then leaves: what SIGTERM asks for."""
        if self._draining.is_set():
            return
        self._draining.set()
        if self._welcomed:
            self._link.send(wire.FromWorker(draining=wire.Draining()))
            self._pump()
        elif self._visit is not None:
            self._visit.cancel()  # nobody is there who could be told

    async def _executors_ready(self) -> None:
        """A worker joins when its executors can run: the time of an attempt is its own."""
        try:
            async with asyncio.timeout(self._start_s):
                await asyncio.gather(*(slot.ready() for slot in self._slots))
        except TimeoutError:
            place = f"worker {self._config.worker}"
            raise InternalError(f"no executor was there after {START_TIMEOUT_S:.0f} s", place=place) from None

    async def _work(self) -> None:
        """Works for the coordinator; in a pod, for one after the other, as another worker each time."""
        while not self._draining.is_set():
            try:
                await self._visit_coordinator()
            except GristmillError as error:
                if not self._config.pod:
                    raise
                log(__name__, WARNING, "lost the coordinator", why=error.reason)
            if not self._config.pod:
                return
            self._forget_run()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), REDIAL_AFTER_S)

    async def _visit_coordinator(self) -> None:
        hello = wire.FromWorker(hello=self._hello())
        self._visits += 1
        self._visit = asyncio.create_task(self._link.visit(hello))
        await asyncio.wait([self._visit])
        self._welcomed = False
        if not self._visit.cancelled():
            self._visit.result()

    def _forget_run(self) -> None:
        """What was worked on is nobody's any more. Map output stays, and is served: others may be reading it."""
        self._orders.forget()
        for slot in self._slots:
            slot.abandon()

    def _hello(self) -> wire.Hello:
        config = self._config
        return wire.Hello(
            worker=f"{config.worker}-{self._visits}" if self._visits else config.worker,
            version=__version__,
            slots=config.slots,
            host=self._host,
            places=config.places,
            output_outlives_worker=config.output_outlives_worker,
            volumes=config.volumes,
            flight_address=self._flight_address,
            takes_batches=True,
        )

    def _take(self, message: wire.ToWorker) -> bool:
        """Acts on one message of the coordinator; false when the visit is over."""
        match message.WhichOneof("kind"):
            case "welcome":
                self._welcomed = True
                self._start(self._beat(self._visits, message.welcome.heartbeat_s))
            case "serve":
                self._serve_run(message.serve)
            case "stage":
                self._tell(self._orders.stage(message.stage))
            case "feed":
                self._tell(self._orders.feed(message.feed))
            case "launch":
                self._orders.launch(message.launch)
                self._pump()
            case "cancel":
                self._cancel(message.cancel.attempt)
            case "release":
                self._release(message.release)
            case "batch":
                return all(self._take(each) for each in message.batch.messages)
            case "stop":
                return False
        return True

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of the agent's own is over; if it raised, so does ``serve``: half an agent is worse than none."""
        self._running.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log(__name__, ERROR, "a part of the agent ended by a fault", error=repr(error))
        if self._fault is not None and not self._fault.done():
            self._fault.set_exception(error)

    def _tell(self, frame: wire.ToExecutor) -> None:
        for slot in self._slots:
            slot.tell(frame)

    def _replay(self) -> Iterator[wire.ToExecutor]:
        yield wire.ToExecutor(setup=self._setup())
        yield from self._orders.told()

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
            if slot.attempt is None and self._orders:
                order = self._orders.next()
                slot.attempt = order.attempt
                self._start(slot.run(order))
        if self._draining.is_set() and not self._busy():
            self._link.send(wire.FromWorker(leaving=wire.Leaving(reason="drained")))

    def _busy(self) -> bool:
        """Whether there is anything to do, or being done."""
        return bool(self._orders) or any(slot.attempt is not None for slot in self._slots)

    def _cancel(self, attempt: str) -> None:
        if self._orders.withdraw(attempt):
            self._fail(attempt, "cancelled", FragmentError("cancelled"))
            return
        for slot in self._slots:
            if slot.attempt == attempt:
                slot.kill("cancelled")

    def _serve_run(self, serve: wire.Serve) -> None:
        """Another run has the worker now. It gets it empty: no attempt of the one before still runs."""
        self._memory.peak_bytes = 0
        for slot in self._slots:
            slot.forget_code()
        self._tell(self._orders.serve(serve))

    def _release(self, release: wire.Release) -> None:
        outputs = Path(self._config.outputs)
        if not release.exchange:
            self._drop(run_folder(outputs, release.run))
            return
        self._orders.release(release.run, release.exchange)
        self._drop(exchange_folder(outputs, release.run, ExchangeId.parse(release.exchange)))

    def _drop(self, folder: Path) -> None:
        """Has a folder of map output out of the way at once, in case its maps run again, and its files gone soon: large
        ones take longer than an order may wait."""
        self._dropped += 1
        dropped = dropped_folder(Path(self._config.outputs), self._dropped)
        with contextlib.suppress(OSError):  # nothing was written here
            folder.rename(dropped)
            self._start(asyncio.to_thread(shutil.rmtree, dropped, ignore_errors=True))

    async def _executor_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await frames.receive(reader, wire.FromExecutor())
        slot = next((s for s in self._slots if first is not None and s.adopt(first.ready.name, writer)), None)
        if slot is None:
            writer.close()
            return
        with contextlib.suppress(asyncio.CancelledError):
            while (message := await frames.receive(reader, wire.FromExecutor())) is not None:
                if slot.hears(writer):
                    self._executor_said(slot, message)
            slot.closed(writer)
        writer.close()

    def _executor_said(self, slot: Slot, message: wire.FromExecutor) -> None:
        match message.WhichOneof("kind"):
            case "progress":
                slot.progress = (message.progress.rows, message.progress.bytes)
            case "finished":
                slot.attempt = None
                self._link.send(wire.FromWorker(finished=message.finished))
                self._pump()
            case "failed":
                slot.attempt = None
                self._link.send(wire.FromWorker(failed=message.failed))
                self._pump()

    def _process_started(self, name: str, pid: int) -> None:
        for slot in self._slots:
            slot.process_started(name, pid)

    def _process_ended(self, name: str, status: int | None, reason: str) -> None:
        suspect = self._memory.suspects(status)
        for slot in self._slots:
            if suspect:
                slot.suspect(name, "oom")
            slot.process_ended(name, status, reason)
        folder = executor_folder(self._scratch, name)
        self._start(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    def _attempt_died(self, slot: Slot, attempt: str, why: str) -> None:
        log(__name__, WARNING, "executor died", attempt=attempt, why=why)
        if why == "cancelled":
            self._fail(attempt, "cancelled", FragmentError("cancelled"))
        elif why == "oom":
            self._fail(attempt, "oom", self._memory.exceeded(attempt))
        else:
            remedy = "a crash in native code, os._exit and signals end a process so; see the log of the task"
            self._fail(attempt, "executor-lost", FragmentError(why, place=f"attempt {attempt}", remedy=remedy))
        slot.prepare()
        self._pump()

    def _fail(self, attempt: str, cause: str, error: GristmillError) -> None:
        failed = wire.Failed(attempt=attempt, cause=cause, error=json.dumps(error.to_dict()))
        self._link.send(wire.FromWorker(failed=failed))

    async def _beat(self, visit: int, every_s: float) -> None:
        while self._visits == visit and self._welcomed:
            running = [
                wire.AttemptProgress(attempt=slot.attempt, rows=slot.progress[0], bytes=slot.progress[1])
                for slot in self._slots
                if slot.attempt is not None
            ]
            used = self._memory.measure()
            beat = wire.Heartbeat(running=running, memory_bytes=used, peak_bytes=self._memory.peak_bytes)
            self._link.send(wire.FromWorker(heartbeat=beat))
            await asyncio.sleep(every_s)


def _link(config: AgentConfig, take: Callable[[wire.ToWorker], bool]) -> CoordinatorLink | LocalLink:
    """The way to the coordinator; gRPC is for pods alone, since it costs memory, threads and time to import."""
    if config.coordinator.startswith(SOCKET):
        return LocalLink(Path(config.coordinator.removeprefix(SOCKET)), config.worker, take)
    from gristmill.worker.coordinator_link import CoordinatorLink

    return CoordinatorLink(config, take)


def _cleared(scratch: Path) -> Path:
    """The folder, made, without what the executors of an agent before this one have left: files, and last words."""
    scratch.mkdir(parents=True, exist_ok=True)
    for left in executor_folders(scratch):
        shutil.rmtree(left, ignore_errors=True)
    for last_words in executor_logs(scratch):
        last_words.unlink(missing_ok=True)
    return scratch


def _serve_outputs(config: AgentConfig) -> str:
    """Starts to serve map output to other machines; returns the address. Flight brings threads of its own."""
    from gristmill.shuffle.flight import FlightSecurity, ShuffleServer

    security = FlightSecurity(config.token, config.tls)
    location = f"{security.scheme}://{config.flight_host}"
    server = ShuffleServer(Path(config.outputs), f"{location}:{config.flight_port}", security, _answers(config))
    return f"{location}:{server.port}"


def _answers(config: AgentConfig) -> dict[str, Callable[[bytes], Iterator[bytes]]]:
    """What Flight answers besides: leads that plan over volumes which are mounted here."""
    if not config.volumes:
        return {}
    from gristmill.wire.volume_files import VOLUME_FILES
    from gristmill.worker.volume_files import VolumeFiles

    return {VOLUME_FILES: VolumeFiles(config.volumes).answer}


async def _serve(config: AgentConfig) -> None:
    agent = Agent(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, agent.drain)
    await agent.serve()


def main(config: AgentConfig) -> int:
    """The life of an agent's process; its exit status."""
    set_up(config.log_level)
    log(__name__, INFO, "worker starts", worker=config.worker, slots=config.slots)
    try:
        asyncio.run(_serve(config))
    except GristmillError as error:
        log(__name__, WARNING, "worker ends", worker=config.worker, why=error)
        return error.exit_code
    return 0
