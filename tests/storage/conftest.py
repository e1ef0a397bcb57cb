"""Stores that the storage tests run on: local files, memory, and a real S3 server."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from gristmill.storage.stores import Stores


@pytest.fixture(params=["local", "s3", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder's URI on each kind of store."""
    match request.param:
        case "local":
            return str(tmp_path / "place")
        case "s3":
            return f"{request.getfixturevalue('bucket')}/place"
        case _:
            return f"memory://{uuid.uuid4().hex}/place"


@pytest.fixture
def stores() -> Stores:
    return Stores()
