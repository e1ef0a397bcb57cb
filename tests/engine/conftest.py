"""Data and observations that tests of the whole engine share."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.worker.processes import family


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Twelve text files of words, some of them more frequent than others."""
    folder = tmp_path / "books"
    folder.mkdir()
    choose = random.Random(7)
    words = [f"w{number}" for number in range(200)]
    weights = [1 / (rank + 1) for rank in range(200)]
    for number in range(12):
        lines = [" ".join(choose.choices(words, weights, k=8)) for _ in range(400)]
        (folder / f"book{number:02}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def engine_processes() -> Callable[[str], list[int]]:
    """Finds the processes below this one that are agents (``agent``) or executors (``executor``)."""
    return _processes


def _processes(kind: str) -> list[int]:
    found = []
    for pid in family(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"gristmill.worker.{kind}".encode() in command:
            found.append(pid)
    return found
