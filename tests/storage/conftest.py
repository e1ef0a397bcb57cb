"""Stores that the storage tests run on: local files, memory, and a real S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.storage.stores import Stores
from tests.support.s3_server import S3Server, running_s3_server, server_binary


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    binary = server_binary()
    if binary is None:
        pytest.skip("needs Go to build the S3 server, or its binary in the cache")
    with running_s3_server(binary) as server:
        yield server


@pytest.fixture
def s3_bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket on the server, which this process's environment points to."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket(f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture(params=["local", "s3", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder's URI on each kind of store."""
    match request.param:
        case "local":
            return str(tmp_path / "place")
        case "s3":
            return f"{request.getfixturevalue('s3_bucket')}/place"
        case _:
            return f"memory://{uuid.uuid4().hex}/place"


@pytest.fixture
def stores() -> Stores:
    return Stores()
