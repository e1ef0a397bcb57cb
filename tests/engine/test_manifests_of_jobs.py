"""A job written in Python and its manifest are the same job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import gristmill as gm
from gristmill.errors import InvalidPlan
from gristmill.plan.manifest import load_manifest


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def test_the_manifest_of_a_job_gives_the_same_rows(books: Path) -> None:
    job = gm.Job("wc", input=gm.text(str(books / "*.txt")), map=words, combine=total, reduce=total, partitions=2)
    from_manifest = load_manifest(job.manifest())
    assert gm.run(from_manifest).rows() == gm.run(job).rows()


def test_a_lambda_cannot_stand_in_a_manifest(books: Path) -> None:
    job = gm.Job("wc", input=gm.text(str(books / "*.txt")), map=lambda name, line: [(line, 1)])
    with pytest.raises(InvalidPlan, match="cannot be named in a manifest"):
        job.manifest()


def test_a_job_of_two_sql_inputs_survives_its_manifest(tmp_path: Path) -> None:
    job = gm.Job(
        "revenue",
        input={
            "o": gm.parquet(str(tmp_path / "o.parquet"), map=gm.sql_fragment("SELECT k, c FROM input"), key=["k"]),
            "l": gm.parquet(str(tmp_path / "l.parquet"), map=gm.sql_fragment("SELECT k, p FROM input"), key=["k"]),
        },
        reduce=gm.sql_fragment("SELECT c, sum(p) AS revenue FROM o JOIN l USING (k) GROUP BY c"),
    )
    assert load_manifest(job.manifest()) == job.chain()
