"""Packages that a job's code needs: installed once, kept in scratch, found by functions; the wheels are made here."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import gristmill as gm
from gristmill.errors import FragmentError
from gristmill.kernel.environment import TaskEnv
from gristmill.kernel.requirements import installed_requirements
from gristmill.plan.manifest import load_manifest
from gristmill.shuffle.blocks import LocalFiles
from gristmill.storage.stores import Stores
from tests.support.wheels import GREETER, make_wheel


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, and nowhere else."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "1.0")
    make_wheel(folder, "2.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("GRISTMILL_CACHE_DIR", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> TaskEnv:
    """An executor's surroundings, with a store for what was installed."""
    return TaskEnv(
        stores=Stores(),
        scratch=tmp_path / "scratch",
        outputs=tmp_path / "outputs",
        fetch=LocalFiles(),
        feed_updates=lambda exchange: pytest.fail(str(exchange)),
        cache=tmp_path / "machine",
        requirements=str(tmp_path / "store" / "requirements"),
    )


def greeter(folder: Path, version: str) -> gm.ChainPlan:
    """A job whose function needs a package."""
    (folder / "in.txt").write_text("a\nb\n")
    spec = {
        "code": {"inline": {"greeter.py": GREETER}, "requirements": [f"tinygreeter=={version}"]},
        "input": [{"name": "names", "uri": str(folder / "in.txt"), "format": "text"}],
        "map": {"python": "greeter:greet"},
    }
    head = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {"name": "greet"}}
    return load_manifest(json.dumps({**head, "spec": spec}))


@pytest.mark.parametrize("workers", [None, 2])
def test_functions_find_the_packages_that_their_job_requires(wheels: Path, tmp_path: Path, workers: int | None) -> None:
    def greetings(version: str) -> list[str]:
        result = gm.run(greeter(tmp_path, version), workers=workers, force_distributed=workers is not None)
        return sorted(result.arrow()["value"].to_pylist())

    assert greetings("1.0") == ["hello a from 1.0", "hello b from 1.0"]
    assert greetings("2.0") == ["hello a from 2.0", "hello b from 2.0"]
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert greetings("1.0") == ["hello a from 1.0", "hello b from 1.0"]


def test_what_one_machine_installed_the_next_unpacks(wheels: Path, machine: TaskEnv, tmp_path: Path) -> None:
    first = installed_requirements(("tinygreeter==1.0",), machine)
    for wheel in wheels.iterdir():
        wheel.unlink()
    second = installed_requirements(("tinygreeter==1.0",), replace(machine, cache=tmp_path / "another"))
    assert first != second
    assert (first / "tinygreeter/__init__.py").read_text() == (second / "tinygreeter/__init__.py").read_text()
    assert [file.suffixes for file in Path(machine.requirements).iterdir()] == [[".tar", ".gz"]]


def test_many_executors_of_a_machine_install_once(wheels: Path, machine: TaskEnv) -> None:
    said: list[str] = []
    env = replace(machine, log=said.append)
    with ThreadPoolExecutor(4) as pool:
        found = {*pool.map(lambda _: installed_requirements(("tinygreeter==1.0",), env), range(4))}
    assert len(found) == 1
    assert said == ["installing tinygreeter==1.0\n"]


def test_a_package_that_does_not_exist_is_named(wheels: Path, machine: TaskEnv) -> None:
    with pytest.raises(FragmentError, match="tinygreter") as failed:
        installed_requirements(("tinygreter==1.0",), machine)
    assert failed.value.place == "code.requirements"
    assert not [path for path in machine.blocks.rglob("*") if path.suffix != ".lock" and path.is_file()]


def test_what_the_engine_runs_on_keeps_its_version(wheels: Path, machine: TaskEnv) -> None:
    make_wheel(wheels, "3.0", needs="numpy==1.0")
    with pytest.raises(FragmentError, match=r"numpy==1\.0"):
        installed_requirements(("tinygreeter==3.0",), machine)


def test_a_damaged_archive_says_what_to_delete(wheels: Path, machine: TaskEnv, tmp_path: Path) -> None:
    installed_requirements(("tinygreeter==1.0",), machine)
    for archive in Path(machine.requirements).iterdir():
        archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(FragmentError, match="cannot be unpacked") as failed:
        installed_requirements(("tinygreeter==1.0",), replace(machine, cache=tmp_path / "another"))
    assert "Delete" in failed.value.remedy
