"""Jobs that come to grief at or beside their commit: the caller hears of it, and nothing half done is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import gristmill as gm
from gristmill.errors import OutputExists, StorageError
from gristmill.plan.job import Output
from gristmill.storage import commit, rollforward
from gristmill.storage.manifest import read_manifest
from gristmill.storage.stores import Stores
from gristmill.storage.sweeping import sweep

TIERS = pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


@pytest.fixture
def line(tmp_path: Path) -> str:
    (tmp_path / "line.txt").write_text("a b a\n")
    return str(tmp_path / "line.txt")


def _count(line: str, output: Path, name: str = "wc") -> gm.Job:
    return gm.Job(name, input=gm.text(line), map=words, reduce=total, partitions=1, output=str(output))


def _run(job: gm.Job, *, spread: bool, **options: object) -> gm.Result:
    return gm.run(job, workers=1, memory="512MiB", force_distributed=spread, **options)  # type: ignore[arg-type]


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@TIERS
def test_a_commit_that_the_store_refuses_fails_the_job(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, spread: bool
) -> None:
    def refused(*_: object) -> None:
        raise StorageError("the bucket is read-only", place="out")

    monkeypatch.setattr(commit.OutputCommit, "commit", refused)
    with pytest.raises(StorageError, match="read-only"):
        _run(_count(line, tmp_path / "out"), spread=spread)
    assert _files(tmp_path / "out") == []


def test_a_failure_after_the_record_was_written_loses_nothing(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rollforward, "_publish", _no_network)
        with pytest.raises(StorageError, match="network"):
            _run(_count(line, tmp_path / "out"), spread=False)
    stores = Stores()
    assert sweep(str(tmp_path / "out"), stores).rolled_forward == 1
    manifest = read_manifest(str(tmp_path / "out"), stores)
    assert manifest is not None
    assert manifest.rows == 2


def _no_network(*_: object) -> None:
    raise StorageError("the network is away")


@TIERS
def test_what_watches_a_run_may_raise(line: str, tmp_path: Path, *, spread: bool) -> None:
    def watch(progress: gm.Progress) -> None:
        if any(stage.done for stage in progress.stages):
            raise LookupError("the watcher's own")

    with pytest.raises(LookupError, match="own"):
        _run(_count(line, tmp_path / "out"), spread=spread, progress=watch)
    assert _files(tmp_path / "out") == []


def test_a_chain_that_is_refused_leaves_no_mark_on_its_other_outputs(line: str, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "data.parquet").write_text("somebody else's")
    first = _count(line, tmp_path / "free", "first")
    second = gm.Job("second", input=first, reduce=total, partitions=1, output=Output(str(tmp_path / "taken")))
    with pytest.raises(OutputExists, match=r"data\.parquet"):
        gm.run(second)
    assert _files(tmp_path / "free") == []
