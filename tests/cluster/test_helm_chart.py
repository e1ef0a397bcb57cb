"""The chart on real nodes: `helm test`, an upgrade in the middle of a job, and what an uninstall leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.harness.binaries import program
from tests.cluster.harness.client import wait_for
from tests.cluster.harness.release import Release
from tests.cluster.places import Place

EVERYTHING = (
    "deployments,pods,services,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,leases,jobs,"
    "replicasets,endpointslices"
)
OF_KUBERNETES = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
SLOW_JOB = """
import time

def slow(name, line):
    time.sleep(4)
    yield line.strip(), 1

def total(word, counts):
    yield word, sum(counts)
"""


@pytest.fixture
def release(operator: Release) -> Iterator[Release]:
    """The release that all tests use, as it was after the test."""
    yield operator
    operator.install()


def test_helm_test_counts_words_in_the_demo_server(release: Release) -> None:
    release.install({"stores": [], "demoS3": {**release.values().get("demoS3", {}), "enabled": True}})
    release.client.kubectl("rollout", "status", "deployment/gristmill-demo-s3", "--timeout=60s")
    said = helm_test(release)
    assert "Complete" in said
    assert '"maps": "1/1", "reduces": "2/2"' in said
    assert objects(release, "gristmill-test") == set()


def test_helm_test_says_what_it_could_not_try_without_a_store(release: Release) -> None:
    release.install({"stores": []})
    assert "Operator and lead work. Nothing was written: set scratch" in helm_test(release)


def helm_test(release: Release) -> str:
    """What `helm test` prints; what the pod says comes through its standard error."""
    where = ["--kubeconfig", str(release.client.kubeconfig), "--namespace", release.client.namespace]
    argv = [str(program("helm")), *where, "test", "gristmill", "--timeout", "180s"]
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_an_upgrade_in_the_middle_of_a_job_leaves_the_job_alone(release: Release, place: Place) -> None:
    place.s3.put(f"{place.bucket}/in/a.txt", b"a\nb\na\nb\na\n")
    place.apply("MapReduceJob", "slow", slow_job(place.bucket))
    wait_for(lambda: place.status("mrj", "slow").get("phase") == "Running", 90, "a job that runs")
    (before,) = place.pods(role="lead")
    old = release.operator_pod()
    release.install({"operator": {"podAnnotations": {"upgraded": "yes"}}})
    assert release.operator_pod() != old
    assert place.status("mrj", "slow")["phase"] == "Running", "the job was over before the upgrade"
    status = place.complete("mrj", "slow", 120)
    assert status["leads"] == 1
    assert [pod["metadata"]["uid"] for pod in place.pods(role="lead")] in ([before["metadata"]["uid"]], [])
    assert status["outputs"][0]["rows"] == 2


def slow_job(bucket: str) -> dict[str, Any]:
    return {
        "code": {"inline": {"job.py": SLOW_JOB}},
        "input": [{"name": "lines", "uri": f"{bucket}/in/*.txt", "format": "text"}],
        "map": {"python": "job:slow"},
        "reduce": {"python": "job:total"},
        "partitions": 1,
        "output": {"uri": f"{bucket}/out/"},
    }


def test_uninstall_leaves_nothing_but_definitions(release: Release) -> None:
    release.client.helm("uninstall", "gristmill", "--wait")
    wait_for(lambda: objects(release) <= OF_KUBERNETES, 60, lambda: f"an empty namespace: {objects(release)}")
    cluster_wide = release.client.items(
        "clusterroles,clusterrolebindings,crds", "-l", "app.kubernetes.io/part-of=gristmill"
    )
    assert {found["kind"] for found in cluster_wide} == {"CustomResourceDefinition"}


def objects(release: Release, name: str = "") -> set[str]:
    """What there is in the namespace of the release, events aside."""
    found = release.client.items(EVERYTHING)
    return {f"{o['kind']}/{o['metadata']['name']}" for o in found if name in o["metadata"]["name"]}
