"""Commits: an output is whole or absent, whoever dies when, and at most one coordinator commits."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import Fenced, InputError, OutputExists, StorageError, TypeConflict
from gristmill.plan.job import Output, OutputMode
from gristmill.plan.source import FileSource, Format
from gristmill.storage.commit import OutputCommit
from gristmill.storage.filesystem import Filesystem, canonical
from gristmill.storage.local import LocalFilesystem
from gristmill.storage.manifest import read_manifest
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores
from gristmill.storage.sweeping import sweep
from tests.storage.jobs import listed, rows, run_job, stage_rows, tags

ROOT = Path(__file__).resolve().parents[2]
APPEND, ERROR, OVERWRITE = OutputMode.APPEND, OutputMode.ERROR, OutputMode.OVERWRITE


class Died(BaseException):
    """Stands for the end of the process: nothing catches it."""


class DyingFilesystem:
    """Passes everything on, and dies before its n-th change or right after it."""

    def __init__(self, below: Filesystem, changes: dict[str, int], after: bool) -> None:
        self._below = below
        self._changes = changes
        self._after = after

    def __getattr__(self, name: str) -> Any:
        passed = getattr(self._below, name)
        if name == "metered":
            return lambda: DyingFilesystem(passed(), self._changes, self._after)
        if name not in ("put", "put_if_absent", "delete", "publish", "discard_below"):
            return passed

        def change(*args: Any, **options: Any) -> Any:
            if name == "delete":
                args = (list(args[0]),)
            self._changes["left"] -= 1
            if self._changes["left"] < 0 or (self._changes["left"] == 0 and not self._after):
                raise Died
            result = passed(*args, **options)
            if self._changes["left"] == 0:
                raise Died
            return result

        return change


class DyingStores(Stores):
    """Stores of a process that dies at its n-th change."""

    def __init__(self, changes: int, after: bool) -> None:
        super().__init__()
        self.changes = {"left": changes}
        self._after = after

    def filesystem(self, uri: str) -> Filesystem:
        return DyingFilesystem(super().filesystem(uri), self.changes, self._after)  # type: ignore[return-value]


def deaths(work: Any) -> Iterable[tuple[int, bool]]:
    """Do ``work(stores)`` dying at every possible change, before and after it."""
    for after in (False, True):
        for change in itertools.count(1):
            stores = DyingStores(change, after)
            try:
                work(stores, f"{change}{'a' if after else 'b'}")
            except Died:
                yield change, after
            else:
                break


def test_a_committed_output_is_what_its_manifest_says(place, stores):
    manifest = run_job([place], "one", stores)
    assert tags(place, stores) == ["one"]
    planned = plan_input(FileSource((f"{place}/",), Format.PARQUET), stores, "input")
    assert (planned.files, planned.rows) == (2, 6)
    assert [(p.path, p.rows, p.key_min, p.key_max) for p in manifest.parts] == [
        ("part-00000-one.parquet", 3, "0", "2"),
        ("part-00001-one.parquet", 3, "3", "5"),
    ]
    assert (manifest.keys, manifest.partitions, manifest.hash, manifest.generation) == (("k",), 2, "gm1", 1)
    assert read_manifest(place, stores) is not None
    assert "_SUCCESS" in listed(place, stores)


def test_nothing_is_seen_before_the_commit(place, stores):
    output = Output(place)
    run = OutputCommit("job", "one", [output], stores)
    run.prepare()
    epoch = run.acquire_epoch()
    parts = stage_rows(output, rows("one"), "one", stores)
    assert read_manifest(place, stores) is None
    with pytest.raises(InputError, match="no file matches"):
        plan_input(FileSource((f"{place}/",), Format.PARQUET), stores, "input")
    run.commit(parts, epoch)
    assert tags(place, stores) == ["one"]


def test_an_output_that_exists_is_refused(place, stores):
    run_job([place], "one", stores)
    with pytest.raises(OutputExists, match="mode to overwrite or append"):
        run_job([place], "two", stores)
    assert tags(place, stores) == ["one"]


def test_append_adds_to_what_is_there(place, stores):
    run_job([place], "one", stores, APPEND)
    run_job([place], "two", stores, APPEND)
    assert tags(place, stores) == ["one", "two"]


def test_append_of_other_columns_is_refused(place, stores):
    run_job([place], "one", stores)
    output = Output(place, mode=APPEND)
    run = OutputCommit("job", "two", [output], stores)
    run.prepare()
    parts = stage_rows(output, rows("two").rename_columns(["k", "label"]), "two", stores)
    with pytest.raises(TypeConflict, match="label"):
        run.commit(parts, run.acquire_epoch())
    assert tags(place, stores) == ["one"]


def test_overwrite_replaces_and_leaves_no_old_part(place, stores):
    run_job([place], "one", stores)
    run_job([place], "two", stores, OVERWRITE)
    assert tags(place, stores) == ["two"]
    assert not [name for name in listed(place, stores) if "-one.parquet" in name]


def test_files_of_others_are_never_replaced(place, stores):
    base = canonical(place)
    stores.filesystem(base).put(f"{base}/mine.parquet", b"precious")
    for mode in (ERROR, APPEND, OVERWRITE):
        with pytest.raises(OutputExists, match=r"mine\.parquet"):
            run_job([place], "one", stores, mode)
    assert [entry.name for entry in stores.filesystem(base).walk(base)] == ["mine.parquet"]
    sweep(place, stores)
    assert stores.filesystem(base).read(f"{base}/mine.parquet") == b"precious"


def test_several_outputs_commit_together(place, stores):
    run_job([f"{place}/a", f"{place}/b"], "one", stores)
    assert tags(f"{place}/a", stores) == tags(f"{place}/b", stores) == ["one"]


def test_an_output_that_is_a_file_is_refused(tmp_path, stores):
    (tmp_path / "out").write_text("text")
    with pytest.raises(StorageError):
        run_job([str(tmp_path / "out")], "one", stores)


@pytest.mark.parametrize("recovery", ["sweep", "next job", "same run again"])
@pytest.mark.parametrize("mode", [APPEND, OVERWRITE])
def test_death_at_any_step_leaves_all_or_nothing(tmp_path, stores, mode, recovery):
    folder = tmp_path / "0"

    def work(dying: Stores, name: str) -> None:
        nonlocal folder
        folder = tmp_path / name
        run_job([str(folder / "a"), str(folder / "b")], "old", stores)
        run_job([str(folder / "a"), str(folder / "b")], "new", dying, mode)

    old, new = ["old"], ["new"] if mode is OVERWRITE else ["new", "old"]
    for death in deaths(work):
        a, b = str(folder / "a"), str(folder / "b")
        assert tags(a, stores) in (old, new), death
        assert tags(b, stores) in (old, new), death
        committed = any(name.endswith("00000002.json") for name in listed(a, stores))
        if recovery == "sweep":
            sweep(a, stores)
            sweep(b, stores)
            assert tags(a, stores) == tags(b, stores) == (new if committed else old), death
        elif recovery == "same run again":
            run_job([a, b], "new", stores, mode)
            assert tags(a, stores) == tags(b, stores) == new, death
        else:
            run_job([a, b], "next", stores, OVERWRITE)
            assert tags(a, stores) == tags(b, stores) == ["next"], death
        sweep(a, stores)
        for uri in (a, b):
            named = {part.path for part in read_manifest(uri, stores).parts}
            parts = {name for name in listed(uri, stores) if "part-" in name}
            assert parts == named, death


@pytest.mark.parametrize("mode", [APPEND, OVERWRITE])
def test_death_during_recovery_is_recovered_too(tmp_path, stores, mode):
    folder = tmp_path / "0"

    def work(dying: Stores, name: str) -> None:
        nonlocal folder
        folder = tmp_path / name
        run_job([str(folder)], "old", stores)
        try:
            run_job([str(folder)], "new", DyingStores(9, after=True), mode)
        except Died:
            sweep(str(folder), dying)

    for death in deaths(work):
        sweep(str(folder), stores)
        assert tags(str(folder), stores) in (["old"], ["new"], ["new", "old"]), death
        assert not [name for name in listed(str(folder), stores) if "staged/" in name], death


def test_of_two_coordinators_the_older_is_fenced(place, stores):
    output = Output(place)
    first, second = (OutputCommit("job", "one", [output], stores) for _ in range(2))
    first.prepare()
    old = first.acquire_epoch()
    parts = stage_rows(output, rows("one"), "one", stores)
    second.prepare()
    new = second.acquire_epoch()
    with pytest.raises(Fenced, match="taken over"):
        first.commit(parts, old)
    second.commit(parts, new)
    assert tags(place, stores) == ["one"]


def test_the_second_coordinator_adopts_the_first_ones_commit(place, stores):
    output = Output(place)
    first, second = (OutputCommit("job", "one", [output], stores) for _ in range(2))
    first.prepare()
    first_parts = stage_rows(output, rows("one"), "one", stores)
    epoch = first.acquire_epoch()
    committed = first.commit(first_parts, epoch)
    second.prepare()
    assert second.roll_forward().parts == committed.parts
    assert (
        second.commit(stage_rows(output, rows("one"), "one", stores), second.acquire_epoch()).parts == committed.parts
    )
    assert tags(place, stores) == ["one"]


def test_a_swept_run_cannot_commit(place, stores):
    output = Output(place)
    run = OutputCommit("job", "one", [output], stores)
    run.prepare()
    epoch = run.acquire_epoch()
    parts = stage_rows(output, rows("one"), "one", stores)
    swept = sweep(place, stores)
    assert swept.runs == ("one",)
    assert swept.files >= 2
    with pytest.raises(Fenced):
        run.commit(parts, epoch)
    assert read_manifest(place, stores) is None
    run_job([place], "two", stores)
    assert tags(place, stores) == ["two"]


def test_concurrent_appends_both_commit(place, stores):
    output = Output(place, mode=APPEND)
    runs = [OutputCommit("job", name, [output], stores) for name in ("one", "two")]
    for run in runs:
        run.prepare()
    staged = [stage_rows(output, rows(name), name, stores) for name in ("one", "two")]
    for run, parts in zip(runs, staged, strict=True):
        run.commit(parts, run.acquire_epoch())
    assert tags(place, stores) == ["one", "two"]


def test_a_job_that_lost_the_race_in_mode_error_is_refused(place, stores):
    output = Output(place)
    slow = OutputCommit("slow", "slow", [output], stores)
    slow.prepare()
    parts = stage_rows(output, rows("slow"), "slow", stores)
    epoch = slow.acquire_epoch()
    run_job([place], "fast", stores)
    with pytest.raises((OutputExists, Fenced)):
        slow.commit(parts, epoch)
    assert tags(place, stores) == ["fast"]


def test_abandoning_leaves_nothing(place, stores):
    output = Output(place)
    run = OutputCommit("job", "one", [output], stores)
    run.prepare()
    run.acquire_epoch()
    stage_rows(output, rows("one"), "one", stores)
    run.abandon()
    assert listed(place, stores) == []
    assert sweep(place, stores).files == 0


def test_a_folder_that_was_moved_is_still_an_output(tmp_path, stores):
    run_job([str(tmp_path / "a")], "one", stores)
    (tmp_path / "a").rename(tmp_path / "b")
    assert tags(str(tmp_path / "b"), stores) == ["one"]


class ForgetfulFilesystem:
    """A store that takes conditional puts for plain ones."""

    def __init__(self, below: Filesystem) -> None:
        self._below = below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        self._below.put(uri, data)
        return True


class ForgetfulStores(Stores):
    def filesystem(self, uri: str) -> Filesystem:
        return ForgetfulFilesystem(super().filesystem(uri))  # type: ignore[return-value]


def test_a_store_without_conditional_puts_is_refused_unless_the_weaker_mode_is_asked_for(tmp_path, stores):
    place = str(tmp_path / "out")
    with pytest.raises(StorageError, match="conditional puts"):
        run_job([place], "one", ForgetfulStores())
    run_job([place], "one", ForgetfulStores((), {"weak_commit": True}))
    assert tags(place, stores) == ["one"]


KILLED_RUN = """
import os, signal, sys
from gristmill.plan.job import OutputMode
from gristmill.storage.stores import Stores
from tests.storage.jobs import run_job
from tests.storage.test_committing import Died, DyingStores
place, change = sys.argv[1], int(sys.argv[2])
try:
    run_job([place], "new", DyingStores(change, after=True), OutputMode.OVERWRITE)
