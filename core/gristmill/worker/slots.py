"""Slots of a worker: each runs one attempt at a time in an executor process, and survives the executor's death.

Used by the agent, which hands a slot an order and hears what came of it. A slot knows how to start, feed, kill and
bury its executor; it does not know what tasks mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from logging import ERROR
from pathlib import Path

from gristmill.logs import log
from gristmill.wire import wire_pb2 as wire
from gristmill.worker import frames
from gristmill.worker.processes import family_memory_bytes, kill_group

START_TIMEOUT_S = 60.0


@dataclass(slots=True)
class ExecutorProcess:
    """A running executor: its process, and its connection once it has dialled in."""

    process: subprocess.Popen[bytes]
    log: Path
    code_digest: str | None = None
    """Whose code it has loaded; None while it is fresh and fits any job."""
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter | None = None

    def send(self, message: wire.ToExecutor) -> None:
        """Queues a frame. What cannot be delivered does not matter: the executor is dying then."""
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(frames.encode(message))


class Slot:
    """Room for one running attempt.

    ``replay`` gives the frames that a new executor must hear first (setup, stages, feeds); ``report`` takes what the
    executor says; ``died`` is called with (attempt, why it died) when an executor ends while it runs one.
    """

    def __init__(
        self,
        number: int,
        socket_path: str,
        log_dir: Path,
        replay: Callable[[], Iterable[wire.ToExecutor]],
        died: Callable[[Slot, str, str], None],
    ) -> None:
        self.number = number
        self.attempt: str | None = None
        self.progress = (0, 0)
        self._socket_path = socket_path
        self._log_dir = log_dir
        self._replay = replay
        self._died = died
        self._executor: ExecutorProcess | None = None
        self._verdict: tuple[str | None, str] = (None, "")
        """The attempt for which the agent killed the executor, and why: ``cancelled``, ``oom``."""
        self._started = 0

    @property
    def pid(self) -> int | None:
        """The executor's process, if one runs."""
        return self._executor.process.pid if self._executor else None

    @property
    def memory_bytes(self) -> int:
        """What the executor and its children hold now."""
        return family_memory_bytes(self.pid) if self.pid else 0

    def start_executor(self) -> None:
        """Starts a fresh executor, so that it is ready when the first order comes."""
        log = self._log_dir / f"executor-{self.number}-{self._started}.log"
        self._started += 1
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "gristmill.worker.executor", self._socket_path, str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
        self._executor = ExecutorProcess(process, log)
        self._verdict = (None, "")

    def prepare(self) -> None:
        """Starts a fresh executor if the system lets it; else the next order tries again."""
        try:
            self.start_executor()
        except OSError as error:
            log(__name__, ERROR, "no executor could be started", slot=self.number, error=error)

    async def ready(self) -> None:
        """Waits until the executor that was started has dialled in (or has died, which ``reap`` notices)."""
        if self._executor is not None:
            await asyncio.wait_for(self._executor.connected.wait(), START_TIMEOUT_S)

    def adopt(self, pid: int, writer: asyncio.StreamWriter) -> bool:
        """Takes a connection if it comes from this slot's executor."""
        if self._executor is None or self._executor.process.pid != pid:
            return False
        self._executor.writer = writer
        for message in self._replay():
            self._executor.send(message)
        self._executor.connected.set()
        return True

    async def run(self, order: wire.Order) -> None:
        """Hands the order to an executor with the right code, a new one if need be."""
        self.attempt, self.progress = order.attempt, (0, 0)
        executor = self._executor
        if executor is not None and executor.code_digest not in (None, order.code_digest):
            self._bury()
            executor = None
        if executor is None:
            self.prepare()
            executor = self._executor
        if executor is None:
            self.attempt = None
            self._died(self, order.attempt, "no process could be started for it")
            return
        executor.code_digest = order.code_digest
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(executor.connected.wait(), START_TIMEOUT_S)
        if executor is self._executor and executor.connected.is_set():
            executor.send(wire.ToExecutor(order=order))
        elif executor is self._executor:
            self.kill("did not start")

    def tell(self, message: wire.ToExecutor) -> None:
        """Passes on a stage or feed; an executor that has not dialled in yet gets it by replay."""
        if self._executor is not None and self._executor.connected.is_set():
            self._executor.send(message)

    def kill(self, verdict: str) -> None:
        """Ends the executor; ``verdict`` says why, for the report on the attempt."""
        self._verdict = (self.attempt, verdict)
        if self.pid:
            kill_group(self.pid)

    def closed(self, writer: asyncio.StreamWriter) -> None:
        """The executor's connection has ended: buries it and reports the attempt it ran."""
        executor = self._executor
        if executor is None or executor.writer is not writer:
            return
        attempt = self.attempt
        status = self._bury()
        if attempt is not None:
            self.attempt = None
            self._died(self, attempt, self._verdict_on(attempt) or _cause_of_death(status, executor.log))

    def _verdict_on(self, attempt: str) -> str:
        """Why the agent ended the attempt; one that came when its predecessor was meant is cancelled, at no cost."""
        meant, verdict = self._verdict
        return verdict if meant in (None, attempt) else "cancelled"

    def reap(self) -> None:
        """Notices an executor that ended before it dialled in."""
        executor = self._executor
        if executor is None or executor.connected.is_set() or executor.process.poll() is None:
            return
        self._executor = None
        executor.connected.set()
        if self.attempt is not None:
            attempt, self.attempt = self.attempt, None
            self._died(
                self, attempt, self._verdict_on(attempt) or _cause_of_death(executor.process.returncode, executor.log)
            )

    def _bury(self) -> int:
        executor, self._executor = self._executor, None
        assert executor is not None
        kill_group(executor.process.pid)
        return executor.process.wait()

    def stop(self) -> None:
        """Ends the executor without a report."""
        self.attempt = None
        if self._executor is not None:
            self._bury()


def _cause_of_death(status: int, log: Path) -> str:
    """What to tell a user about an executor that ended by itself."""
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    return f"its process ended with {how}" + ("; it last wrote: " + " | ".join(last) if last else "")
