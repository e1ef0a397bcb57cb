"""The folders of the checkout shadow nothing, and the wheel holds what the checkout does."""

import os
import subprocess
import sys
import sysconfig

import pytest

from gristmill.version import __version__

PACKAGES = ("gristmill", "gristmill_sql", "gristmill_operator", "gristmill_worker", "gristmill_cli")


def test_the_standard_module_operator_is_importable_from_the_root(root):
    found = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.itemgetter(1)('ab'), operator.__file__)"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert found[0] == "b"
    assert not found[1].startswith(str(root / "operator"))


def test_the_operator_folder_is_not_a_package(root):
    assert not (root / "operator" / "__init__.py").exists()


@pytest.fixture(scope="module")
def wheel_python(root, tmp_path_factory):
    """The Python of a new environment that has the wheel; dependencies are lent by the running one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(root)], check=True, cwd=folder)
    (wheel,) = folder.glob("gristmill-*.whl")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, cwd=folder)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_installs_every_package(wheel_python, tmp_path):
    program = f"import {', '.join(PACKAGES)}; print(*(m.__file__ for m in ({', '.join(PACKAGES)})), sep='\\n')"
    files = _run([str(wheel_python), "-c", program], tmp_path).splitlines()
    assert len(files) == len(PACKAGES)
    assert all(str(wheel_python.parents[1]) in file for file in files), files


def test_the_installed_command_tells_its_version(wheel_python, tmp_path):
    assert __version__ in _run([str(wheel_python.with_name("gristmill")), "version"], tmp_path)


def _run(command: list[str], folder: os.PathLike[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
