"""What the kernel of Linux knows of processes: their memory, their children, and how they end with their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LISTINGS = 10
_PR_SET_NAME = 15
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def end_with_parent(parent: int) -> None:
    """Arranges that this process is killed when its parent ends; ends at once if ``parent`` is no longer that."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def call_process(name: str) -> None:
    """Gives this process a name for ``ps`` and ``top``; the system keeps its first 15 bytes."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def family(pid: int) -> Iterator[int]:
    """The process and all its descendants that still run."""
    yield pid
    for child in _children(pid):
        yield from family(child)


def _children(pid: int) -> Iterable[int]:
    """Children belong to the thread that made them, and go to the first thread, which is read last, when it ends."""
    lists = (_content(f"/proc/{pid}/task/{task}/children").split() for task in reversed(_tasks(pid)))
    return dict.fromkeys(int(child) for children in lists for child in children)


def _tasks(pid: int) -> list[str]:
    """Ids of its threads, the first one first. A listing stops short where a thread ends meanwhile, but not twice."""
    found: list[str] = []
    for _ in range(_LISTINGS):
        before, found = found, _names(f"/proc/{pid}/task")
        if found == before:
            break
    return found


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _content(path: str) -> bytes:
    """What a small file below ``/proc`` says, nothing once its process is gone: this is asked many times a second."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def memory_bytes(pid: int | str) -> int:
    """Bytes that the process holds and the system cannot take back: resident less file-backed pages. 0 once gone."""
    fields = _content(f"/proc/{pid}/statm").split()
    return max(0, int(fields[1]) - int(fields[2])) * _PAGE_BYTES if fields else 0


def proportional_bytes(pid: int | str) -> int:
    """``memory_bytes`` with each shared page divided among its holders: exact for forks, and slow to ask for (about
    10 ms for each GiB)."""
    lines = _content(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")))


def kill_group(pid: int) -> None:
    """Kills a child that leads its own group, or is about to, with all that is in the group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def host_identity() -> str:
    """Names this machine since its last start, so that two processes know whether they share disks."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else os.uname().nodename
