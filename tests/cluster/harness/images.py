"""Images without a registry: a base made here, the project's Dockerfiles built on it by buildah.

Layers are cached: the packages of constraints.txt make one, the project's code another, so that a change of the code
costs seconds, here and on the nodes, which are given only the layers that they lack.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness.base_image import write_base_layer
from tests.cluster.harness.binaries import debian, locked, program
from tests.cluster.harness.layout import CACHE, REPOSITORY

REGISTRY = "gristmill.test"
TAG = "dev"
PAUSE = f"{REGISTRY}/pause:1"
BASE = f"{REGISTRY}/base:1"
OPERATOR = f"{REGISTRY}/gristmill:{TAG}"
WORKER = f"{REGISTRY}/gristmill-worker:{TAG}"
VERSITYGW = f"{REGISTRY}/versitygw:1"
"""The S3 server, as the chart's demo wants it."""
_DOCKERFILES = {OPERATOR: "Dockerfile", WORKER: "worker-image/Dockerfile"}
_SOURCES = [
    "core",
    "sql",
    "operator",
    "cli",
    "worker-image",
    "pyproject.toml",
    "constraints.txt",
    "README.md",
    "Dockerfile",
]
STAGES_KEPT = 100
_FOLDER = CACHE / "images"
_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image, and the folder that holds its manifest and blobs, each named by its digest, uncompressed."""

    name: str
    folder: Path

    @property
    def manifest(self) -> bytes:
        return (self.folder / "manifest.json").read_bytes()

    def blobs(self) -> list[tuple[str, int]]:
        """(digest, bytes) of the configuration and of every layer."""
        manifest = json.loads(self.manifest)
        return [(blob["digest"], blob["size"]) for blob in (manifest["config"], *manifest["layers"])]

    def file(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")


def build_images() -> list[BuiltImage]:
    """All images, built from the checkout as it is; nothing is done where nothing changed since the last time."""
    with locked(_FOLDER / "lock"):
        images = [_pause(), _versitygw()]
        _base()
        key = _digest_of_checkout()
        ours = {BuiltImage(name, _folder(name)): dockerfile for name, dockerfile in _DOCKERFILES.items()}
        changed = [image for image in ours if _changed(image, key)]
        for image in changed:
            _bud(image.name, ours[image])
            _push(image, key)
        if changed:
            _forget_old_stages()
        return [*images, *ours]


def _digest_of_checkout() -> str:
    """Changes whenever a file changes that the images are built from."""
    digest = hashlib.sha256()
    for top in _SOURCES:
        path = REPOSITORY / top
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(REPOSITORY)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _changed(image: BuiltImage, key: str) -> bool:
    stamp = image.folder / "built-from"
    return not stamp.exists() or stamp.read_text() != key


def _bud(image: str, dockerfile: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _buildah(
            *("bud", "--isolation=chroot", "--network=host", "--pull-never", "--layers", "--quiet"),
            *(f"--volume={source}:{target}:ro" for source, target in _pip_mounts(Path(scratch))),
            *("--build-arg", f"BASE={BASE}", "--tag", image, "--file", str(REPOSITORY / dockerfile), str(REPOSITORY)),
        )


def _forget_old_stages() -> None:
    """Remove the images without a name, where there are many: each change leaves some, and they are the cache, too."""
    if len(_buildah("images", "--quiet", "--filter", "dangling=true").split()) > STAGES_KEPT:
        _buildah("rm", "--all")  # what builds that were ended left holds images
        _buildah("rmi", "--prune", "--force")


def _push(image: BuiltImage, key: str) -> None:
    image.folder.mkdir(parents=True, exist_ok=True)
    (image.folder / "built-from").unlink(missing_ok=True)  # an interrupted push leaves half an image
    _buildah("push", "--quiet", "--disable-compression", image.name, f"dir:{image.folder}")
    (image.folder / "built-from").write_text(key)


def _pip_mounts(scratch: Path) -> Iterable[tuple[Path, str]]:
    """pip inside a build installs from where pip outside does; nothing of that stays in the image."""
    lines = ["[global]"]
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            lines.append(f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}")
    (scratch / "pip.conf").write_text("\n".join(lines) + "\n")
    yield scratch / "pip.conf", "/etc/pip.conf"
    certificates = Path("/etc/ssl/certs")
    if certificates.is_dir():
        yield certificates, str(certificates)
    for folder in os.environ.get("PIP_FIND_LINKS", "").split():
        if Path(folder).is_dir():
            yield Path(folder), folder


def _base() -> None:
    key = hashlib.sha256((sys.version + Path(write_base_layer.__code__.co_filename).read_text()).encode()).hexdigest()
    stamp = _FOLDER / "base.key"
    if stamp.exists() and stamp.read_text() == key and _exists(BASE):
        return
    layer = _FOLDER / "base-layer.tar"
    layer.parent.mkdir(parents=True, exist_ok=True)
    write_base_layer(layer)
    archive = _FOLDER / "base.tar"
    write_image(archive, BASE, layer, [])
    with suppress(RuntimeError):
        _buildah("rmi", "--force", BASE)
    _buildah("pull", f"docker-archive:{archive}")
    for path in (layer, archive):
        path.unlink()
    stamp.write_text(key)


def _pause() -> BuiltImage:
    source = Path(__file__).parent.parent / "pause.c"

    def compile_(binary: Path) -> None:
        subprocess.run(["gcc", "-O2", "-static", "-s", "-o", binary, source], check=True)

    return _of_one_file(PAUSE, "/pause", hashlib.sha256(source.read_bytes()).hexdigest(), compile_)


def _versitygw() -> BuiltImage:
    binary = program("versitygw")
    return _of_one_file(VERSITYGW, "/versitygw", str(binary.stat().st_mtime_ns), lambda to: shutil.copy(binary, to))


def _of_one_file(name: str, path: str, key: str, make: Callable[[Path], object]) -> BuiltImage:
    """An image of a single static program, which is its entry point."""
    image = BuiltImage(name, _folder(name))
    if _changed(image, key):
        with tempfile.TemporaryDirectory() as scratch:
            binary, layer, archive = (Path(scratch) / file for file in ("binary", "layer.tar", "image.tar"))
            make(binary)
            with tarfile.open(layer, "w") as tar:
                tar.add(binary, path.lstrip("/"))
            write_image(archive, name, layer, [path])
            _buildah("pull", f"docker-archive:{archive}")
        _push(image, key)
    return image


def write_image(archive: Path, image: str, layer: Path, entrypoint: Sequence[str]) -> None:
    """Write a docker-archive of one layer, with no other tool."""
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Env": [_PATH], "Entrypoint": list(entrypoint)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tests/cluster"}],
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image], "Layers": [f"{digest}.tar"]}]
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive, "w") as tar:
        for file, content in ((name, text), ("manifest.json", json.dumps(manifest).encode())):
            (Path(scratch) / file).write_bytes(content)
            tar.add(Path(scratch) / file, file)
        tar.add(layer, f"{digest}.tar")


def _folder(image: str) -> Path:
    return _FOLDER / image.rpartition("/")[2].replace(":", "-")


def _exists(image: str) -> bool:
    try:
        _buildah("inspect", "--type", "image", image)
    except RuntimeError:
        return False
    return True


def _buildah(*args: str) -> str:
    """Run buildah on the cache's own image store. RuntimeError with what it said."""
    store = ["--root", str(CACHE / "buildah"), "--runroot", "/run/gristmill-buildah"]
    done = subprocess.run([str(debian("buildah")), *store, *args], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"buildah {args[0]}: {done.stderr.strip()[-3000:]}")
    return done.stdout
