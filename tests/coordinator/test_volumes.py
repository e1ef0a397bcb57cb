"""Volumes that not all pods have mounted: which tasks need which, and the lead's way to their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gristmill.coordinator.volume_files import VolumeElsewhere
from gristmill.coordinator.volumes import with_volumes
from gristmill.errors import InputError, InvalidPlan, StorageError
from gristmill.ids import Side, StageId
from gristmill.plan.job import Output
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.plan.stage import Scan, SideScan, SinkWrite, Stage, StageGraph, Step
from gristmill.shuffle.connections import FlightClients, FlightSecurity
from gristmill.shuffle.flight import ShuffleServer
from gristmill.storage import filesystem
from gristmill.storage.packing import Weighed, pack
from gristmill.storage.stores import Stores
from gristmill.wire.volume_files import VOLUME_FILES
from gristmill.worker.volume_files import VolumeFiles

GROUPS = (frozenset({"pvc://a", "pvc://shared"}), frozenset({"pvc://b", "pvc://shared"}))
SOURCE = FileSource(("x",), Format.TEXT)


def split(*claims: str) -> Split:
    """One that reads a file of each claim; s3 where the name is empty."""
    uris = [f"file:///volumes/{claim}/x" if claim else "s3://b/x" for claim in claims]
    return Split(tuple(FileRange(uri, 0, 1) for uri in uris), 1)


def stage(*splits: Split, side: str = "", output: str = "s3://out") -> Stage:
    """A map-only stage."""
    sides = (SideScan("s", SOURCE, (split(side),)),) if side else ()
    body = Step("j", "in", None, sides=sides)
    sink = SinkWrite("j", (Output(output),))
    return Stage(StageId("j", Side.MAP, "in"), len(splits), body, (sink,), scan=Scan("in", SOURCE, splits))


def tied(one: Stage, groups: tuple[frozenset[str], ...] = GROUPS) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Volumes of the stage, and of its splits."""
    (found,) = with_volumes(StageGraph((one,), "j"), groups).stages
    assert found.scan is not None
    return found.volumes, [each.volumes for each in found.scan.splits]


def test_splits_are_tied_to_the_volumes_that_only_some_pods_have() -> None:
    assert tied(stage(split("a"), split("b"), split("shared"), split(""))) == (
        (),
        [("pvc://a",), ("pvc://b",), (), ()],
    )


def test_side_inputs_and_outputs_tie_every_task() -> None:
    assert tied(stage(split(""), side="a")) == (("pvc://a",), [()])
    assert tied(stage(split("a"), output="pvc://a/out")) == (("pvc://a",), [("pvc://a",)])


def test_nothing_is_tied_where_all_pods_have_the_same() -> None:
    assert tied(stage(split("a"), split("b")), (frozenset({"pvc://a", "pvc://b"}),)) == ((), [(), ()])


@pytest.mark.parametrize(
    "impossible", [stage(split("b"), side="a"), stage(split("b"), output="pvc://a/o"), stage(split("a", "b"))]
)
def test_a_task_that_no_pod_could_run_is_refused_with_both_names(impossible: Stage) -> None:
    with pytest.raises(InvalidPlan, match="pvc://a and pvc://b"):
        tied(impossible)


def test_a_split_lies_on_one_volume() -> None:
    pieces = [Weighed(FileRange(f"file:///volumes/{claim}/{name}", 0, 9), 9) for claim in "ab" for name in "xy"]
    assert [len(each.pieces) for each in pack(pieces, 1 << 30)] == [2, 2]
    beside = [Weighed(replace(one.piece, uri=one.piece.uri.replace("/volumes/", "/data/")), 9) for one in pieces]
    assert [len(each.pieces) for each in pack(beside, 1 << 30)] == [4]


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of claim ``b``, which is mounted below the test's folder."""
    monkeypatch.setattr(filesystem, "VOLUMES", f"file://{tmp_path}/volumes/")
    folder = tmp_path / "volumes" / "b"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "deep" / "two.txt").write_text("two" * 3_000_000)
    return folder


@pytest.fixture
def elsewhere(volume: Path, tmp_path: Path) -> Stores:
    """Stores of a pod that has not mounted it, and asks one that has."""
    security = FlightSecurity("token")
    server = ShuffleServer(tmp_path, security=security, answers={VOLUME_FILES: VolumeFiles(("pvc://b",)).answer})
    clients = FlightClients(security)
    return Stores(volumes={"pvc://b": VolumeElsewhere("pvc://b", lambda: f"grpc://127.0.0.1:{server.port}", clients)})


def test_files_of_a_volume_are_read_through_a_pod_that_has_it(elsewhere: Stores, volume: Path) -> None:
    files, here = elsewhere.filesystem(f"file://{volume}/one.txt"), Stores().filesystem(f"file://{volume}")
    assert isinstance(files, VolumeElsewhere)
    found = sorted(files.walk(f"file://{volume}"), key=lambda entry: entry.uri)
    assert found == sorted(here.walk(f"file://{volume}"), key=lambda entry: entry.uri)
    assert files.stat(found[1].uri) == found[1]
    assert files.stat(f"file://{volume}/none") is None
    assert files.read(found[0].uri) == b"two" * 3_000_000
    assert files.read(found[1].uri, 1, 3, found[1].version) == b"ne"
    assert sorted(files.names(f"file://{volume}")) == ["deep/", "one.txt"]


def test_errors_of_the_other_pod_arrive_as_they_are(elsewhere: Stores, volume: Path) -> None:
    files = elsewhere.filesystem(f"file://{volume}")
    with pytest.raises(InputError, match=r"one\.tx"):
        files.read(f"file://{volume}/one.tx")


@pytest.mark.parametrize("path", ["../outside.txt", "link.txt", "../other/x"])
def test_nothing_outside_of_the_volume_is_read(elsewhere: Stores, volume: Path, path: str) -> None:
    (volume.parent / "outside.txt").write_text("secret")
    (volume / "link.txt").symlink_to(volume.parent / "outside.txt")
    with pytest.raises(StorageError, match="none of the volumes"):
        elsewhere.filesystem(f"file://{volume}/x").read(f"file://{volume}/{path}")


def test_nothing_is_written_from_afar(elsewhere: Stores, volume: Path) -> None:
    with pytest.raises(StorageError, match="other pods"):
        elsewhere.filesystem(f"file://{volume}/x").put(f"file://{volume}/x", b"")
