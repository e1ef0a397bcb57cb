"""Images without a registry: a base made here, the project's Dockerfiles built on it by buildah, archives for nodes.

Layers are cached: the packages of constraints.txt make one, the project's code another, so that a change of the code is
built and archived in seconds. An archive is written anew only when an image changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.harness.base_image import write_base_layer
from tests.cluster.harness.binaries import debian, locked
from tests.cluster.harness.layout import CACHE, REPOSITORY

REGISTRY = "gristmill.test"
TAG = "dev"
PAUSE = f"{REGISTRY}/pause:1"
BASE = f"{REGISTRY}/base:1"
OPERATOR = f"{REGISTRY}/gristmill:{TAG}"
WORKER = f"{REGISTRY}/gristmill-worker:{TAG}"
_DOCKERFILES = {OPERATOR: "Dockerfile", WORKER: "worker-image/Dockerfile"}
_FOLDER = CACHE / "images"
_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def archives() -> list[Path]:
    """Archives of all images, built from the checkout as it is; what did not change is not built again."""
    with locked(_FOLDER / "lock"):
        return [_pause(), *(_project_image(image, file) for image, file in _DOCKERFILES.items())]


def image_id(image: str) -> str:
    """The digest of an image that was built: its content's identity."""
    return _buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", image).strip()


def size_bytes(image: str) -> int:
    """What the layers of an image take, uncompressed."""
    listed = json.loads(_buildah("images", "--json", image))
    archive = _archive(image)
    return archive.stat().st_size if archive.exists() else int(listed[0]["size"])


def _project_image(image: str, dockerfile: str) -> Path:
    _base()
    with tempfile.TemporaryDirectory() as scratch:
        mounts = _pip_mounts(Path(scratch))
        _buildah(
            *("bud", "--isolation=chroot", "--network=host", "--pull-never", "--layers", "--quiet"),
            *(f"--volume={source}:{target}:ro" for source, target in mounts),
            *("--build-arg", f"BASE={BASE}", "--tag", image, "--file", str(REPOSITORY / dockerfile), str(REPOSITORY)),
        )
    return _pushed(image)


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
    write_image(archive, BASE, layer, ["python3"])
    with suppress(RuntimeError):
        _buildah("rmi", "--force", BASE)
    _buildah("pull", f"docker-archive:{archive}")
    for path in (layer, archive):
        path.unlink()
    stamp.write_text(key)


def _pause() -> Path:
    archive = _archive(PAUSE)
    if not archive.exists():
        with tempfile.TemporaryDirectory() as scratch:
            binary, layer = Path(scratch) / "pause", Path(scratch) / "layer.tar"
            source = Path(__file__).parent.parent / "pause.c"
            subprocess.run(["gcc", "-O2", "-static", "-s", "-o", binary, source], check=True)
            with tarfile.open(layer, "w") as tar:
                tar.add(binary, "pause")
            write_image(archive, PAUSE, layer, ["/pause"])
    return archive


def write_image(archive: Path, image: str, layer: Path, command: Sequence[str]) -> None:
    """Write a docker-archive of one layer, with no other tool."""
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Env": [_PATH], "Cmd": list(command)},
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


def _pushed(image: str) -> Path:
    """The image as an archive that containerd imports, named by the image's digest: written once."""
    archive = _archive(image)
    stamp = archive.with_suffix(".id")
    identity = image_id(image)
    if not archive.exists() or not stamp.exists() or stamp.read_text() != identity:
        archive.unlink(missing_ok=True)
        _buildah("push", "--quiet", "--disable-compression", image, f"oci-archive:{archive}:{image}")
        stamp.write_text(identity)
    return archive


def _archive(image: str) -> Path:
    return _FOLDER / f"{image.rpartition('/')[2].replace(':', '-')}.tar"


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
