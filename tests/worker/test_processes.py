"""Memory of process families, and processes that end with their parent."""

import os
import subprocess
import sys
import threading
import time

import pytest

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


def test_a_family_is_whole_though_the_listing_of_threads_stops_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a thread ends in the midst of it, Linux lists none of those that began after it."""
    whole, listed = os.listdir, []

    def stops_short(folder: str) -> list[str]:
        listed.append(folder)
        return whole(folder)[:1] if listed.count(folder) == 1 else whole(folder)

    def start() -> None:
        children.append(_start("print(flush=True); import time; time.sleep(60)"))
        started.set()
        over.wait()

    children: list[subprocess.Popen[bytes]] = []
    started, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=start)
    thread.start()
    started.wait()
    monkeypatch.setattr(os, "listdir", stops_short)
    try:
        assert children[0].pid in family(os.getpid())
    finally:
        over.set()
        thread.join()
        kill_group(children[0].pid)
        children[0].wait()


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
