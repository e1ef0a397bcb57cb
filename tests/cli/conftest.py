"""Runs the installed command as a user does: in a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def command() -> Path:
    """The command that is installed beside this Python."""
    return Path(sys.executable).with_name("gristmill")


@pytest.fixture
def gristmill(command, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """``gristmill("run", "job.py", stdin="")`` in an empty folder."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(command), *arguments],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
