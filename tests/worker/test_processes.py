"""Memory of process families, and processes that end with their parent."""

import os
import subprocess
import sys
import time

from gristmill.worker.memory import held
from gristmill.worker.processes import family, kill_group, memory_bytes

HOLD = "import time; held = bytearray(64 << 20); print('held', flush=True); time.sleep(60)"


def _start(code: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_memory_counts_what_a_process_holds() -> None:
    process = _start(HOLD)
    try:
        assert 64 << 20 <= memory_bytes(process.pid) < 110 << 20
    finally:
        kill_group(process.pid)
        process.wait()
    assert memory_bytes(process.pid) == 0


def test_children_count_for_their_family() -> None:
    nested = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {HOLD!r}]); time.sleep(60)"
    process = _start(nested)
    try:
        assert len(list(family(process.pid))) == 2
        assert held(process.pid) >= 64 << 20
    finally:
        kill_group(process.pid)
        process.wait()


def test_a_process_ends_when_its_parent_does() -> None:
    orphan = (
        "import os, time; from gristmill.worker.processes import end_with_parent; "
        "end_with_parent(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {orphan!r}]); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
    finally:
        assert pid != os.getpid()
