"""Ways to run one small job that the tests of the promises share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gristmill as gm
from gristmill.plan.source import FileSource


@pytest.fixture
def workers() -> dict[str, Any]:
    """Options of gm.run for two worker processes."""
    return {"workers": 2, "memory": "512MiB", "force_distributed": True}


@pytest.fixture
def cut() -> Callable[[gm.Input, int], gm.Input]:
    """The input, cut into splits of about so many bytes."""

    def smaller(given: gm.Input, split_bytes: int) -> gm.Input:
        assert isinstance(given.source, FileSource)
        return replace(given, source=replace(given.source, split_bytes=split_bytes))

    return smaller


@pytest.fixture
def seed(tmp_path: Path) -> gm.Input:
    """An input of one line, for jobs that make their rows themselves."""
    (tmp_path / "seed.txt").write_text("seed\n")
    return gm.text(str(tmp_path / "seed.txt"))


@pytest.fixture
def grouped(seed: gm.Input) -> Callable[[Sequence[Any]], list[tuple[str, list[int]]]]:
    """The groups that a reduce sees for these keys, in its order: the key as it prints, and which of the keys fell
    together."""

    def run(keys: Sequence[Any]) -> list[tuple[str, list[int]]]:
        def give(name: str, line: str) -> Any:
            return [(key, at) for at, key in enumerate(keys)]

        def look(key: Any, values: Any) -> Any:
            yield {"key": repr(key), "rows": list(values)}

        job = gm.Job("groups", input=seed, map=give, reduce=look, rows=True, partitions=1)
        return [(row["key"], row["rows"]) for row in gm.run(job).rows()]

    return run