except Died:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("change", [4, 6, 8, 11])
def test_a_killed_process_is_settled_by_the_next_job(tmp_path, stores, change):
    place = str(tmp_path / "out")
    run_job([place], "old", stores)
    killed = subprocess.run([sys.executable, "-c", KILLED_RUN, place, str(change)], cwd=ROOT, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert tags(place, stores) in (["old"], ["new"])
    run_job([place], "next", stores, APPEND)
    assert tags(place, stores) in (["next", "old"], ["new", "next"])
    assert not [name for name in listed(place, stores) if "staged/" in name]


def test_a_small_run_asks_its_store_little(bucket):
    """A small query waits for these requests; most of them are asked at the same time."""
    stores = Stores()
    run_job([f"{bucket}/first"], "one", stores)
    before = stores.usage().requests
    output = Output(f"{bucket}/second")
    run = OutputCommit("job", "two", [output], stores)
    run.prepare()
    epoch = run.acquire_epoch()
    prepared = stores.usage().requests
    parts = stage_rows(output, rows("two"), "two", stores, parts=1)
    staged = stores.usage().requests
    run.commit(parts, epoch)
    assert prepared - before <= 6
    assert stores.usage().requests - staged <= 10


@pytest.mark.parametrize("mode", [APPEND, OVERWRITE, ERROR])
def test_what_an_output_holds_is_not_listed_to_write_to_it_again(tmp_path, stores, monkeypatch, mode):
    place = canonical(str(tmp_path / "out"))
    run_job([place], "one", stores)
    asked: list[str] = []
    walk = LocalFilesystem.walk
    monkeypatch.setattr(
        LocalFilesystem, "walk", lambda self, folder, depth=None: asked.append(folder) or walk(self, folder, depth)
    )
    run = OutputCommit("job", "two", [Output(place, mode=mode)], stores)
    with pytest.raises(OutputExists) if mode is ERROR else nullcontext():
        run.prepare()
    assert place not in asked
