"""Background processes of a cluster, known by files under its folder, so that another process can end them later.

A process is told apart by its id and the time it started: an id that was given to somebody else is left alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class Processes:
    """The processes of the cluster in `root`: their ids in `pid/`, what they print in `log/`."""

    def __init__(self, root: Path) -> None:
        self._pids = root / "pid"
        self._logs = root / "log"

    def start(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
        """Start `argv` in a session of its own; its id."""
        for folder in (self._pids, self._logs):
            folder.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(arg) for arg in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                cwd=self._pids,
            )
        (self._pids / name).write_text(f"{process.pid} {_started(process.pid)}")
        return process.pid

    def pid(self, name: str) -> int | None:
        """The id of a process that was started and lives; None of one that does not."""
        with suppress(FileNotFoundError, ValueError):
            pid, started = (self._pids / name).read_text().split()
            if _started(int(pid)) == started:
                return int(pid)
        return None

    def names(self) -> list[str]:
        """What was started, the newest first."""
        files = list(self._pids.iterdir()) if self._pids.is_dir() else []
        return [file.name for file in sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)]

    def stop(self, name: str, patience_s: float = 5.0, how: signal.Signals = signal.SIGTERM) -> None:
        """End a process and wait for it; what does not end in time is killed."""
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, how)
            if not _gone(pid, patience_s):
                _signal(pid, signal.SIGKILL)
                _gone(pid, 5.0)
        (self._pids / name).unlink(missing_ok=True)

    def log(self, name: str, last: int = 4000) -> str:
        """The end of what a process printed."""
        with suppress(FileNotFoundError):
            return (self._logs / f"{name}.log").read_text(errors="replace")[-last:]
        return ""


def children(pid: int) -> list[int]:
    """Ids of the direct children of a process."""
    with suppress(FileNotFoundError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _signal(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, how)


def _gone(pid: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if _started(pid) is None:
            return True
        time.sleep(0.05)
    return False


def _started(pid: int) -> str | None:
    """When the process started, in ticks since boot; None of one that is gone or a zombie."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    return None
