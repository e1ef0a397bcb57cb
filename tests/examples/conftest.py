"""The data of the examples, made once; each test runs in a folder of its own that has it as ``data``."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import gristmill as gm
from gristmill_cli.jobfile import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "data"
    runpy.run_path(str(EXAMPLES / "data.py"))["write_all"](folder)
    return folder


@pytest.fixture
def run_example(data, tmp_path, monkeypatch) -> Callable[[str], pa.Table]:
    """Runs an example file (``wordcount/job.py``) in two worker processes and gives its rows in order."""
    (tmp_path / "data").symlink_to(data)
    monkeypatch.chdir(tmp_path)

    def run(file: str) -> pa.Table:
        return gm.run(load(EXAMPLES / file), workers=2, memory="1GiB", force_distributed=True).arrow()

    return run
