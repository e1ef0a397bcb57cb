"""The worker processes of the embedded tier, and the folder they share; workers that die are replaced.

Made and asked by the thread of ``embedded``, which outlives the runs that share the workers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gristmill.coordinator.worker_host import WorkerEnd, WorkerHost
from gristmill.errors import InternalError, InvalidPlan
from gristmill.wire.agent_config import AgentConfig

AGENT_BYTES = 64 << 20
"""What the agent of a worker itself takes of the worker's memory."""
REPLACEMENTS_PER_WORKER = 25
"""A worker process that keeps dying is not started for ever: so often while the same runs go on."""
OUTPUTS = "outputs"
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
    """Worker processes. The folder holds their logs and map output; it goes when the session is closed."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self.folder = _new_folder(spec.local_dir)
        self.address = f"unix:{self.folder / 'coordinator.sock'}"
        self.token = secrets.token_urlsafe(16)
        self._incarnations = [-1] * spec.workers
        self._deaths = [0] * spec.workers
        self._host_deaths = 0
        self._host: WorkerHost | None = None
        try:
            self._host = self._new_host()
        except BaseException:
            self.close()
            raise

    def forgive(self) -> None:
        """A new run begins: how often workers have died before is not held against them."""
        self._deaths = [0] * self._spec.workers
        self._host_deaths = 0

    def replace_dead(self) -> list[str]:
        """Starts a new worker for each that died; says so. Raises InternalError when that happens without end."""
        assert self._host is not None
        alive, ends = self._host.alive, self._host.ended()
        if not alive:
            return self._replace_host()
        messages = []
        for end in ends:
            number, incarnation = _parsed(end.name)
            if incarnation == self._incarnations[number]:
                messages.append(f"worker w{number} died ({_how(end)}); another takes its place")
                self._bury(number)
                self._start_next(self._host, number)
        return messages

    def _replace_host(self) -> list[str]:
        """All workers have ended with their host."""
        self._host_deaths += 1
        if self._host_deaths > REPLACEMENTS_PER_WORKER:
            raise self._hopeless("the process that starts workers", self._host_deaths, self.folder / "host.log")
        assert self._host is not None
        self._host.close()
        self._host = self._new_host()
        return ["the process that starts workers died; others take their place"]

    def _new_host(self) -> WorkerHost:
        host = WorkerHost(self.folder, remote=self._spec.separate_machines)
        for number in range(self._spec.workers):
            self._start_next(host, number)
        return host

    def _bury(self, number: int) -> None:
        """Takes a death down. Raises InternalError where there were too many."""
        self._deaths[number] += 1
        if self._deaths[number] > REPLACEMENTS_PER_WORKER:
            raise self._hopeless(f"worker process {number}", self._deaths[number], self._log(number))

    def _start_next(self, host: WorkerHost, number: int) -> None:
        if self._spec.separate_machines:  # a machine that is gone takes along what it had
            shutil.rmtree(self._home(number, self._incarnations[number]), ignore_errors=True)
        self._incarnations[number] += 1
        host.start(self._config(number, self._incarnations[number], host), self._log(number))

    def _log(self, number: int) -> Path:
        return self.folder / f"w{number}.log"

    def _home(self, number: int, incarnation: int) -> Path:
        return self.folder / f"w{number}.{incarnation}"

    def _config(self, number: int, incarnation: int, host: WorkerHost) -> AgentConfig:
        spec, home = self._spec, self._home(number, incarnation)
        return AgentConfig(
            worker=home.name,
            coordinator=self.address,
            slots=1,
            memory_bytes=spec.memory_bytes,
            executors=str(host.socket_path),
            scratch=str(home),
            outputs=str(home / OUTPUTS),
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

    def _hopeless(self, what: str, times: int, log: Path) -> InternalError:
        last = log.read_text(errors="replace").strip().splitlines()[-5:] if log.exists() else []
        return InternalError(
            f"{what} died {times} times; it last wrote: {' | '.join(last)}",
            place="worker processes",
            remedy="look for what kills processes on this machine (memory limits, for one)",
        )

    def remove_outputs(self, run: str) -> None:
        """Removes the map output of a run that is over."""
        for folder in self.folder.glob(f"w*/{OUTPUTS}/{quote(run, safe='')}"):
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Ends the workers and removes the folder."""
        if self._host is not None:
            self._host.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _parsed(name: str) -> tuple[int, int]:
    """Number and incarnation of a worker."""
    number, _, incarnation = name.removeprefix("w").partition(".")
    return int(number), int(incarnation)


def _how(end: WorkerEnd) -> str:
    return end.error or f"status {end.status}"


def _new_folder(local_dir: Path) -> Path:
    """A folder for one session. Raises InvalidPlan where its path leaves no room for the names of sockets."""
    if len(os.fsencode(local_dir.absolute())) > MAX_LOCAL_DIR:
        raise InvalidPlan(
            f"its path has more than {MAX_LOCAL_DIR} bytes: the names of sockets below it would be too long",
            place=f"local folder {local_dir}",
            remedy="point the environment variable GRISTMILL_LOCAL_DIR to a shorter path",
        )
    return Path(tempfile.mkdtemp(prefix="gristmill-", dir=local_dir))
