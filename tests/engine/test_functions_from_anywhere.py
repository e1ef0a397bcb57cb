"""Functions reach workers from any module: by name where a worker can import it, else by value."""

import importlib.util
import json.decoder
import sys

import pytest

from gristmill.api.functions import _importable


@pytest.fixture
def loaded_by_hand(tmp_path, monkeypatch):
    """A module that is in sys.modules though its folder is not on sys.path."""
    (tmp_path / "apart.py").write_text("def words(file, line):\n    yield line, 1\n")
    spec = importlib.util.spec_from_file_location("apart", tmp_path / "apart.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "apart", module)
    spec.loader.exec_module(module)
    return tmp_path


def test_a_module_loaded_by_hand_is_not_importable(loaded_by_hand):
    assert not _importable("apart")


def test_it_is_once_its_folder_is_on_the_path(loaded_by_hand, monkeypatch):
    monkeypatch.syspath_prepend(loaded_by_hand)
    assert _importable("apart")


def test_another_module_of_that_name_does_not_count(loaded_by_hand, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    (other / "apart.py").write_text("")
    monkeypatch.syspath_prepend(other)
    assert not _importable("apart")


@pytest.mark.parametrize("name", ["json", json.decoder.__name__, "builtins", "gristmill.plan.job"])
def test_installed_and_built_in_modules_are_importable(name):
    assert _importable(name)


def test_what_nobody_finds_is_not_importable():
    assert not _importable("json.none")
    assert not _importable("sys.none")
    assert not _importable("none")
