"""One API server for all tests of the operator that want one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from operator_api import Cluster, Namespace, new_authority

from tests.cluster.harness.api_only import running_api
from tests.cluster.harness.binaries import CannotRun


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real API server with the CRDs."""
    try:
        with running_api(tmp_path_factory.mktemp("api")) as kubeconfig:
            yield Cluster(kubeconfig)
    except CannotRun as error:
        pytest.skip(f"no API server here: {error}")


@pytest.fixture
def namespace(api: Cluster) -> Namespace:
    """A new one."""
    return api.namespace()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files of a certificate authority."""
    return new_authority(tmp_path_factory.mktemp("ca"))
