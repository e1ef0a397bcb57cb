"""The executor: a process that runs the fragments of one job, one task at a time, and may die of it.

A fork of the executor host; it speaks frames over a unix socket with the agent that asked for it. User code runs in its
main thread; a second thread reads the socket. It keeps no state that matters: whatever kills it costs one attempt.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import GristmillError
from gristmill.ids import AttemptId
from gristmill.kernel.environment import TaskEnv
from gristmill.kernel.failures import Failure
from gristmill.kernel.feeds import FeedStore
from gristmill.kernel.task import run_task
from gristmill.kernel.task_log import TaskLog
from gristmill.plan.codec import from_json, to_json
from gristmill.plan.job import Store
from gristmill.plan.stage import Stage
from gristmill.plan.task import ExchangeFeed, TaskOrder
from gristmill.shuffle.blocks import BlockFetcher, LocalFiles
from gristmill.storage.blockcache import IN_FLIGHT, IN_FLIGHT_PART
from gristmill.storage.filesystem import join
from gristmill.storage.stores import Stores
from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.tls import TlsFiles
from gristmill.worker.allocation import keep_freed_memory
from gristmill.worker.layout import executor_folder
from gristmill.worker.pandas_later import import_pandas_later

if TYPE_CHECKING:
    from gristmill.worker.early import EarlyReads

PROGRESS_EVERY_S = 0.25


class Executor:
    """Runs orders from its agent until the agent goes away."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._name = name
        self._connection = connection
        self._sending = threading.Lock()
        self._surroundings: TaskEnv | None = None
        self._stages: dict[str, Stage] = {}
        self._feeds = FeedStore()
        self._logs = ""
        self._orders: queue.SimpleQueue[wire.Order | None] = queue.SimpleQueue()
        self._progress_sent_s = 0.0

    def serve(self) -> None:
        """Runs orders one after the other; returns when the agent has gone."""
        self._send(wire.FromExecutor(ready=wire.ExecutorReady(name=self._name)))
        threading.Thread(target=self._obey, name="agent", daemon=True).start()
        while (order := self._orders.get()) is not None:
            self._send(self._run(order))

    def _obey(self) -> None:
        """Ends the process when the agent has gone, or what it says cannot be done: the agent hears of that."""
        try:
            self._listen()
        except BaseException:  # noqa: BLE001
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        # A task that is still running has nobody to report to: end it as well.
        os._exit(0)

    def _listen(self) -> None:
        while (message := frames.receive_blocking(self._connection, wire.ToExecutor())) is not None:
            kind = message.WhichOneof("kind")
            if kind == "setup":
                self._set_up(message.setup)
            elif kind == "serve":
                self._serve_run(message.serve)
            elif kind == "stage":
                self._stages[message.stage.digest] = from_json(message.stage.stage, Stage)
            elif kind == "feed":
                self._feeds.add(from_json(message.feed.feed, ExchangeFeed))
            elif kind == "order":
                self._orders.put(message.order)

    def _run(self, order_message: wire.Order) -> wire.FromExecutor:
        order = from_json(order_message.order, TaskOrder)
        keep_freed_memory(order.memory_bytes)
        IN_FLIGHT.bytes_ = order.memory_bytes // IN_FLIGHT_PART
        stage = self._stages[order.stage_digest]
        order = replace(order, feeds=tuple(self._feeds.current(read) for read in stage.exchanges_read))
        early = self._early_reads(stage, order)
        task_log = TaskLog()
        environment = self._environment(order, task_log)
        try:
            result = run_task(stage, order, replace(environment, fetch=early) if early else environment)
        # Whatever user code raises must become a report: this is the border of the user's code.
        except BaseException as error:  # noqa: BLE001
            failure = Failure.of(order.attempt.task, error)
            self._keep(task_log, order.attempt, failure.error)
            return wire.FromExecutor(failed=_failed(order, failure))
        finally:
            if early is not None:
                early.close()
        self._keep(task_log, order.attempt, None)
        finished = wire.Finished(attempt=str(order.attempt), result=to_json(result))
        return wire.FromExecutor(finished=finished)

    def _early_reads(self, stage: Stage, order: TaskOrder) -> EarlyReads | None:
        """Begins to fetch, where maps are still running on other machines."""
        assert self._surroundings is not None, "the agent sends the setup first"
        files = self._surroundings.fetch
        if isinstance(files, LocalFiles) or all(feed.sealed for feed in order.feeds):
            return None
        from gristmill.shuffle.flight import WorkerFiles
        from gristmill.worker.early import EarlyReads

        assert isinstance(files, WorkerFiles)
        return EarlyReads(files, self._feeds, stage, order, self._surroundings.scratch / "early")

    def _environment(self, order: TaskOrder, task_log: TaskLog) -> TaskEnv:
        assert self._surroundings is not None, "the agent sends the setup first"

        def said(text: str) -> None:
            task_log.write(text)
            _log(text)

        return replace(
            self._surroundings, log=said, progress=lambda rows, bytes_: self._report(order.attempt, rows, bytes_)
        )

    def _keep(self, task_log: TaskLog, attempt: AttemptId, error: GristmillError | None) -> None:
        """Puts the log where it outlives this process; a store that refuses costs the log, not the attempt."""
        if not self._logs:
            return
        assert self._surroundings is not None, "the agent sends the setup first"
        try:
            task_log.keep(self._logs, attempt, error, self._surroundings.stores)
        except GristmillError as refused:
            _log(f"the log of {attempt} is not kept: {refused}\n")

    def _set_up(self, setup: wire.ExecutorSetup) -> None:
        sys.path[:] = list(setup.sys_path) or sys.path
        scratch = executor_folder(Path(setup.scratch), self._name)
        scratch.mkdir(parents=True, exist_ok=True)
        self._surroundings = TaskEnv(
            stores=Stores((), json.loads(setup.storage_options)),
            scratch=scratch,
            outputs=Path(setup.outputs),
            fetch=_fetcher(setup),
            feed_updates=self._feeds.sealed,
            worker=setup.worker,
            host=setup.host,
            address=setup.flight_address,
            cache=Path(setup.cache_dir) if setup.cache_dir else None,
            compression=setup.compression or None,
        )

    def _serve_run(self, serve: wire.Serve) -> None:
        """Tasks of another run follow."""
        assert self._surroundings is not None, "the agent sends the setup first"
        self._stages.clear()
        self._feeds = FeedStore()
        self._logs = serve.logs
        made, wanted = self._surroundings.stores, from_json(serve.stores, tuple[Store, ...])
        if wanted != made.stores:
            made = Stores(wanted, {**made.options, "weak_commit": made.weak_commit})
        scratch = serve.logs.removesuffix(f"/logs/{serve.run}")
        self._surroundings = replace(
            self._surroundings,
            stores=made,
            feed_updates=self._feeds.sealed,
            requirements=join(scratch, "requirements") if scratch else "",
        )

    def _report(self, attempt: AttemptId, rows: int, bytes_: int) -> None:
        now_s = time.monotonic()
        if now_s - self._progress_sent_s >= PROGRESS_EVERY_S:
            self._progress_sent_s = now_s
            progress = wire.AttemptProgress(attempt=str(attempt), rows=rows, bytes=bytes_)
            self._send(wire.FromExecutor(progress=progress))

    def _send(self, message: wire.FromExecutor) -> None:
        with self._sending, contextlib.suppress(BrokenPipeError):
            self._connection.sendall(frames.encode(message))


def _fetcher(setup: wire.ExecutorSetup) -> BlockFetcher:
    """Files of this machine only, unless the worker serves (and so is served by) others."""
    if not setup.flight_address:
        return LocalFiles()
    from gristmill.shuffle.flight import FlightSecurity, WorkerFiles

    tls = from_json(setup.tls, TlsFiles) if setup.tls else None
    return WorkerFiles(setup.host, FlightSecurity(setup.token, tls))


def _log(text: str) -> None:
    """Standard output of the process is its log."""
    sys.__stdout__.write(text)  # type: ignore[union-attr]


def _failed(order: TaskOrder, failure: Failure) -> wire.Failed:
    return wire.Failed(
        attempt=str(order.attempt),
        cause=failure.cause,
        error=json.dumps(failure.error.to_dict()),
        lost=[wire.LostOutput(exchange=str(exchange), task_order=number) for exchange, number in failure.lost],
    )


def main(socket_path: str, name: str) -> None:
    """Entry point of the process: connects to the agent at ``socket_path``, which calls this executor ``name``."""
    import_pandas_later()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(socket_path)
    Executor(connection, name).serve()
