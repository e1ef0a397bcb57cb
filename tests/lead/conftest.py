"""A pool whose processes all run here, with an S3 server as its store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.pool_here import PoolHere
from tests.support.s3_server import S3Server


@pytest.fixture
def books(s3_server: S3Server, bucket: str) -> str:
    """Twelve text files of words in the bucket; the pattern of their URIs."""
    folder = s3_server.root / Path(bucket).name / "books"
    folder.mkdir()
    choose = random.Random(7)
    words = [f"w{number}" for number in range(200)]
    for number in range(12):
        lines = [" ".join(choose.choices(words, k=8)) for _ in range(400)]
        (folder / f"book{number:02}.txt").write_text("\n".join(lines) + "\n")
    return f"{bucket}/books/*.txt"


@pytest.fixture
def pool(bucket: str, s3_server: S3Server) -> Iterator[PoolHere]:
    """A pool that has not started yet; it ends with the test."""
    made = PoolHere({**s3_server.environment(), "GRISTMILL_SCRATCH": f"{bucket}/scratch"})
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def content() -> Callable[[str], list[tuple[int, int, str]]]:
    """Partition, rows and checksum of each part of an output: equal for equal bytes."""
    from gristmill.storage.manifest import read_manifest
    from gristmill.storage.stores import Stores

    def read(uri: str) -> list[tuple[int, int, str]]:
        manifest = read_manifest(uri, Stores())
        assert manifest is not None
        return [(part.partition, part.rows, part.checksum) for part in manifest.parts]

    return read
