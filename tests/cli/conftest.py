"""Runs the installed command as a user does: in a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_server import Api

from tests.cluster.harness.api_only import running_api
from tests.cluster.harness.binaries import CannotRun

CRDS = Path(__file__).resolve().parents[2] / "crds"


@pytest.fixture
def command() -> Path:
    """The command that is installed beside this Python."""
    return Path(sys.executable).with_name("gristmill")


@pytest.fixture
def gristmill(command, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """``gristmill("run", "job.py", stdin="")`` in an empty folder."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(command), *arguments],
            cwd=tmp_path,
            env=os.environ | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """A real API server that knows Gristmill's resources; nobody acts on them there."""
    try:
        with tempfile.TemporaryDirectory(prefix="gristmill-api-") as folder, running_api(Path(folder)) as kubeconfig:
            api = Api(kubeconfig)
            api.install(CRDS)
            yield api
    except CannotRun as missing:
        pytest.skip(str(missing))
