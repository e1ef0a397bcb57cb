"""The embedded tier: worker processes on this machine, driven from the calling process.

The coordinator's loop lives in a thread of its own, so that it works under notebooks too, and the calling thread
waits for it and can interrupt it. Workers that die are replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging import DEBUG
from pathlib import Path
from typing import Any

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.driving import drive
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain
from gristmill.coordinator.pool import Pool
from gristmill.coordinator.progress import ChainState, Progress
from gristmill.coordinator.server import CoordinatorServer
from gristmill.coordinator.snapshot import snapshot
from gristmill.errors import Cancelled, InternalError, InvalidPlan
from gristmill.logs import log
from gristmill.plan.codec import to_json
from gristmill.schedule.config import SchedulerConfig
from gristmill.wire.agent_config import AgentConfig

AGENT_BYTES = 64 << 20
"""What the agent of a worker itself takes of the worker's memory."""
REPORT_EVERY_S = 0.1
REPLACEMENTS_PER_WORKER = 25
"""A worker process that keeps dying without finishing anything is not started for ever."""


MAX_LOCAL_DIR = 107 - len("/gristmill-abcdefgh/w999.99/agent.sock")
"""Bytes: the system's names of sockets end at 107."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What every worker of a session is like. ``memory_bytes`` is for each, with all its processes."""

    workers: int
    memory_bytes: int
    storage_options: str
    cache_dir: Path
    local_dir: Path
    log_level: str
    separate_machines: bool = False
    """Each worker counts as a machine of its own: map output goes over Flight, and is lost with its worker."""

    @property
    def executor_bytes(self) -> int:
        """What is left for a worker's executor."""
        return self.memory_bytes - AGENT_BYTES


class EmbeddedSession:
    """Worker processes of one run, and the folder they share. Starting them early hides what it costs.

    The folder holds their logs and map output; it goes when the session is closed.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self.folder = _new_folder(spec.local_dir)
        self.address = f"unix:{self.folder / 'coordinator.sock'}"
        self.token = secrets.token_urlsafe(16)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._started: dict[int, int] = {}
        try:
            for number in range(spec.workers):
                self._start(number)
        except BaseException:
            self.close()
            raise

    @property
    def separate_machines(self) -> bool:
        """Whether each worker counts as a machine of its own."""
        return self._spec.separate_machines

    def replace_dead(self) -> list[str]:
        """Starts a new worker for each that died; says so. Raises InternalError when that happens without end."""
        messages = []
        for number, process in list(self._processes.items()):
            if process.poll() is not None:
                if self._started[number] > REPLACEMENTS_PER_WORKER:
                    raise self._hopeless(number)
                messages.append(f"worker w{number} died (status {process.returncode}); another takes its place")
                if self._spec.separate_machines:
                    shutil.rmtree(self._home(number, self._started[number] - 1), ignore_errors=True)
                self._start(number)
        return messages

    def _home(self, number: int, incarnation: int) -> Path:
        return self.folder / f"w{number}.{incarnation}"

    def _hopeless(self, number: int) -> InternalError:
        log = self.folder / f"w{number}.log"
        last = log.read_text(errors="replace").strip().splitlines()[-5:]
        return InternalError(
            f"worker process {number} died {self._started[number]} times; it last wrote: {' | '.join(last)}",
            place="worker processes",
            remedy="look for what kills processes on this machine (memory limits, for one)",
        )

    def _start(self, number: int) -> None:
        incarnation = self._started.get(number, 0)
        self._started[number] = incarnation + 1
        spec = self._spec
        config = AgentConfig(
            worker=f"w{number}.{incarnation}",
            coordinator=self.address,
            slots=1,
            memory_bytes=spec.memory_bytes,
            scratch=str(self._home(number, incarnation)),
            outputs=str(self._home(number, incarnation) / "outputs"),
            cache=str(spec.cache_dir),
            storage_options=spec.storage_options,
            sys_path=tuple(os.path.abspath(entry) for entry in sys.path),
            output_outlives_worker=not spec.separate_machines,
            # A codec costs more than a local disk, and less than a network.
            compression="lz4" if spec.separate_machines else "",
            flight_host="127.0.0.1" if spec.separate_machines else "",
            host=f"machine-{number}" if spec.separate_machines else "",
            token=self.token,
            log_level=spec.log_level,
        )
        with (self.folder / f"w{number}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gristmill.worker.agent", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(to_json(config).encode() + b"\n")
            process.stdin.close()
        self._processes[number] = process

    def close(self) -> None:
        """Ends the workers and removes the folder."""
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.3)
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _noted(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for, such as gRPC's ends of broken streams: for the log, not for the user's screen."""
    log(__name__, DEBUG, str(context.get("message", "")), error=context.get("exception"))


def _new_folder(local_dir: Path) -> Path:
    """A folder for one session. Raises InvalidPlan where its path leaves no room for the names of sockets."""
    if len(os.fsencode(local_dir.absolute())) > MAX_LOCAL_DIR:
        raise InvalidPlan(
            f"its path has more than {MAX_LOCAL_DIR} bytes: the names of sockets below it would be too long",
            place=f"local folder {local_dir}",
            remedy="point the environment variable GRISTMILL_LOCAL_DIR to a shorter path",
        )
    return Path(tempfile.mkdtemp(prefix="gristmill-", dir=local_dir))


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
