"""The base layer of images where no registry can be reached: this machine's own Python, a shell and what they need.

Stands in for `python:3.12-slim` as `ARG BASE` of the project's Dockerfiles: standard library and pip, no other
packages, shared libraries found by ldd. Written in a second.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARIES = f"/usr/lib/{os.uname().machine}-linux-gnu"
_LEFT_OUT = {"test", "idlelib", "tkinter", "turtledemo", "__pycache__", "site-packages", "lib2to3"}
_TOOLS = [
    "sh",
    "bash",
    "cat",
    "ls",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "rmdir",
    "ln",
    "chmod",
    "chown",
    "env",
    "sleep",
    "echo",
    "true",
    "false",
    "test",
    "[",
    "id",
    "date",
    "head",
    "tail",
    "wc",
    "sort",
    "uniq",
    "tr",
    "cut",
    "grep",
    "sed",
    "awk",
    "find",
    "xargs",
    "tar",
    "gzip",
    "kill",
    "ps",
    "mktemp",
    "touch",
    "uname",
    "hostname",
    "pwd",
    "tee",
    "readlink",
    "dirname",
    "basename",
    "stat",
    "du",
    "df",
]
_ETC = ("nsswitch.conf", "os-release", "debian_version", "ssl/certs/ca-certificates.crt")
_FOLDERS = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/bin",
    "/usr/sbin",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/root",
    "/var/tmp",
    "/home",
    "/etc",
]
_PIP = b"#!/usr/local/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_TEXTS = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "/etc/ld.so.conf": f"/usr/local/lib\n{_LIBRARIES}\n".encode(),
}


def write_base_layer(path: Path) -> None:
    """Write the layer as a tar."""
    files = dict(_python())
    files.update(_tools())
    files.update(_needed_libraries(files))
    files.update((f"/etc/{name}", f"/etc/{name}") for name in _ETC if Path(f"/etc/{name}").exists())
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        layer = _Layer(tar)
        for folder in _FOLDERS:
            layer.folder(folder)
        layer.folder("/tmp", 0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            layer.link(f"/{name}", f"usr/{name}")
        for name in ("python3", "python"):
            layer.link(f"/usr/local/bin/{name}", f"python{_VERSION}")
        for name, text in _TEXTS.items():
            layer.text(name, text)
        for name in ("pip", "pip3"):
            layer.text(f"/usr/local/bin/{name}", _PIP, 0o755)
        for name in sorted(files):
            layer.copy(name, files[name])


def _python() -> Iterator[tuple[str, str]]:
    """(path in the image, path here) of the interpreter, the standard library, and pip."""
    prefix = Path(sys.base_prefix)
    library = prefix / "lib" / f"python{_VERSION}"
    home = f"/usr/local/lib/python{_VERSION}"
    yield f"/usr/local/bin/python{_VERSION}", str(prefix / "bin" / f"python{_VERSION}")
    shared = prefix / "lib" / f"libpython{_VERSION}.so.1.0"
    if shared.exists():
        yield f"{_LIBRARIES}/{shared.name}", str(shared)
    packages = library / "site-packages"
    for top in (library, *packages.glob("pip"), *packages.glob("pip-*.dist-info")):
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if name not in _LEFT_OUT and not name.startswith("config-")]
            for file in files:
                if not file.endswith((".pyc", ".a")) and "_tkinter" not in file:
                    source = Path(folder) / file
                    yield f"{home}/{source.relative_to(library)}", str(source)


def _tools() -> Iterator[tuple[str, str]]:
    for tool in _TOOLS:
        found = shutil.which(tool, path="/bin:/usr/bin:/sbin:/usr/sbin")
        if found is not None:
            yield f"/usr/bin/{tool}", os.path.realpath(found)


def _needed_libraries(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Shared libraries of the programs and extension modules among `files`, and those of the C and C++ runtimes."""
    programs = [source for source in files.values() if ".so" in Path(source).name or "/bin/" in source]
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{sys.base_prefix}/lib"}
    listed = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True, env=environment).stdout
    for library in sorted(set(re.findall(r"=> (/\S+)", listed))):
        if not library.startswith(sys.base_prefix):
            yield f"{_LIBRARIES}/{Path(library).name}", os.path.realpath(library)
    for loader in Path("/lib64").glob("ld-linux-*.so.*"):
        yield f"/usr/lib64/{loader.name}", os.path.realpath(loader)
    for package in ("libc6", "libgcc-s1", "libstdc++6", "zlib1g"):
        listed = subprocess.run(["dpkg", "-L", package], check=False, capture_output=True, text=True).stdout
        for file in listed.split():
            if ".so" in Path(file).name and "/gconv/" not in file and Path(file).is_file():
                yield f"{_LIBRARIES}/{Path(file).name}", os.path.realpath(file)


class _Layer:
    """Adds entries to a tar, each folder once and before what lies in it, all owned by root."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._made = {"/"}

    def folder(self, path: str, mode: int = 0o755) -> None:
        if path not in self._made:
            self.folder(os.path.dirname(path))
            self._made.add(path)
            self._add(path, tarfile.DIRTYPE, mode)

    def link(self, path: str, target: str) -> None:
        self.folder(os.path.dirname(path))
        self._add(path, tarfile.SYMTYPE, 0o777, target=target)

    def text(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self.folder(os.path.dirname(path))
        self._add(path, tarfile.REGTYPE, mode, io.BytesIO(content), len(content))

    def copy(self, path: str, source: str) -> None:
        self.folder(os.path.dirname(path))
        stat = os.stat(source)
        with open(source, "rb") as content:
            self._add(path, tarfile.REGTYPE, stat.st_mode & 0o777, content, stat.st_size)

    def _add(
        self, path: str, kind: bytes, mode: int, content: io.IOBase | None = None, bytes_: int = 0, target: str = ""
    ) -> None:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.mode, entry.size, entry.linkname = kind, mode, bytes_, target
        entry.uname = entry.gname = "root"
        self._tar.addfile(entry, content)  # type: ignore[arg-type]
