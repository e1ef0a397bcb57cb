"""The command as users run it, small disks, and what must hold after every failure."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.storage.manifest import read_manifest
from gristmill.storage.stores import Stores
from gristmill.storage.sweeping import sweep

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gristmill(tmp_path: Path) -> Command:
    """``gristmill("run", "job.yaml")`` in the test's folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("gristmill")), *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 8 MiB: a tmpfs, which needs root. Without it nothing can be said of full disks, so the test is skipped
    with a word about it."""
    place = Path(tempfile.mkdtemp(prefix="gm-disk-"))  # a short path: workers make sockets below it
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        place.rmdir()
        pytest.skip(f"A FULL DISK IS NOT TESTED: no tmpfs can be mounted here ({mounted.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


@pytest.fixture
def nothing_left_of() -> Callable[[Path], None]:
    """Asserts that a failed job's output has no rows for any reader, and that a sweep leaves no trace of the run."""

    def check(output: Path) -> None:
        stores = Stores()
        assert read_manifest(str(output), stores) is None
        assert [path for path in output.rglob("*") if path.name.startswith(("part-", "_SUCCESS"))] == []
        sweep(str(output), stores)
        left = [path for folder in ("runs", "staged") for path in (output / "_gristmill" / folder).rglob("*")]
        assert [path for path in left if path.is_file()] == []

    return check
