"""Death in mid-job on real kubelets: of an executor container, operator, node, namespace. Jobs come out whole."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.embedded import parts, parts_here
from tests.cluster.harness.client import wait_for
from tests.cluster.harness.release import Release
from tests.cluster.harness.tested import TestedCluster
from tests.cluster.places import Place
from tests.cluster.workloads import word_count, write_books

BOOKS = 12
"""Each takes its map task a second."""


@pytest.fixture
def slow_job(place: Place) -> dict[str, Any]:
    """A word count that takes many seconds, running: its first map tasks are done."""
    spec = word_count(write_books(place, "books", BOOKS), f"{place.bucket}/out/", "slow_words", workers=1)
    place.apply("MapReduceJob", "slow", spec)
    wait_for(lambda: _maps_done(place) > 1, 180, lambda: place.report("mrj", "slow"))
    return spec


def test_an_executor_container_killed_whole_costs_its_attempts_and_nothing_else(
    place: Place, slow_job: dict[str, Any]
) -> None:
    lead = place.status("mrj", "slow")["lead"]
    before = _starts(place, lead)
    _kill_container(lead, place.name, "executor")
    status = place.complete("mrj", "slow")
    after = _starts(place, lead)
    assert after["executor"] == before["executor"] + 1
    assert after["agent"] == before["agent"]
    assert status["leads"] == 1
    assert parts(f"{place.bucket}/out/") == parts_here("slow", slow_job, f"{place.bucket}/here/")


def test_a_pools_secret_that_is_lost_before_its_pod_starts_is_made_again(place: Place) -> None:
    label = f"gristmill-test/{place.name}"
    spec = word_count(write_books(place, "books", 2), f"{place.bucket}/out/", workers=0)
    place.apply("MapReduceJob", "late", {**spec, "pod": {"nodeSelector": {label: "here"}}})
    wait_for(place.pods, 30, lambda: place.report("mrj", "late"))
    place.client.kubectl("delete", "secret", "mrj-late-tls")
    try:
        place.client.kubectl("label", "node", "n1", f"{label}=here")
        place.complete("mrj", "late")
    finally:
        place.client.kubectl("label", "node", "n1", f"{label}-")
    assert "PoolSecretMissing" in {event["reason"] for event in place.client.items("events")}


def test_a_job_goes_on_while_its_operator_is_killed_and_comes_back(
    place: Place, slow_job: dict[str, Any], operator: Release
) -> None:
    pods = {pod["metadata"]["uid"] for pod in place.pods()}
    operator.client.kubectl("delete", "pod", operator.operator_pod(), "--grace-period=0", "--force")
    status = place.complete("mrj", "slow")
    assert status["leads"] == 1
    assert {pod["metadata"]["uid"] for pod in place.pods()} & pods
    assert parts(f"{place.bucket}/out/") == parts_here("slow", slow_job, f"{place.bucket}/here/")


def test_a_namespace_deleted_in_mid_job_is_gone_within_a_minute(place: Place, slow_job: dict[str, Any]) -> None:
    begun = time.monotonic()
    place.client.kubectl("delete", "namespace", place.name, "--timeout=60s")
    assert time.monotonic() - begun < 60
    assert place.client.get("namespace", place.name) is None


def test_a_job_outlives_the_node_of_its_worker(place: Place, cluster: TestedCluster) -> None:
    spec = word_count(write_books(place, "books", 3 * BOOKS), f"{place.bucket}/out/", "slow_words", workers=1)
    place.apply("MapReduceJob", "slow", spec)
    home = wait_for(lambda: _node_of(place, "lead"), 120, "a lead with a node")
    with cluster.cordoned(home):
        victim = cluster.nodes[wait_for(lambda: _node_of(place, "worker"), 120, "a worker that is ready")]
        done = _maps_done(place)
        wait_for(lambda: _maps_done(place) > done + 3, 120, lambda: place.report("mrj", "slow"))
        victim.power_cut()
    try:
        status = place.complete("mrj", "slow")
        assert (status["leads"], victim.name) == (1, next(name for name in cluster.nodes if name != home))
        assert parts(f"{place.bucket}/out/") == parts_here("slow", spec, f"{place.bucket}/here/")
    finally:
        cluster.start_node(victim.name)
        cluster.wait_nodes()


def _node_of(place: Place, component: str) -> str:
    """The node of the pod that is the job's lead or its worker, once it is ready."""
    for pod in place.client.items("pods", "-l", f"app.kubernetes.io/component={component}"):
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", [])):
            return str(pod["spec"]["nodeName"])
    return ""


def _maps_done(place: Place) -> int:
    progress = place.status("mrj", "slow").get("progress") or {}
    return int(str(progress.get("maps", "0/0")).partition("/")[0])


def _starts(place: Place, pod: str) -> dict[str, int]:
    """How often each container was started again."""
    statuses = place.client.get("pod", pod)["status"]["containerStatuses"]
    return {status["name"]: int(status["restartCount"]) for status in statuses}


def _kill_container(pod: str, namespace: str, container: str) -> None:
    """Kill all processes of a container at once, as the kernel does on cgroup v2 when one of them is out of memory."""
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            environment = (process / "environ").read_bytes().split(b"\0")
            mine = {b"GRISTMILL_POD=" + pod.encode(), b"GRISTMILL_NAMESPACE=" + namespace.encode()} <= set(environment)
            if mine and _is_of(process, container):
                os.kill(int(process.name), signal.SIGKILL)


def _is_of(process: Path, container: str) -> bool:
    """Executors and their host run in the container `executor`, everything else in `agent`."""
    module = {"executor": b"gristmill_worker.executors"}[container]
    words = (process / "cmdline").read_bytes()
    return module in words or words.startswith((b"gm-host", b"gm-exec"))
