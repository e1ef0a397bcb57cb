"""The embedded tier: worker processes on this machine that stay from run to run, and the loop that drives their runs.

The loop lives in a thread of its own, so that it works under notebooks too; the worker processes are children of that
thread, since the system ends them with it. Calling threads wait for their runs and can interrupt them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, wait
from functools import partial
from logging import DEBUG
from typing import Any

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.driving import QUIET_S, drive, drop_late_parts, quiet
from gristmill.coordinator.local_server import LocalServer
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain
from gristmill.coordinator.pool import Pool
from gristmill.coordinator.progress import ChainState, Progress
from gristmill.coordinator.session import Deaths, EmbeddedSession, WorkerSpec
from gristmill.coordinator.snapshot import snapshot
from gristmill.errors import Cancelled
from gristmill.logs import log
from gristmill.schedule.config import SchedulerConfig

REPORT_EVERY_S = 0.1
CARE_EVERY_S = 0.1
IDLE_CARE_EVERY_S = 0.5
"""How often it is looked whether workers have died, while something runs and while nothing does."""


class EmbeddedRun:
    """One run: what it executes, where it writes, and who watches. ``interrupted`` asks it to end."""

    def __init__(
        self, planned: PlannedChain, outputs: ChainOutputs, facts: RunFacts, report: Callable[[Progress], None]
    ) -> None:
        self.planned = planned
        self.outputs = outputs
        self.facts = facts
        self.interrupted = False
        self._report = report
        self._started_s = time.monotonic()
        self._reported_s = 0.0

    def look(self, chain: ChainRun, state: ChainState) -> None:
        """Tells who watches, a few times a second."""
        if state is ChainState.RUNNING and self.interrupted:
            chain.cancel("interrupted")
        if state is not ChainState.RUNNING or time.monotonic() - self._reported_s >= REPORT_EVERY_S:
            self._tell(chain, state)

    def look_at_end(self, chain: ChainRun) -> None:
        """Tells who watches how it ended."""
        failed = ChainState.CANCELLED if isinstance(chain.error, Cancelled) else ChainState.FAILED
        self._tell(chain, ChainState.FINISHED if chain.error is None else failed)

    def _tell(self, chain: ChainRun, state: ChainState) -> None:
        self._reported_s = time.monotonic()
        self._report(snapshot(chain, self.planned.tier, state, self._reported_s - self._started_s))


class EmbeddedPool:
    """Worker processes, started at once, and their loop; runs of several threads share them.

    It ends by ``close``, or once nothing has run for ``idle_s`` seconds. So a run begins with ``admit``, but for the
    first, for which it was made; the end of each is told by ``release``.
    """

    def __init__(self, spec: WorkerSpec, idle_s: float) -> None:
        self._spec = spec
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._admitted = 1
        self._idle_since_s = time.monotonic()
        self._open = True
        self._closing = False
        self._fault: BaseException | None = None
        self._ready = threading.Event()
        self._gone = threading.Event()
        self._chains: dict[ChainRun, Deaths] = {}
        """What runs, each with how often workers had died before."""
        self._pool = Pool()
        threading.Thread(target=self._live_in_thread, name="gristmill-coordinator", daemon=True).start()

    def admit(self) -> bool:
        """Whether a run may begin here; if so, ``release`` has to follow."""
        with self._lock:
            self._admitted += self._open
            return self._open

    def release(self) -> None:
        """A run that was admitted is over."""
        with self._lock:
            self._admitted -= 1
            self._idle_since_s = time.monotonic()
        self._look_up()

    def run(self, run: EmbeddedRun) -> ChainRun:
        """Runs the chain to its end. Raises what it failed with; to abandon the outputs is the caller's business."""
        self._ready.wait()
        if self._fault is not None:
            raise self._fault
        driven = self._drive(run)
        try:
            future = asyncio.run_coroutine_threadsafe(driven, self._loop)
        except RuntimeError:  # its loop has ended
            driven.close()
            raise self._why_gone() from None
        while not (future.done() or self._gone.is_set()):
            try:
                wait([future], timeout=0.2)
            except KeyboardInterrupt:
                run.interrupted = True
        future.cancel()  # without effect, unless the loop ended before it began
        try:
            chain = future.result()
        except CancelledError:
            raise self._why_gone() from None
        if chain.error is not None:
            raise chain.error
        return chain

    def _why_gone(self) -> BaseException:
        self._gone.wait()
        return self._fault or Cancelled("its workers were closed", place="gm.run")

    def retire(self) -> None:
        """Takes no more runs, and ends once the last one is over."""
        with self._lock:
            self._open = False
        self._look_up()

    def close(self) -> None:
        """Cancels what runs, ends the workers, and waits for that."""
        self._closing = True
        self.retire()
        self._gone.wait()

    def _look_up(self) -> None:
        """Has the loop see what has changed."""
        if self._ready.is_set():
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._changed.set)

    def _live_in_thread(self) -> None:
        try:
            asyncio.run(self._live())
        # Handed to the calling threads, which raise it.
        except BaseException as error:  # noqa: BLE001
            self._fault = error
        finally:
            with self._lock:
                self._open = False
            self._ready.set()
            self._gone.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_noted)
        self._changed = asyncio.Event()
        self._session = session = EmbeddedSession(self._spec)
        self._quiet_since = session.deaths
        server = LocalServer(session.socket, self._pool)
        try:
            await server.start()
            self._ready.set()
            while not self._is_over():
                await self._take_care()
            await self._end_runs()
        finally:
            session.close()  # first: workers that are gone do not keep the server waiting
            await server.stop()

    def _is_over(self) -> bool:
        """Whether it is time to end; from then on nobody is admitted."""
        with self._lock:
            idle_s = time.monotonic() - self._idle_since_s
            if not self._admitted and idle_s >= self._idle_s:
                self._open = False
            return self._closing or not (self._open or self._admitted)

    async def _take_care(self) -> None:
        """Replaces workers that have died, and waits a while."""
        for message in self._session.replace_dead():
            for chain in self._chains:
                chain.tally.messages.append(message)
        self._give_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), CARE_EVERY_S if self._chains else IDLE_CARE_EVERY_S)
        self._changed.clear()

    def _give_up(self) -> None:
        """Ends what workers die too often for: runs, and this pool, so that the next run gets new workers."""
        for chain in self._going_on():
            if (error := self._session.hopeless(self._chains[chain])) is not None:
                chain.fail(error)
                self._open = False
        if not self._chains and self._session.hopeless(self._quiet_since) is not None:
            self._open = False

    def _going_on(self) -> list[ChainRun]:
        """The chains that still need workers; others have failed, or commit."""
        return [chain for chain in self._chains if not chain.over]

    async def _end_runs(self) -> None:
        for chain in self._going_on():
            chain.cancel("its workers were closed")
        until_s = time.monotonic() + QUIET_S
        while self._chains and time.monotonic() < until_s:
            await asyncio.sleep(CARE_EVERY_S)

    async def _drive(self, run: EmbeddedRun) -> ChainRun:
        # Where all disks are one there is nothing to fetch early, and a slot that waits could do something.
        config = SchedulerConfig(early_launch=self._spec.separate_machines)
        chain = ChainRun(run.planned.graph, run.facts, config)
        self._pool.add(run.facts.run, chain, run.planned.graph.stores, time.monotonic())
        self._chains[chain] = self._session.deaths
        self._changed.set()
        try:
            await self._drive_to_end(chain, run)
        finally:
            del self._chains[chain]
            self._quiet_since = self._session.deaths
        return chain

    async def _drive_to_end(self, chain: ChainRun, run: EmbeddedRun) -> None:
        def look(state: ChainState) -> None:
            self._pool.settle(time.monotonic())
            run.look(chain, state)

        try:
            await drive(chain, run.outputs, look)
        finally:
            if not chain.over:
                chain.cancel("whoever watched it failed")
            self._pool.remove(run.facts.run)
            await quiet(partial(self._pool.busy, run.facts.run))
        await drop_late_parts(chain, run.outputs)
        # Nobody waits for it: no other run's files have these names, and the session ends with its whole folder.
        self._loop.run_in_executor(None, self._session.remove_outputs, run.facts.run)
        run.look_at_end(chain)


def _noted(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for, such as the ends of broken connections: for the log, not for the user's screen."""
    log(__name__, DEBUG, str(context.get("message", "")), error=context.get("exception"))
