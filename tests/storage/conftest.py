"""Stores that the storage tests run on: local files, memory, and real servers of S3, Google's and Azure's store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.storage.stores import Stores
from tests.support import azure_server, gcs_server


@pytest.fixture(scope="session")
def gcs() -> Iterator[gcs_server.GcsServer]:
    """A server of Google's store, one for all tests of a process."""
    binary = gcs_server.server_binary()
    if binary is None:
        pytest.skip("NO GCS SERVER HERE: it needs Go to be built, or its binary in the cache")
    with gcs_server.running_gcs_server(binary) as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[azure_server.AzureServer]:
    """A server of Azure's blob store, one for all tests of a process."""
    program = azure_server.server_program()
    if program is None:
        pytest.skip("NO AZURE SERVER HERE: it needs npm to be installed, or its program in the cache")
    with azure_server.running_azure_server(program) as server:
        yield server


@pytest.fixture(params=["local", "s3", "gs", "abfs", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder's URI on each kind of store."""
    match request.param:
        case "local":
            return str(tmp_path / "place")
        case "s3":
            return f"{request.getfixturevalue('bucket')}/place"
        case "memory":
            return f"memory://{uuid.uuid4().hex}/place"
    server = request.getfixturevalue("gcs" if request.param == "gs" else "azure")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"{server.bucket(f'test-{uuid.uuid4().hex[:12]}')}/place"


@pytest.fixture
def stores() -> Stores:
    return Stores()
