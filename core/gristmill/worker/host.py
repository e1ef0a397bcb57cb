"""The executor host: a process without threads that has imported what executors need, and forks them when asked.

Agents ask for executors over a unix socket, and hear there how each ended; what was started for a connection ends with
it. On one machine a session starts one host, which forks its agents too and ends with the session; in a pod it is the
main process of the executor container. It runs no user code, and reads no rows.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from gristmill.wire import frames
from gristmill.wire import host_pb2 as wire
from gristmill.worker.processes import call_process, end_with_parent, kill_group

SOCKET = "executors.sock"
"""The name of the socket below a worker's local folder."""
SEND_TIMEOUT_S = 5.0
NOT_STARTED = 71
"""Exit status of a process that could not be started, or whose first steps failed (EX_OSERR)."""
THREADLESS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps libraries from starting threads while they are imported: a process with threads must not fork."""
FOR_AGENTS = ("gristmill.worker.agent", "gristmill.worker.host_link")
FOR_EXECUTORS = ("numpy", "pyarrow", "pyarrow.compute", "duckdb", "gristmill.worker.executor")
FOR_REMOTE_DATA = ("gristmill.shuffle.flight", "gristmill.worker.early", "gristmill.storage.s3")
FOR_MOST_TASKS = ("numpy.ma", "gristmill.storage.formats.csv", "gristmill.storage.formats.json")
FOR_UPLOADS = ("gristmill.storage.s3_session", "botocore.httpsession", "botocore.client")
QUIET_S = 1.0
"""What the first tasks can do without is imported once a process runs and nothing more was asked for so long."""


@dataclass(eq=False, slots=True)
class _Client:
    """Somebody who asks for processes; ``owner``: the host ends with it."""

    connection: socket.socket
    owner: bool
    incoming: frames.Incoming = field(default_factory=frames.Incoming)
    running: dict[str, int] = field(default_factory=dict)
    """Its processes that were not reaped yet, by name."""

    def send(self, message: wire.FromHost) -> None:
        """Tells it; one that is gone or does not listen will be noticed by the end of its stream."""
        with contextlib.suppress(OSError):
            self.connection.sendall(frames.encode(message))


class ExecutorHost:
    """Listens at ``path``. ``owner``: a connection with whose end all ends; ``imports``: modules to have ready,
    ``later``: those to import when there is nothing to do."""

    def __init__(
        self,
        path: Path,
        imports: tuple[str, ...],
        later: tuple[str, ...] = (),
        owner: socket.socket | None = None,
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._imports = deque(imports)
        self._later = deque(later)
        self._clients: set[_Client] = set()
        self._asked_to_end = False
        self._pid = os.getpid()
        self._environment = dict(os.environ)
        os.environ.update(THREADLESS)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._watch(self._listener, self._accept)
        if owner is not None:
            self._welcome(owner, owner=True)

    def serve(self) -> NoReturn:
        """Starts and buries processes till the owner goes, or SIGTERM came and the last client went."""
        signal.signal(signal.SIGTERM, lambda *_: self._end_when_idle())
        gc.disable()  # imports make no garbage worth looking for
        while True:
            ready = self._selector.select(self._patience_s())
            if not ready and (waiting := self._imports or self._later):
                self._import_next(waiting)
            for key, _ in ready:
                key.data()

    def _patience_s(self) -> float | None:
        """How long to wait for something to happen before the next import; None: there is nothing to import now."""
        if self._imports:
            return 0.0
        return QUIET_S if self._later and any(client.running for client in self._clients) else None

    def _import_next(self, waiting: deque[str]) -> None:
        importlib.import_module(waiting.popleft())
        if not self._imports and not self._later:
            gc.enable()

    def _watch(self, file: socket.socket | int, act: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, act)

    def _accept(self) -> None:
        self._welcome(self._listener.accept()[0], owner=False)

    def _welcome(self, connection: socket.socket, *, owner: bool) -> None:
        connection.settimeout(SEND_TIMEOUT_S)
        client = _Client(connection, owner)
        self._clients.add(client)
        self._watch(connection, lambda: self._hear(client))

    def _hear(self, client: _Client) -> None:
        try:
            data = client.connection.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._farewell(client)
            return
        for message in client.incoming.feed(data, wire.ToHost):
            match message.WhichOneof("kind"):
                case "start":
                    self._start(client, message.start)
                case "kill" if message.kill.name in client.running:
                    kill_group(client.running[message.kill.name])

    def _farewell(self, client: _Client) -> None:
        """Ends what was started for a client that has gone."""
        self._clients.discard(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        for pid in client.running.values():
            kill_group(pid)
        if client.owner:
            self._end()
        if self._asked_to_end:
            self._end_when_idle()

    def _end_when_idle(self) -> None:
        """SIGTERM comes to all containers of a pod at once; the agent may still have work for its executors."""
        self._asked_to_end = True
        if not self._clients:
            self._end()

    def _end(self) -> NoReturn:
        for client in self._clients:
            for pid in client.running.values():
                kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        os._exit(0)

    def _start(self, client: _Client, start: wire.StartProcess) -> None:
        self._prepare(start)
        try:
            pid = os.fork()
        except OSError as error:
            client.send(wire.FromHost(ended=wire.ProcessEnded(name=start.name, status=NOT_STARTED, error=str(error))))
            return
        if pid == 0:
            self._become(start)
        client.running[start.name] = pid
        exit_ = os.pidfd_open(pid)
        self._watch(exit_, lambda: self._bury(client, start.name, exit_))
        client.send(wire.FromHost(started=wire.ProcessStarted(name=start.name, pid=pid)))

    def _prepare(self, start: wire.StartProcess) -> None:
        """Imports what the process will need, so that it and all later ones share it."""
        while self._imports and (start.WhichOneof("what") != "agent" or self._imports[0] in FOR_AGENTS):
            self._import_next(self._imports)
        gc.freeze()  # else the first collection in each child would copy all pages

    def _bury(self, client: _Client, name: str, exit_: int) -> None:
        """A process has ended: what it left running ends too, before its id can become another's."""
        pid = client.running.pop(name)
        self._selector.unregister(exit_)
        os.close(exit_)
        kill_group(pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        client.send(wire.FromHost(ended=wire.ProcessEnded(name=name, status=status)))

    def _become(self, start: wire.StartProcess) -> NoReturn:
        """The life of the child."""
        status = NOT_STARTED
        try:
            os.setsid()
            end_with_parent(self._pid)
            self._let_go()
            gc.enable()
            _write_to(start.log)
            status = _work(start)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(status)

    def _let_go(self) -> None:
        """Closes what belongs to the host, and has the environment again that it was given."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            else:
                os.close(key.fd)
        self._selector.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for name in THREADLESS.keys() - self._environment.keys():
            del os.environ[name]
        os.environ.update(self._environment)


def _write_to(log: str) -> None:
    """Sends both streams of output to a file, line by line; there is no input."""
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _work(start: wire.StartProcess) -> int:
    """Does what the process is for; its exit status."""
    if start.WhichOneof("what") == "agent":
        from gristmill.plan.codec import from_json
        from gristmill.wire.agent_config import AgentConfig
        from gristmill.worker import agent

        config = from_json(start.agent.config, AgentConfig)
        call_process(f"gm-agent {config.worker}")
        return agent.main(config)
    from gristmill.worker import executor

    call_process(f"gm-exec {start.executor.worker}")
    executor.main(start.executor.socket, start.name)
    return 0


def run(
    path: Path, imports: tuple[str, ...], later: tuple[str, ...] = (), owner: socket.socket | None = None
) -> NoReturn:
    """The life of a host process. Raises OSError where the socket cannot be made."""
    call_process("gm-host")
    ExecutorHost(path, imports, later, owner).serve()


def main() -> NoReturn:
    """Entry point on one machine: ``PATH PARENT [remote]``; standard input is the connection of the session."""
    path, parent, *remote = sys.argv[1:]
    end_with_parent(int(parent))
    owner = socket.socket(fileno=os.dup(0))
    imports = FOR_AGENTS + FOR_EXECUTORS + FOR_MOST_TASKS[:1] + (FOR_REMOTE_DATA if remote else ())
    run(Path(path), imports, FOR_MOST_TASKS[1:] + (FOR_UPLOADS if remote else ()), owner)
