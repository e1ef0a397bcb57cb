"""The server of worker processes on this machine: frames over a unix socket, one connection per worker.

No gRPC: its threads hand a message on several times at either end, which on a busy machine took longer than all else
between two tasks. The socket lies in the session's folder, which nobody but the user may enter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from gristmill.coordinator.streams import StreamLink, WorkerEvents, WorkerStreams
from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire


class LocalServer:
    """Serves workers at the socket ``path``, and tells ``pool`` of them."""

    def __init__(self, path: Path, pool: WorkerEvents) -> None:
        self._path = path
        self._streams = WorkerStreams(pool)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to serve."""
        self._server = await asyncio.start_unix_server(self._work, self._path)

    async def stop(self) -> None:
        """Sends all workers away and closes."""
        self._streams.stop()
        if self._server is not None:
            self._server.close()

    async def _work(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await frames.receive(reader, wire.FromWorker())
        if first is None:
            writer.close()
            return
        link = self._streams.open(first.hello)
        sending = asyncio.create_task(_send(link, writer))
        try:
            await self._streams.listen(link, _messages(reader))
        finally:
            sending.cancel()
            writer.close()


async def _send(link: StreamLink, writer: asyncio.StreamWriter) -> None:
    async for messages in link.outbound():
        writer.write(b"".join(map(frames.encode, messages)))
        await writer.drain()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[wire.FromWorker]:
    while (message := await frames.receive(reader, wire.FromWorker())) is not None:
        yield message
