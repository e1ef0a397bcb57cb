"""An agent's connection to the coordinator of its machine: frames over a unix socket, for as long as both live.

The counterpart of ``coordinator.local_server``. What messages mean is the agent's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from gristmill.errors import InternalError
from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire

DIAL_EVERY_S = 0.01
DIAL_FOR_S = 60.0
"""The coordinator starts its workers before it listens."""


class LocalLink:
    """One worker's way to its coordinator. ``take`` gets each message, and says false when the visit should end."""

    def __init__(self, path: Path, worker: str, take: Callable[[wire.ToWorker], bool]) -> None:
        self._path = path
        self._worker = worker
        self._take = take
        self._writer: asyncio.StreamWriter | None = None
        self._leaving = False

    def send(self, message: wire.FromWorker) -> None:
        """Sends a message; lost where there is no visit."""
        self._leaving = self._leaving or message.WhichOneof("kind") == "leaving"
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frames.encode(message))

    async def visit(self, hello: wire.FromWorker) -> None:
        """Greets the coordinator, and works for it until either ends the connection.

        Raises InternalError if it is not there, or goes without a word.
        """
        reader, self._writer = await self._dialled()
        self.send(hello)
        try:
            while (message := await frames.receive(reader, wire.ToWorker())) is not None:
                if not self._take(message):
                    await self._writer.drain()
                    return
            if not self._leaving:
                raise self._error("has gone")
        finally:
            self._writer.close()
            self._writer = None

    async def _dialled(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Asks until somebody listens."""
        for _ in range(int(DIAL_FOR_S / DIAL_EVERY_S)):
            try:
                return await asyncio.open_unix_connection(self._path)
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(DIAL_EVERY_S)
        raise self._error(f"is not there after {DIAL_FOR_S:.0f} s")

    def _error(self, how: str) -> InternalError:
        return InternalError(f"the coordinator at {self._path} {how}", place=f"worker {self._worker}")
