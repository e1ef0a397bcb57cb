"""Python packages that a job's code needs: installed once, kept in scratch by digest, unpacked on each machine.

The first executor that needs them has pip install them into a folder and puts it, packed, where all workers find it;
the others unpack that. What the engine itself has imported keeps its version: asking for another is an error of pip's.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gristmill.errors import FragmentError
from gristmill.kernel.environment import TaskEnv
from gristmill.storage.filesystem import join

OWN_PACKAGES = (
    "botocore",
    "cloudpickle",
    "duckdb",
    "fsspec",
    "grpcio",
    "numpy",
    "obstore",
    "protobuf",
    "pyarrow",
    "xxhash",
)
"""What executors have imported before they see a job: these keep the versions that they have."""
_PLACE = "code.requirements"
_REMEDY = "Name packages that exist for this Python and platform, or use an image that has them (code.image)."
_INSTALL_TIMEOUT_S = 1800
_LINES_QUOTED = 4


def requirements_digest(requirements: Sequence[str]) -> str:
    """Names what these lines give on this Python and platform."""
    parts = (*requirements, sys.version.split()[0], sysconfig.get_platform())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def installed_requirements(requirements: Sequence[str], env: TaskEnv) -> Path:
    """The folder with these packages, made if it is not on this machine yet. Raises FragmentError, StorageError."""
    name = requirements_digest(requirements)
    folder = env.blocks / "requirements" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=folder.parent) as made:
            if not folder.exists():
                target = Path(made) / "packages"
                _fetch_or_build(requirements, f"{name}.tar.gz", target, env)
                target.rename(folder)
    return folder


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _fetch_or_build(requirements: Sequence[str], name: str, target: Path, env: TaskEnv) -> None:
    if not env.requirements:
        _install(requirements, target, env)
        return
    uri = join(env.requirements, name)
    files = env.stores.filesystem(uri)
    if files.stat(uri) is not None:
        _unpack(files.read(uri), target)
        return
    _install(requirements, target, env)
    files.put_if_absent(uri, _packed(target))


def _install(requirements: Sequence[str], target: Path, env: TaskEnv) -> None:
    """Has pip install into ``target``, without what the engine brings."""
    env.log(f"installing {', '.join(requirements)}\n")
    target.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        wanted, versions = Path(folder) / "requirements.txt", Path(folder) / "constraints.txt"
        wanted.write_text("".join(f"{line}\n" for line in requirements))
        versions.write_text("".join(f"{name}=={importlib.metadata.version(name)}\n" for name in OWN_PACKAGES))
        _run_pip("install", "--target", str(target), "--requirement", str(wanted), "--constraint", str(versions))
    for found in importlib.metadata.distributions(path=[str(target)]):
        if found.metadata["Name"].lower() in OWN_PACKAGES:
            _remove(found, target)


def _run_pip(*arguments: str) -> None:
    command = [*_pip(), *arguments, "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise FragmentError(f"pip was not done after {_INSTALL_TIMEOUT_S} s", place=_PLACE, remedy=_REMEDY) from None
    if done.returncode != 0:
        raise FragmentError(
            f"they cannot be installed: {_reason(done.stdout, done.stderr)}", place=_PLACE, remedy=_REMEDY
        )


def _reason(said: str, errors: str) -> str:
    """What pip failed of: its conflicts, which it counts as information, or the last of its errors."""
    _, _, conflict = said.partition("The conflict is caused by:")
    lines = conflict.partition("\n\n")[0].splitlines() if conflict else errors.splitlines()
    marked = [line for line in lines if line.startswith("ERROR")] or [line for line in lines if line.strip()]
    return " ".join(line.removeprefix("ERROR: ").strip() for line in marked[-_LINES_QUOTED:])


def _pip() -> list[str]:
    """The pip of this environment, or that of the Python which it was made from. Raises FragmentError."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    base = getattr(sys, "_base_executable", sys.executable)
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [base, "-m", "pip", "--python", sys.executable]
    raise FragmentError("there is no pip here that could install them", place=_PLACE, remedy=_REMEDY)


def _remove(found: importlib.metadata.Distribution, target: Path) -> None:
    """Takes a package out again."""
    for file in found.files or ():
        path = target / file
        if path.is_relative_to(target):
            path.unlink(missing_ok=True)
    for folder, _, _ in os.walk(target, topdown=False):
        if folder != str(target) and not os.listdir(folder):
            os.rmdir(folder)


def _packed(folder: Path) -> bytes:
    """The folder as a tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as archive:
        archive.add(folder, arcname=".", filter=_anonymous)
    return packed.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without owner; without compiled modules, which each machine makes itself."""
    if "__pycache__" in member.name:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _unpack(packed: bytes, target: Path) -> None:
    """Unpacks what ``_packed`` made; members that would land outside are refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise FragmentError(
            f"what was installed before cannot be unpacked: {error}",
            place=_PLACE,
            remedy="Delete the folder requirements in the job's scratch.",
        ) from error
