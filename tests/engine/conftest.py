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
    """Finds the processes below this one that are an ``agent``, an ``executor``, or the ``host`` that forks them."""
    return _processes


def _processes(kind: str) -> list[int]:
    name = {"agent": "gm-agent", "executor": "gm-exec", "host": "gm-host"}[kind]
    return [pid for pid in family(os.getpid()) if _name(pid).startswith(name)]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
