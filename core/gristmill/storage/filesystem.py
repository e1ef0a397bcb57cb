"""What the rest of storage needs of a place that holds files, as one protocol.

Local folders, S3 and every other store implement it; listing, reading, writing and committing are written against
it alone. It knows URIs and bytes, nothing of formats, splits or jobs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gristmill.plan.source import VOLUMES, on_volume


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its URI, its size in bytes, and a version that changes when its content does."""

    uri: str
    bytes_: int
    version: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.uri)


@dataclass(slots=True)
class Usage:
    """What was asked of a store so far: requests, and bytes each way. Counts of threads may interleave."""

    requests: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def add(self, *, requests: int = 1, read: int = 0, written: int = 0) -> None:
        """Count further requests and bytes."""
        self.requests += requests
        self.bytes_read += read
        self.bytes_written += written


class StagedFile(Protocol):
    """A file that is being written where no listing of the output shows it."""

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""

    def finish(self) -> str:
        """End writing; the file stays invisible. Returns the token that ``publish`` and ``discard`` need."""

    def abort(self) -> None:
        """Drop what was written."""


class Filesystem(Protocol):
    """A place that holds files. Every method raises StorageError or InputError, with the URI as place."""

    @property
    def usage(self) -> Usage:
        """Requests and bytes so far."""

    def metered(self) -> Filesystem:
        """The same store with counters of its own, for one reader or writer."""

    def walk(self, folder: str, depth: int | None = None) -> Iterator[Entry]:
        """Files below a folder, at most ``depth`` levels down (1: its own files), in no promised order.

        A folder that does not exist has no files.
        """

    def names(self, folder: str) -> list[str]:
        """Names of some of a folder's own files and folders (those end in "/"), to suggest from."""

    def stat(self, uri: str) -> Entry | None:
        """The file, or None where there is none (a folder is none)."""

    def read(self, uri: str, start: int = 0, end: int | None = None, version: str = "") -> bytes:
        """Bytes [start, end) of a file, as far as it goes; all by default. InputError where there is no such file.

        With a version, InputError when the file has another.
        """

    def put(self, uri: str, data: bytes) -> None:
        """Write a small file whole, replacing one that is there."""

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        """Write a small file whole unless one is there already; False, and nothing changed, if it is.

        ``durable``: it survives a power failure from then on, as anything in a remote store does.
        """

    def delete(self, uris: Iterable[str]) -> None:
        """Remove files; those that are gone already are no error."""

    def stage(self, uri: str, staging: str) -> StagedFile:
        """Begin a file that shall become ``uri``, kept out of sight below the folder ``staging``."""

    def publish(self, staged: str, uri: str) -> None:
        """Make a finished staged file visible as ``uri``. Doing it again changes nothing."""

    def discard(self, staged: str) -> None:
        """Drop a finished staged file that will not be published; one that is gone is no error."""

    def discard_below(self, staging: str, folder: str, mark: str) -> int:
        """Drop every staged file below ``staging``, and pending uploads below ``folder`` whose name has ``mark``.

        Returns how many.
        """

    def local_path(self, uri: str) -> Path | None:
        """The path on this machine, or None for a remote store."""


def scheme_of(uri: str) -> str:
    """``s3`` of ``s3://bucket/key``; ``file`` where there is none."""
    scheme, mark, _ = uri.partition("://")
    return scheme.lower() if mark else "file"


def is_near(uri: str) -> bool:
    """Whether files are listed and opened without waiting for a network: on a disk of this machine."""
    return scheme_of(uri) == "file" and not on_volume(uri)


_UNTIDY = re.compile(r"//|/\.?$|/\./")
"""What the absolute form of an absolute path may have to lose."""


def canonical(uri: str) -> str:
    """The absolute form of a URI: local paths become ``file://`` and an absolute path; no percent-encoding.

    ``pvc://CLAIM/path`` is the path in a PersistentVolumeClaim, which each pod that may need it mounts in ``VOLUMES``.
    A trailing slash stays: it says that a folder is meant.
    """
    scheme, mark, rest = uri.partition("://")
    if scheme.lower() == "pvc":
        return f"{VOLUMES}{rest}"
    if mark and scheme.lower() != "file":
        return f"{scheme.lower()}://{rest}"
    path = rest if mark else uri
    if mark or (path.startswith("/") and not _UNTIDY.search(path)):
        return f"file://{path}"
    slash = "/" if path.endswith("/") and path != "/" else ""
    return f"file://{Path(path).expanduser().absolute().as_posix()}{slash}"


def volume_of(uri: str) -> str:
    """``pvc://CLAIM`` of a canonical URI in such a volume; empty for any other."""
    return f"pvc://{uri[len(VOLUMES) :].partition('/')[0]}" if uri.startswith(VOLUMES) else ""


def join(folder: str, *names: str) -> str:
    """A URI below a folder."""
    return "/".join([folder.rstrip("/"), *names])
