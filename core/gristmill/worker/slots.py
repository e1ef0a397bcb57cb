"""Slots of a worker: each runs one attempt at a time in an executor process, and survives the executor's death.

Used by the agent, which hands a slot an order and hears what came of it. A slot knows how to have its executor started,
fed, killed and replaced; it does not know what tasks mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire
from gristmill.worker.host_link import HostLink
from gristmill.worker.layout import executor_log

LAST_WORDS_TIMEOUT_S = 1.0
"""So long what an executor said before its end is waited for: a process that it left behind may keep its socket."""


@dataclass(slots=True)
class ExecutorProcess:
    """An executor that was asked for: its process once it runs, and its connection once it has dialled in."""

    name: str
    log: Path
    pid: int | None = None
    code_digest: str = ""
    """Whose code it has loaded; empty while it fits any job."""
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter | None = None
    listening: bool = False
    """Whether there may still be something to hear from it."""
    end: str | None = None
    """How it ended."""

    def send(self, message: wire.ToExecutor) -> None:
        """Queues a frame. What cannot be delivered does not matter: the executor is dying then."""
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(frames.encode(message))


class Slot:
    """Room for one running attempt.

    ``replay`` gives the frames that a new executor must hear first (setup, stages, feeds); ``died`` is called with
    (slot, attempt, why it died) when an executor ends while it runs one. ``start_s``: so long an attempt waits for an
    executor to begin, None: as long as it takes.
    """

    def __init__(
        self,
        number: int,
        log_dir: Path,
        host: HostLink,
        replay: Callable[[], Iterable[wire.ToExecutor]],
        died: Callable[[Slot, str, str], None],
        start_s: float | None,
    ) -> None:
        self.number = number
        self.attempt: str | None = None
        self.progress = (0, 0)
        self._log_dir = log_dir
        self._host = host
        self._replay = replay
        self._died = died
        self._start_s = start_s
        self._executor: ExecutorProcess | None = None
        self._verdict: tuple[str | None, str] = (None, "")
        """The attempt for which the agent killed the executor, and why: ``cancelled``, ``oom``."""
        self._started = 0

    @property
    def pid(self) -> int | None:
        """The executor's process, if one runs."""
        return self._executor.pid if self._executor else None

    def prepare(self) -> None:
        """Has a fresh executor started, so that it is ready when the next order comes."""
        name = f"{self.number}-{self._started}"
        self._started += 1
        self._executor = ExecutorProcess(name, executor_log(self._log_dir, name))
        self._verdict = (None, "")
        self._host.start(name, str(self._executor.log))

    async def ready(self) -> None:
        """Waits until the executor that was asked for has dialled in, or has ended."""
        if self._executor is not None:
            await self._executor.connected.wait()

    def process_started(self, name: str, pid: int) -> None:
        """The host has started an executor; of interest if it is this slot's."""
        if self._executor is not None and self._executor.name == name:
            self._executor.pid = pid

    def process_ended(self, name: str, status: int | None, reason: str) -> None:
        """An executor has ended; if it is this slot's, that is reported once it has been heard to its end."""
        executor = self._executor
        if executor is None or executor.name != name:
            return
        executor.end = reason if status is None else _cause_of_death(status, executor.log)
        if executor.listening:
            asyncio.get_running_loop().call_later(LAST_WORDS_TIMEOUT_S, self._report, executor)
        else:
            self._report(executor)

    def adopt(self, name: str, writer: asyncio.StreamWriter) -> bool:
        """Takes a connection if it comes from this slot's executor."""
        executor = self._executor
        if executor is None or executor.name != name or executor.end is not None:
            return False
        executor.writer = writer
        executor.listening = True
        for message in self._replay():
            executor.send(message)
        executor.connected.set()
        return True

    async def run(self, order: wire.Order) -> None:
        """Hands the order to an executor with the right code, a new one if need be."""
        self.attempt, self.progress = order.attempt, (0, 0)
        executor = self._executor
        loaded = executor.code_digest if executor is not None else ""
        if executor is not None and loaded and order.code_digest not in ("", loaded):
            self._host.kill(executor.name)
            executor = None
        if executor is None:
            self.prepare()
            executor = self._executor
        assert executor is not None
        executor.code_digest = order.code_digest or executor.code_digest
        if not executor.connected.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(executor.connected.wait(), self._start_s)
        if executor is not self._executor:
            return  # it has ended, and its end was reported
        if executor.connected.is_set():
            executor.send(wire.ToExecutor(order=order))
        else:
            self._host.kill(executor.name)
            executor.end = "it did not start"
            self._report(executor)

    def forget_code(self) -> None:
        """Has an executor that has loaded a job's code replaced: what it did to its modules is of that run alone."""
        if self.attempt is None and self._executor is not None and self._executor.code_digest:
            self._host.kill(self._executor.name)
            self.prepare()

    def tell(self, message: wire.ToExecutor) -> None:
        """Passes on a stage or feed; an executor that has not dialled in yet gets it by replay."""
        if self._executor is not None and self._executor.connected.is_set():
            self._executor.send(message)

    def kill(self, verdict: str) -> None:
        """Ends the executor; ``verdict`` says why, for the report on the attempt."""
        self._verdict = (self.attempt, verdict)
        if self._executor is not None:
            self._host.kill(self._executor.name)

    def suspect(self, name: str, verdict: str) -> None:
        """Says why an executor probably ended, where nobody here meant it to."""
        if self._executor is not None and self._executor.name == name and not self._verdict[1]:
            self._verdict = (self.attempt, verdict)

    def abandon(self) -> None:
        """Ends the executor if it runs an attempt, which nobody wants any more, and has another started."""
        if self.attempt is not None:
            self.attempt = None
            if self._executor is not None:
                self._host.kill(self._executor.name)
            self.prepare()

    def hears(self, writer: asyncio.StreamWriter) -> bool:
        """Whether this connection is that of the present executor."""
        return self._executor is not None and self._executor.writer is writer

    def closed(self, writer: asyncio.StreamWriter) -> None:
        """The executor's connection has ended: if it did not end itself, it can do no more good."""
        executor = self._executor
        if executor is None or executor.writer is not writer:
            return
        executor.listening = False
        if executor.end is None:
            self._host.kill(executor.name)
        else:
            self._report(executor)

    def _report(self, executor: ExecutorProcess) -> None:
        """Gives up an executor that has ended, and says so of the attempt that it ran."""
        if executor is not self._executor:
            return
        self._executor = None
        executor.connected.set()
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            self._died(self, attempt, self._verdict_on(attempt) or executor.end or "")

    def _verdict_on(self, attempt: str) -> str:
        """Why the agent ended the attempt; one that came when its predecessor was meant is cancelled, at no cost."""
        meant, verdict = self._verdict
        return verdict if meant in (None, attempt) else "cancelled"


def _cause_of_death(status: int, log: Path) -> str:
    """What to tell a user about an executor that ended by itself."""
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    last = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
    return f"its process ended with {how}" + ("; it last wrote: " + " | ".join(last) if last else "")
