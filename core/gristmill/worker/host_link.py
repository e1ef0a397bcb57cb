"""An agent's connection to the executor host: what it asks for, and what it hears of the processes.

The host may be away, or go and come again (in a pod it is a container of its own, which an OOM ends whole): what was
running has then ended, and what is asked for waits for the next host.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from logging import INFO, WARNING

from gristmill.logs import log
from gristmill.wire import frames
from gristmill.wire import host_pb2 as wire

FIRST_RETRY_S = 0.02
LONGEST_RETRY_S = 1.0

_CREDENTIALS = struct.Struct("3i")

NOT_STARTED = "it had not started yet"
HOST_GONE = "the process that starts executors ended, and with it all of them"


class HostLink:
    """Asks the host at ``path`` for executors that dial ``agent_socket``.

    ``started(name, pid)`` and ``ended(name, status, reason)`` are called for each, in order; ``status`` is None where
    the reason says more than a status could.
    """

    def __init__(
        self,
        path: str,
        agent_socket: str,
        worker: str,
        started: Callable[[str, int], None],
        ended: Callable[[str, int | None, str], None],
    ) -> None:
        self._path = path
        self._agent_socket = agent_socket
        self._worker = worker
        self._started = started
        self._ended = ended
        self._wanted: dict[str, wire.StartProcess] = {}
        """What was asked for and has not started."""
        self._running: set[str] = set()
        self._writer: asyncio.StreamWriter | None = None
        self.host_pid: int | None = None
        """The host's process, while it is there."""

    def start(self, name: str, log_file: str) -> None:
        """Has an executor started. Names are not used twice."""
        executor = wire.ExecutorStart(socket=self._agent_socket, worker=self._worker)
        self._wanted[name] = wire.StartProcess(name=name, log=log_file, executor=executor)
        self._send(wire.ToHost(start=self._wanted[name]))

    def kill(self, name: str) -> None:
        """Ends an executor with all that it started, or takes the wish for it back; its end is told as any other."""
        self._send(wire.ToHost(kill=wire.KillProcess(name=name)))
        if self._wanted.pop(name, None) is not None:
            asyncio.get_running_loop().call_soon(self._ended, name, None, NOT_STARTED)

    def _send(self, message: wire.ToHost) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frames.encode(message))

    async def keep(self) -> None:
        """Connects, listens, and connects again, until cancelled."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
                continue
            pause_s = FIRST_RETRY_S
            self.host_pid = _peer_pid(self._writer)
            log(__name__, INFO, "executor host is there")
            for start in self._wanted.values():
                self._send(wire.ToHost(start=start))
            await self._listen(reader)
            self._lost()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while (message := await frames.receive(reader, wire.FromHost())) is not None:
            match message.WhichOneof("kind"):
                case "started":
                    self._wanted.pop(message.started.name, None)
                    self._running.add(message.started.name)
                    self._started(message.started.name, message.started.pid)
                case "ended":
                    ended = message.ended
                    self._wanted.pop(ended.name, None)
                    self._running.discard(ended.name)
                    self._ended(ended.name, None if ended.error else ended.status, ended.error)

    def _lost(self) -> None:
        """What ran has ended. What had not started is for the next host: one that dies may still take connections."""
        log(__name__, WARNING, "executor host is gone", executors=len(self._running))
        self.close()
        gone, self._running = self._running, set()
        for name in sorted(gone):
            self._ended(name, None, HOST_GONE)

    def close(self) -> None:
        """Ends the connection, and so all executors."""
        if self._writer is not None:
            with contextlib.suppress(RuntimeError):
                self._writer.close()
            self._writer = self.host_pid = None


def _peer_pid(writer: asyncio.StreamWriter) -> int | None:
    """The process at the other end, if it is of this pid namespace."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(peer)[0]) or None
