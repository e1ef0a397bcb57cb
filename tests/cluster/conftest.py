"""What the tests on real kubelets share: one cluster for all of them, a namespace and a bucket for each.

`GRISTMILL_TEST_CLUSTER=FOLDER` uses the cluster that `make cluster-up` left there, as it is; else one is brought up for
the tests and taken down after them. Where the machine cannot run one, the tests say why and are skipped;
`GRISTMILL_CLUSTER_REQUIRED=1` (CI sets it) lets them fail.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.harness.binaries import CannotRun
from tests.cluster.harness.choice import bring_up, cluster_at
from tests.cluster.harness.release import Release
from tests.cluster.harness.s3 import S3
from tests.cluster.harness.tested import TestedCluster
from tests.cluster.places import Place, new_place

GIVEN = os.environ.get("GRISTMILL_TEST_CLUSTER", "")
_FIRST_TEST_S = 1800  # the first test waits for what all need, built where that was not done yet


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are marked `cluster`; the first may take the time that bringing up the cluster takes."""
    here = [item for item in items if Path(item.path).is_relative_to(Path(__file__).parent)]
    for item in here:
        item.add_marker(pytest.mark.cluster)
    for item in here[:1]:
        item.add_marker(pytest.mark.timeout(_FIRST_TEST_S))


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestedCluster]:
    """A cluster of two nodes, n1 in zone-a and n2 in zone-b, with the images of this checkout."""
    if GIVEN:
        yield cluster_at(Path(GIVEN))
        return
    folder = Path(tempfile.mkdtemp(prefix="gristmill-cluster-"))
    try:
        cluster = bring_up(folder / "c")
    except CannotRun as error:
        if os.environ.get("GRISTMILL_CLUSTER_REQUIRED"):
            raise
        pytest.skip(f"NO TEST CLUSTER HERE: {error}")
    yield cluster
    cluster.down()
    folder.rmdir()


@pytest.fixture(scope="session")
def operator(cluster: TestedCluster) -> Release:
    """Gristmill installed by its chart, ready."""
    release = cluster.release
    if not (GIVEN and release.installed):
        release.install()
    return release


@pytest.fixture
def s3(cluster: TestedCluster) -> S3:
    """The S3 server that pods and tests reach."""
    return cluster.s3


@pytest.fixture(scope="module", autouse=True)
def s3_environment(cluster: TestedCluster) -> Iterator[None]:
    """This process finds the S3 server by its environment, as long as tests here run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.s3.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def place(cluster: TestedCluster, operator: Release) -> Iterator[Place]:
    """A new namespace for jobs, and a new bucket, gone after the test."""
    with new_place(cluster) as place:
        yield place


@pytest.fixture(scope="module")
def module_place(cluster: TestedCluster, operator: Release) -> Iterator[Place]:
    """The same for all tests of a file."""
    with new_place(cluster) as place:
        yield place
