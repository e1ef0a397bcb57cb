"""An API server with the project's resource definitions, for all tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import Api

from tests.cluster.harness.api_only import running_api
from tests.cluster.harness.binaries import CannotRun

CRDS = Path(__file__).resolve().parents[2] / "crds"


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """An API server that serves MapReduceJob, SQLQuery and WorkerPool, with a namespace to itself."""
    try:
        with tempfile.TemporaryDirectory(prefix="gristmill-api-") as folder, running_api(Path(folder)) as kubeconfig:
            api = Api(kubeconfig)
            api.install(CRDS)
            yield api
    except CannotRun as missing:
        pytest.skip(str(missing))
