"""Containers of pods that end: executors whole, agents that are asked to, leads whose workers go on; same bytes."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gristmill as gm
from gristmill.plan.manifest import load_manifest
from gristmill.wire.reports import RunPhase
from tests.support.pool_here import PodHere, PoolHere, end_family, soon

Content = Callable[[str], list[tuple[int, int, str]]]

SLOW_WORDS = """
import time

def words(name, text):
    time.sleep(0.002)
    for word in text.split():
        yield word, 1

def total(word, counts):
    yield word, sum(counts)
"""

GREEDY_WORDS = """
import os, time

def words(name, text):
    if not os.path.exists(FLAG):
        open(FLAG, "w").close()
        held = bytearray(TAKES)
        for at in range(0, len(held), 4096):
            held[at] = 1
        open(FLAG + ".held", "w").close()
        time.sleep(30)
    for word in text.split():
        yield word, 1

def total(word, counts):
    yield word, sum(counts)
"""


def count(books: str, output: str, code: str = SLOW_WORDS) -> dict[str, Any]:
    """Counts words, over some seconds."""
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {"name": "wordcount", "namespace": "default"},
        "spec": {
            "code": {"inline": {"wordcount.py": code}},
            "input": [{"name": "books", "uri": books, "format": "text", "splitSize": "4KiB"}],
            "map": {"python": "wordcount:words"},
            "reduce": {"python": "wordcount:total"},
            "partitions": 4,
            "output": {"uri": output},
        },
    }


@pytest.fixture
def expected(books: str, bucket: str, content: Content) -> list[tuple[int, int, str]]:
    """What the embedded engine gives for the same job."""
    import json

    gm.run(load_manifest(json.dumps(count(books, f"{bucket}/embedded", SLOW_WORDS.replace("0.002", "0")))))
    return content(f"{bucket}/embedded")


def runs(pod: PodHere) -> bool:
    return pod.main.poll() is None


@pytest.mark.parametrize("where", ["lead", "worker"])
def test_a_whole_executor_container_ends_and_the_agent_with_its_shuffle_lives_on(
    pool: PoolHere, books: str, bucket: str, content: Content, expected: list[tuple[int, int, str]], where: str
) -> None:
    pool.start(workers=1)
    pod = pool.pods[0 if where == "lead" else 1]
    assert soon(lambda: pool.lead.log.count("worker joined") == 2), pool.lead.log
    uid = pool.operator.ask(count(books, f"{bucket}/counts"))
    report = pool.operator.wait(uid, lambda report: report.maps.done > 4)
    pod.kill_executors()
    pod.restart_executors()
    report = pool.operator.complete(uid)
    assert content(f"{bucket}/counts") == expected
    assert all(map(runs, pool.pods))
    assert "executor host is gone" in pod.log
    # No map that was done ran again: only the attempt that was running is in the ledger.
    assert {entry.cause for entry in report.ledger} <= {"executor-lost", "oom"}
    assert len(report.ledger) <= 1, (report.ledger, pod.log)


def test_a_worker_that_is_asked_to_end_finishes_tells_and_leaves(
    pool: PoolHere, books: str, bucket: str, content: Content, expected: list[tuple[int, int, str]]
) -> None:
    pool.start(workers=1)
    uid = pool.operator.ask(count(books, f"{bucket}/counts"))
    pool.operator.wait(uid, lambda report: report.maps.done > 4)
    worker = pool.pods[1]
    for process in worker.processes:  # the kubelet asks all containers at once
        process.send_signal(signal.SIGTERM)
    assert soon(lambda: worker.main.poll() is not None, 30)
    assert worker.main.returncode == 0
    assert soon(lambda: worker.processes[0].poll() is not None, 10)
    report = pool.operator.complete(uid)
    assert report.phase is RunPhase.COMPLETE
    assert content(f"{bucket}/counts") == expected
    assert [entry for entry in report.ledger if entry.cause in ("error", "executor-lost", "oom")] == []


def test_a_worker_outlives_its_lead_and_works_for_the_next(
    pool: PoolHere, books: str, bucket: str, content: Content, expected: list[tuple[int, int, str]]
) -> None:
    pool.start(workers=1)
    uid = pool.operator.ask(count(books, f"{bucket}/counts"))
    pool.operator.wait(uid, lambda report: report.maps.done > 2)
    end_family(pool.lead.main)
    pool.lead.restart()
    pool.operator.complete(uid)
    worker = pool.pods[1]
    assert runs(worker)
    assert "lost the coordinator" in worker.log
    assert soon(lambda: len(set(re.findall(r"worker joined worker=(w-0\S+)", pool.lead.log))) == 2, 10), pool.lead.log
    assert content(f"{bucket}/counts") == expected


def test_a_worker_without_a_lead_ends_at_once_when_asked(pool: PoolHere) -> None:
    pod = pool.add_worker()
    assert soon(lambda: "executor host is there" in pod.log)
    pod.main.terminate()
    assert pod.main.wait(10) == 0


def test_an_executor_is_ended_before_its_container_is(
    pool: PoolHere, books: str, bucket: str, content: Content, expected: list[tuple[int, int, str]], tmp_path: Path
) -> None:
    code = f"FLAG, TAKES = {str(tmp_path / 'flag')!r}, 3 << 30\n{GREEDY_WORDS}"
    pool.start()
    uid = pool.operator.ask(count(books, f"{bucket}/counts", code))
    report = pool.operator.complete(uid)
    assert [entry.cause for entry in report.ledger] == ["oom"]
    assert pool.lead.processes[0].poll() is None
    assert content(f"{bucket}/counts") == expected


def test_a_container_that_ends_with_its_memory_nearly_used_was_out_of_memory(
    pool: PoolHere, books: str, bucket: str, content: Content, expected: list[tuple[int, int, str]], tmp_path: Path
) -> None:
    code = f"FLAG, TAKES = {str(tmp_path / 'flag')!r}, 700 << 20\n{GREEDY_WORDS}"
    pool.start()
    uid = pool.operator.ask(count(books, f"{bucket}/counts", code))
    assert soon((tmp_path / "flag.held").exists)
    time.sleep(0.5)  # the agent looks every 50 ms
    pool.lead.kill_executors()
    pool.lead.restart_executors()
    report = pool.operator.complete(uid)
    assert [entry.cause for entry in report.ledger] == ["oom"]
    assert content(f"{bucket}/counts") == expected


def test_no_secret_of_the_pool_is_in_a_process_list(pool: PoolHere, books: str, bucket: str) -> None:
    from gristmill.worker.processes import family

    pool.start(workers=1)
    uid = pool.operator.ask(count(books, f"{bucket}/counts"))
    pool.operator.wait(uid, lambda report: report.maps.done > 0)
    token = (Path(pool.tls.ca).parent / "token").read_bytes()
    processes = [pid for pod in pool.pods for process in pod.processes for pid in family(process.pid)]
    shown = [Path(f"/proc/{pid}/{what}").read_bytes() for pid in processes for what in ("cmdline", "environ")]
    assert len(processes) >= 6
    assert not any(token in each for each in shown)
    assert os.environ.get("AWS_SECRET_ACCESS_KEY")
    pool.operator.complete(uid)


@pytest.mark.parametrize("port", ["WORKER_PORT", "CLIENT_PORT"])
def test_a_lead_whose_port_is_taken_ends_and_says_which(pool: PoolHere, port: str) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", int(pool.lead.environment[f"GRISTMILL_{port}"])))
        taken.listen()
        pool.start()
        assert pool.lead.main.wait(30) == 7
    assert "lead cannot go on" in pool.lead.log
    assert pool.lead.environment[f"GRISTMILL_{port}"] in pool.lead.log
    assert "Traceback" not in pool.lead.log
