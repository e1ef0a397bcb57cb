"""The embedded tier: worker processes on this machine, driven from the calling process.

The coordinator's loop lives in a thread of its own, so that it works under notebooks too, and the calling thread
waits for it and can interrupt it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from logging import DEBUG
from typing import Any

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.driving import drive
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain
from gristmill.coordinator.pool import Pool
from gristmill.coordinator.progress import ChainState, Progress
from gristmill.coordinator.server import CoordinatorServer
from gristmill.coordinator.session import EmbeddedSession
from gristmill.coordinator.snapshot import snapshot
from gristmill.errors import Cancelled
from gristmill.logs import log
from gristmill.schedule.config import SchedulerConfig

REPORT_EVERY_S = 0.1


def _noted(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for, such as gRPC's ends of broken streams: for the log, not for the user's screen."""
    log(__name__, DEBUG, str(context.get("message", "")), error=context.get("exception"))


class EmbeddedDriver:
    """Drives one ChainRun with the workers of a session."""

    def __init__(
        self,
        planned: PlannedChain,
        session: EmbeddedSession,
        outputs: ChainOutputs,
        facts: RunFacts,
        report: Callable[[Progress], None],
    ) -> None:
        # Where all disks are one there is nothing to fetch early, and a slot that waits could do something.
        self.run = ChainRun(planned.graph, facts, SchedulerConfig(early_launch=session.separate_machines))
        self._facts = facts
        self._planned = planned
        self._session = session
        self._outputs = outputs
        self._report = report
        self._interrupted = threading.Event()
        self._ended = threading.Event()
        self._started_s = time.monotonic()
        self._reported_s = 0.0

    def drive(self) -> ChainRun:
        """Runs the chain to its end. Raises what it failed with; to abandon the outputs is the caller's business."""
        failure: list[BaseException] = []
        thread = threading.Thread(target=self._thread, args=(failure,), name="gristmill-coordinator", daemon=True)
        thread.start()
        while not self._ended.is_set():  # not thread.join(): an interrupt there marks a living thread as ended
            try:
                self._ended.wait(0.2)
            except KeyboardInterrupt:
                self._interrupted.set()
        if failure:
            raise failure[0]
        if self.run.error is not None:
            raise self.run.error
        return self.run

    def _thread(self, failure: list[BaseException]) -> None:
        try:
            asyncio.run(self._drive())
        # Handed to the calling thread, which raises it.
        except BaseException as error:  # noqa: BLE001
            failure.append(error)
        finally:
            self._ended.set()

    async def _drive(self) -> None:
        run, pool = self.run, Pool()
        asyncio.get_running_loop().set_exception_handler(_noted)
        server = CoordinatorServer(self._session.address, pool, self._session.token)
        await server.start()
        pool.add(self._facts.run, run, self._planned.graph.stores, time.monotonic())

        def look(state: ChainState) -> None:
            pool.settle(time.monotonic())
            self._look(state)

        try:
            await drive(run, self._outputs, look)
        finally:
            await server.stop()
        if run.error is not None:
            self._tell(ChainState.CANCELLED if isinstance(run.error, Cancelled) else ChainState.FAILED)
        else:
            self._tell(ChainState.FINISHED)

    def _look(self, state: ChainState) -> None:
        if state is ChainState.RUNNING:
            self.run.tally.messages.extend(self._session.replace_dead())
            if self._interrupted.is_set():
                self.run.cancel("interrupted")
        if state is not ChainState.RUNNING or time.monotonic() - self._reported_s >= REPORT_EVERY_S:
            self._tell(state)

    def _tell(self, state: ChainState) -> None:
        self._reported_s = time.monotonic()
        self._report(snapshot(self.run, self._planned.tier, state, self._reported_s - self._started_s))
