"""What tests share: a real S3 server, how many examples property tests try, and which tests one process runs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

import tests.support.forkable  # noqa: F401 - before any test, or what it imports, imports gRPC: some tests fork
from tests.support.s3_server import S3Server, running_s3_server, server_binary

# The same examples each time, so that a change is not refused for what it has nothing to do with; "deep" looks further.
settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=5_000, derandomize=False)
settings.load_profile("quick")

os.environ.setdefault("GRISTMILL_IDLE_S", "0")  # what one test has started, the next does not meet
CLUSTER = "tests/cluster"


class _OneProcessForTheCluster(LoadFileScheduling):
    """A process for each file, but one for all files on the cluster, of which there is one."""

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER if nodeid.startswith(f"{CLUSTER}/") else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    return _OneProcessForTheCluster(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite on the cluster waits more than it works: first, so that the other process is busy beside it."""
    items.sort(key=lambda item: not item.nodeid.startswith(f"{CLUSTER}/"))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server on loopback, one for all tests of a process."""
    binary = server_binary()
    if binary is None:
        pytest.skip("NO S3 SERVER HERE: it needs Go to be built, or its binary in the cache")
    with running_s3_server(binary) as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new bucket, which the environment of this process points to."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket(f"test-{uuid.uuid4().hex[:12]}")
