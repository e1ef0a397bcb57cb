"""Temporary folders: gone with their object, their process, or, after that was killed, with the next one's first."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gristmill.errors import StorageError
from gristmill.storage.temporary import TemporaryFolder, remove_left

KEEPER = """
import sys, time
from pathlib import Path
from gristmill.storage.temporary import TemporaryFolder

folder = TemporaryFolder(Path(sys.argv[1]))
(folder.path / "rows.arrow").write_text("rows")
folder.spill.mkdir()
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "local").mkdir()
    return tmp_path / "local"


def _killed_keeper(place: Path) -> Path:
    """The folder of a process that was killed."""
    with subprocess.Popen([sys.executable, "-c", KEEPER, place], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
    assert (folder / "rows.arrow").is_file()
    return folder


def test_a_folder_goes_when_it_is_told_to_or_with_its_object(place: Path) -> None:
    first, second = TemporaryFolder(place), TemporaryFolder(place)
    with TemporaryFolder(place) as third:
        (third / "file").write_text("")
    assert first.path != second.path
    assert not third.exists()
    first.remove()
    first.remove()
    assert second.path.is_dir()
    del second
    gc.collect()
    assert list(place.iterdir()) == []


def test_a_folder_that_goes_soon_is_not_waited_for_but_goes(place: Path) -> None:
    folder = TemporaryFolder(place)
    folder.remove_soon()
    del folder
    until_s = time.monotonic() + 10
    while list(place.iterdir()) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_folder(place: Path) -> None:
    left = _killed_keeper(place)
    with TemporaryFolder(place) as own:
        until_s = time.monotonic() + 10
        while len(list(place.iterdir())) > 2 and time.monotonic() < until_s:
            time.sleep(0.01)
        assert not left.exists()
        assert own.is_dir()
        assert len(list(place.iterdir())) == 2
    assert list(place.iterdir()) == []


def test_folders_of_a_process_that_lives_stay(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KEEPER, place], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        remove_left(place)
        assert (folder / "rows.arrow").is_file()
        process.terminate()


def test_a_copy_of_the_process_removes_only_its_own(place: Path) -> None:
    folder = TemporaryFolder(place)
    if (child := os.fork()) == 0:
        own = TemporaryFolder(place)
        folder.remove()
        own.remove()
        os._exit(0 if folder.path.is_dir() and own.path != folder.path and not own.path.exists() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    remove_left(place)
    assert folder.path.is_dir()
    folder.remove()
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_place_that_takes_no_folder_is_named_with_its_variable(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "local"
    if kind == "a file":
        place.write_text("")
    with pytest.raises(StorageError, match="GRISTMILL_LOCAL_DIR") as refused:
        TemporaryFolder(place)
    assert str(place) in refused.value.place
