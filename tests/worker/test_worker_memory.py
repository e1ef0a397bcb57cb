"""Memory of forks: what they share counts once, what they take counts in full, and limits are kept by exact figures."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from gristmill.worker.memory import MemoryMeter, held
from gristmill.worker.memory_watch import CHECK_EVERY_S, LONGEST_CHECK_S, next_look_s
from gristmill.worker.processes import family, memory_bytes

MIB = 1 << 20
FORKS = """
import os, sys, time
shared = bytearray(os.urandom(1)) * (64 << 20)
if os.fork() and os.fork():
    print("forked", flush=True)
    sys.stdin.readline()
    own = bytearray(b"x") * (64 << 20)
    print("grown", flush=True)
time.sleep(60)
"""


@pytest.fixture
def forks() -> Iterator[subprocess.Popen[str]]:
    """Three processes that share 64 MiB; the first takes 64 MiB more when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.1)
    yield process
    os.killpg(process.pid, 9)
    process.wait()


def _grow(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()


def test_what_is_held_is_never_less_than_nothing_when_members_end(forks: subprocess.Popen[str]) -> None:
    meter = MemoryMeter(1024 * MIB)
    assert meter.used([forks.pid]) >= 64 * MIB
    for pid in family(forks.pid):
        os.kill(pid, 9)
    deadline = time.monotonic() + 10
    while sum(map(memory_bytes, list(family(forks.pid)))) > 64 * MIB and time.monotonic() < deadline:
        time.sleep(0.001)
    assert 0 <= meter.used([forks.pid]) < 100 * MIB


def test_what_forks_share_counts_once(forks: subprocess.Popen[str]) -> None:
    members = list(family(forks.pid))
    assert len(members) == 3
    assert sum(map(memory_bytes, members)) > 3 * 64 * MIB
    assert 64 * MIB <= held(forks.pid) < 100 * MIB
    assert 64 * MIB <= MemoryMeter(1 << 30).used([forks.pid]) < 100 * MIB


def test_growth_is_seen_at_once_between_exact_figures(forks: subprocess.Popen[str]) -> None:
    meter = MemoryMeter(1 << 30)
    before = meter.used([forks.pid])
    _grow(forks)
    assert 60 * MIB < meter.used([forks.pid]) - before < 80 * MIB


def test_a_limit_is_passed_only_by_what_is_really_held(forks: subprocess.Popen[str]) -> None:
    limit = held(forks.pid) + 32 * MIB
    meter = MemoryMeter(limit)
    assert sum(map(memory_bytes, family(forks.pid))) > limit
    assert all(meter.used([forks.pid]) < limit for _ in range(10))
    _grow(forks)
    assert meter.used([forks.pid]) > limit


def test_processes_that_have_gone_hold_nothing(forks: subprocess.Popen[str]) -> None:
    meter = MemoryMeter(1 << 30)
    meter.used([forks.pid])
    os.killpg(forks.pid, 9)
    forks.wait()
    time.sleep(0.2)
    assert meter.used([forks.pid]) == 0


def test_the_less_memory_is_left_the_sooner_it_is_looked_at() -> None:
    left = [-MIB, 0, 100 * MIB, 500 * MIB, 800 * MIB, 64 << 30]
    waits = [next_look_s(bytes_) for bytes_ in left]
    assert waits == sorted(waits)
    assert (waits[0], waits[2], waits[-1]) == (CHECK_EVERY_S, CHECK_EVERY_S, LONGEST_CHECK_S)
    assert waits[3] == pytest.approx(0.122, abs=0.001)
