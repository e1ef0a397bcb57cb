"""The worker processes of the embedded tier, and the folder they share; workers that die are replaced.

Made and asked by the thread of ``embedded``, which outlives the runs that share the workers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gristmill.coordinator.worker_host import HOST_SOCKET, WorkerEnd, WorkerHost
from gristmill.errors import InternalError, InvalidPlan
from gristmill.storage.temporary import TemporaryFolder
from gristmill.wire.agent_config import AGENT_SOCKET, SOCKET, AgentConfig

AGENT_BYTES = 64 << 20
"""What the agent of a worker itself takes of the worker's memory."""
REPLACEMENTS_PER_WORKER = 25
"""A run whose worker processes keep dying does not go on for ever: each may die so often."""
OUTPUTS = "outputs"
COORDINATOR_SOCKET = "coordinator.sock"
SOCKET_NAME_BYTES = 107
"""The system's names of sockets are no longer."""


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


@dataclass(frozen=True, slots=True)
class Deaths:
    """How often the processes of a session have died since it began: each worker, by number, and their host."""

    workers: tuple[int, ...]
    host: int


class EmbeddedSession:
    """Worker processes. The folder holds their logs and map output; it goes when the session is closed.

    A worker that takes the place of another has its number and its folder, and an id of its own.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._temporary = _new_folder(spec)
        self.folder = self._temporary.path
        self.socket = self.folder / COORDINATOR_SOCKET
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

    @property
    def deaths(self) -> Deaths:
        """So often processes have died till now."""
        return Deaths(tuple(self._deaths), self._host_deaths)

    def hopeless(self, since: Deaths) -> InternalError | None:
        """Why a run that began when so many had died should not go on; None while it should."""
        if self._host_deaths - since.host > REPLACEMENTS_PER_WORKER:
            died = self._host_deaths - since.host
            return _hopeless("the process that starts workers", died, self.folder / "host.log")
        for number, before in enumerate(since.workers):
            if (died := self._deaths[number] - before) > REPLACEMENTS_PER_WORKER:
                return _hopeless(f"worker process {number}", died, self._log(number))
        return None

    def replace_dead(self) -> list[str]:
        """Starts a new worker for each that died; says so."""
        assert self._host is not None
        alive, ends = self._host.alive, self._host.ended()
        if not alive:
            return self._replace_host()
        messages = []
        for end in ends:
            number, incarnation = _parsed(end.name)
            if incarnation == self._incarnations[number]:
                messages.append(f"worker w{number} died ({_how(end)}); another takes its place")
                self._deaths[number] += 1
                self._start_next(self._host, number)
        return messages

    def _replace_host(self) -> list[str]:
        """All workers have ended with their host."""
        self._host_deaths += 1
        assert self._host is not None
        self._host.close()
        self._host = self._new_host()
        return ["the process that starts workers died; others take their place"]

    def _new_host(self) -> WorkerHost:
        host = WorkerHost(self.folder, remote=self._spec.separate_machines)
        for number in range(self._spec.workers):
            self._start_next(host, number)
        return host

    def _start_next(self, host: WorkerHost, number: int) -> None:
        if self._spec.separate_machines:  # a machine that is gone takes along what it had
            shutil.rmtree(self._home(number), ignore_errors=True)
        self._incarnations[number] += 1
        host.start(self._config(number, self._incarnations[number], host), self._log(number))

    def _log(self, number: int) -> Path:
        return self.folder / f"w{number}.log"

    def _home(self, number: int) -> Path:
        return self.folder / _home_name(number)

    def _config(self, number: int, incarnation: int, host: WorkerHost) -> AgentConfig:
        spec, home = self._spec, self._home(number)
        return AgentConfig(
            worker=f"{home.name}.{incarnation}",
            coordinator=f"{SOCKET}{self.socket}",
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

    def remove_outputs(self, run: str) -> None:
        """Removes the map output of a run that is over: also what its agents, who were told to, have not removed yet,
        and what workers wrote whose successors never served the run, and so are not told."""
        for folder in self.folder.glob(f"w*/{OUTPUTS}/{quote(run, safe='')}"):
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Ends the workers and removes the folder."""
        if self._host is not None:
            self._host.close()
        self._temporary.remove()


def _home_name(number: int) -> str:
    return f"w{number}"


def _parsed(name: str) -> tuple[int, int]:
    """Number and incarnation of a worker."""
    number, _, incarnation = name.removeprefix("w").partition(".")
    return int(number), int(incarnation)


def _how(end: WorkerEnd) -> str:
    return end.error or f"status {end.status}"


def _hopeless(what: str, times: int, log: Path) -> InternalError:
    last = log.read_text(errors="replace").strip().splitlines()[-5:] if log.exists() else []
    return InternalError(
        f"{what} died {times} times; it last wrote: {' | '.join(last)}",
        place="worker processes",
        remedy="look for what kills processes on this machine (memory limits, for one)",
    )


def _new_folder(spec: WorkerSpec) -> TemporaryFolder:
    """A folder for one session. Raises InvalidPlan where its path leaves no room for the names of sockets."""
    folder = TemporaryFolder(spec.local_dir)
    sockets = (COORDINATOR_SOCKET, HOST_SOCKET, f"{_home_name(spec.workers - 1)}/{AGENT_SOCKET}")
    too_many = max(len(os.fsencode(folder.path / name)) for name in sockets) - SOCKET_NAME_BYTES
    if too_many > 0:
        folder.remove()
        raise InvalidPlan(
            f"its path is {too_many} bytes too long: the system would not take the names of sockets below it",
            place=f"local folder {spec.local_dir}",
            remedy="point the environment variable GRISTMILL_LOCAL_DIR to a shorter path",
        )
    return folder
