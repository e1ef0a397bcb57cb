"""The client endpoint of a lead: progress, rows, logs and plan of its runs, over HTTP on loopback (docs/cluster.md).

Whoever may forward ports to pods of the namespace may read it; nothing can be changed here. The lead starts it with its
table of runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import pyarrow as pa
from aiohttp import web

from gristmill.api.rows import open_manifest
from gristmill.coordinator.progress import Progress
from gristmill.errors import ClusterError, GristmillError, InputError
from gristmill.plan.codec import to_json
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores
from gristmill.version import __version__
from gristmill.wire.versions import VERSION_HEADER
from gristmill_worker.changes import Changes
from gristmill_worker.runs import LeadRun
from gristmill_worker.task_logs import TaskLogs

LARGEST_RESULT_BYTES = 256 << 20
PROGRESS_EVERY_S = 0.2
PROGRESS_AT_LEAST_S = 3.0
LOGS_EVERY_S = 1.0
LONGEST_WAIT_S = 60.0


class ClientEndpoint:
    """Serves ``runs``, by uid, on ``port`` of loopback; ``changes`` tells that one has begun or ended."""

    def __init__(self, port: int, pool: str, runs: Mapping[str, LeadRun], changes: Changes) -> None:
        self._port = port
        self._pool = pool
        self._runs = runs
        self._changes = changes
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begins to listen. Raises ClusterError where it cannot."""
        application = web.Application(middlewares=[_errors])
        application.add_routes(
            [
                web.get("/v1/version", self._version),
                web.get("/v1/runs/{uid}/progress", self._progress),
                web.get("/v1/runs/{uid}/result", self._result),
                web.get("/v1/runs/{uid}/logs", self._logs),
                web.get("/v1/runs/{uid}/explain", self._explain),
            ]
        )
        application.on_response_prepare.append(_with_version)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except OSError as error:
            raise ClusterError(f"clients cannot be served: {error.strerror}", place=f"port {self._port}") from error

    async def stop(self) -> None:
        """Closes; answers under way break off."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _run(self, request: web.Request) -> LeadRun:
        run = self._runs.get(request.match_info["uid"])
        if run is None:
            _refuse(404, "this lead has no such run", "It may have ended before this lead began.")
        return run

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": __version__, "pool": self._pool})

    async def _explain(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run.error is not None and not run.explained:
            raise run.error
        if not run.explained:
            _refuse(404, "it is not planned yet", "Ask again in a moment.")
        return web.Response(text=run.explained)

    async def _progress(self, request: web.Request) -> web.StreamResponse:
        run = self._run(request)
        return await _streamed(request, _progress_lines(run, self._changes), "application/jsonl")

    async def _result(self, request: web.Request) -> web.StreamResponse:
        await self._wait_for_end(request.match_info["uid"], _seconds(request.query.get("wait", "")))
        run = self._run(request)
        manifest, stores = _committed(run)
        if sum(part.bytes_ for part in manifest.parts) > LARGEST_RESULT_BYTES:
            limit = f"{LARGEST_RESULT_BYTES >> 20} MiB"
            _refuse(413, f"the result is larger than {limit}", f"Read it where it lies: {manifest.uri}")
        return await _streamed(request, _rows(manifest, stores), "application/vnd.apache.arrow.stream")

    async def _wait_for_end(self, uid: str, seconds: float) -> None:
        """Until that run, of which the lead may not have heard yet, has ended; no longer than ``seconds``."""
        await self._changes.until(lambda: uid in self._runs and self._runs[uid].ended, min(seconds, LONGEST_WAIT_S))

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        run = self._run(request)
        if not run.logs or run.stores is None:
            _refuse(404, "no logs are kept", "Set spec.scratch, or scratch of the pool.")
        logs = TaskLogs(run.logs, run.stores, request.query.get("task", ""))
        follow = request.query.get("follow", "") not in ("", "0", "false")
        return await _streamed(request, _log_lines(run, logs, follow=follow), "text/plain")


async def _with_version(_: web.Request, response: web.StreamResponse) -> None:
    """Every answer says who gives it, so that a client of another version can tell before it reads on."""
    response.headers[VERSION_HEADER] = __version__


@web.middleware  # type: ignore[untyped-decorator]
async def _errors(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Errors that a user can meet, in the form in which they cross processes."""
    try:
        answer: web.StreamResponse = await handler(request)
    except GristmillError as error:
        return web.json_response(error.to_dict(), status=422)
    return answer


def _refuse(status: int, reason: str, remedy: str) -> NoReturn:
    text = json.dumps(InputError(reason, place="lead", remedy=remedy).to_dict())
    if status == 413:
        raise web.HTTPRequestEntityTooLarge(0, 0, text=text, content_type="application/json")
    raise (web.HTTPGone if status == 410 else web.HTTPNotFound)(text=text, content_type="application/json")


def _seconds(text: str) -> float:
    """Of ``wait=30``; nothing else means a wait."""
    return float(text) if text.isdigit() else 0.0


def _committed(run: LeadRun) -> tuple[Manifest, Stores]:
    """The result of a run that has one."""
    if not run.ended:
        _refuse(404, f"it has not finished: {run.phase}", "Wait for its end.")
    if run.result is None or run.stores is None:
        _refuse(410, f"it has no result: {run.error or run.phase}", "")
    return run.result, run.stores


async def _streamed(request: web.Request, chunks: AsyncIterator[bytes], kind: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": kind})
    first = await anext(chunks, b"")  # what fails before the first byte is still an answer of its own
    await response.prepare(request)
    await response.write(first)
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def _progress_lines(run: LeadRun, changes: Changes) -> AsyncIterator[bytes]:
    """How the run stands each time that it changed, and now and then; each message is told once."""
    told, told_s, messages = None, 0.0, 0
    while True:
        ended, look = run.ended, replace(run.progress, messages=tuple(run.messages[messages:]))
        now_s = time.monotonic()
        if look != told or ended or now_s - told_s > PROGRESS_AT_LEAST_S:
            told, told_s, messages = replace(look, messages=()), now_s, messages + len(look.messages)
            yield to_json(look, Progress).encode() + b"\n"
        if ended:
            return
        await changes.until(lambda: run.ended, PROGRESS_EVERY_S)


async def _log_lines(run: LeadRun, logs: TaskLogs, *, follow: bool) -> AsyncIterator[bytes]:
    while True:
        ended = run.ended
        for line in await asyncio.to_thread(logs.news):
            yield line.encode() + b"\n"
        if ended or not follow:
            return
        await asyncio.sleep(LOGS_EVERY_S)


async def _rows(manifest: Manifest, stores: Stores) -> AsyncIterator[bytes]:
    """The rows as an Arrow IPC stream; storage is read in threads, a batch at a time."""
    reader = await asyncio.to_thread(open_manifest, manifest, stores)
    sink = _Chunks()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), reader.schema) as writer:
        yield sink.take()
        while (batch := await asyncio.to_thread(next, reader, None)) is not None:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


class _Chunks:
    """A file that is written by Arrow and emptied by the answer."""

    closed = False

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: Any) -> int:
        """Takes bytes."""
        self._data += memoryview(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since."""
        data, self._data = bytes(self._data), bytearray()
        return data
