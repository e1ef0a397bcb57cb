"""The process that an embedded session starts: it imports the engine once, and forks the workers from then on.

Used by the session only. The other end is ``gristmill.worker.host``; they speak frames over a socket that is the host's
standard input, so that the host, and with it all workers, ends with this process whatever kills it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gristmill.plan.codec import to_json
from gristmill.wire import frames
from gristmill.wire import host_pb2 as wire
from gristmill.wire.agent_config import AgentConfig

SEND_TIMEOUT_S = 30.0
END_TIMEOUT_S = 5.0
HOST_SOCKET = "host.sock"
_BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from gristmill.worker.host import main; main()"


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """A worker process that has ended: its exit status, or minus the number of the signal, or why there was none."""

    name: str
    status: int
    error: str = ""


class WorkerHost:
    """A running host; workers are started through it, and end with it.

    ``folder`` takes its socket and its log. ``remote``: data or workers are elsewhere, which takes more imports.
    Raises OSError where no process can be started.
    """

    def __init__(self, folder: Path, *, remote: bool) -> None:
        self.socket_path = folder / HOST_SOCKET
        self.log = folder / "host.log"
        self._incoming = frames.Incoming()
        self._connection, theirs = socket.socketpair()
        package = str(Path(__file__).parents[2])
        command = [sys.executable, "-P", "-c", _BOOT, package, str(self.socket_path), str(os.getpid())]
        with theirs, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *(["remote"] if remote else [])],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def start(self, config: AgentConfig, log: Path) -> None:
        """Has a worker started; if the host is dying, ``alive`` says so soon."""
        agent = wire.AgentStart(config=to_json(config))
        message = wire.ToHost(start=wire.StartProcess(name=config.worker, log=str(log), agent=agent))
        self._connection.settimeout(SEND_TIMEOUT_S)
        with contextlib.suppress(OSError):
            self._connection.sendall(frames.encode(message))

    def ended(self) -> list[WorkerEnd]:
        """The workers that have ended since this was asked last. Does not wait."""
        found: list[WorkerEnd] = []
        while data := self._arrived():
            messages = self._incoming.feed(data, wire.FromHost)
            ends = (message.ended for message in messages if message.WhichOneof("kind") == "ended")
            found += [WorkerEnd(end.name, end.status, end.error) for end in ends]
        return found

    def _arrived(self) -> bytes:
        self._connection.settimeout(0)
        try:
            return self._connection.recv(1 << 16)
        except OSError:
            return b""

    def close(self) -> None:
        """Ends the host with all workers, and waits for that."""
        self._connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self._process.kill()
        self._process.wait()
