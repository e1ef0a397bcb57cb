"""Block cache: the pieces of remote files that readers needed, in sparse files on this machine.

A remote Parquet file is read by DuckDB from a sparse file of the same length that holds the footer and the column
chunks that are needed, each at its own offset. The file stays for later readers on this machine: a cache known by
URI and version, shared by all processes, with a bound on its size.

Beside ``<digest>.data`` lies ``<digest>.map``, the sorted ranges that are present; it is replaced by rename under a
lock, after the bytes are written, so it never promises more than is there; after a restart of the machine the cache
begins anew, since nothing is flushed to disk. Readers hold a shared lock on the data
file; eviction removes the files used longest ago that nobody holds.

Bytes go into the file as they come: all threads of a process together have at most ``IN_FLIGHT`` on their way.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from gristmill.errors import StorageError
from gristmill.settings import load_settings
from gristmill.storage.filesystem import Entry, Filesystem
from gristmill.storage.machine import host_identity
from gristmill.storage.parallel import ByteBudget, in_parallel
from gristmill.storage.temporary import TemporaryFolder

Range = tuple[int, int]

COALESCE_BYTES = 1 << 20
REQUEST_BYTES = 8 << 20
_KEEP_SHARE = 0.8
IN_FLIGHT = ByteBudget(64 << 20)
"""Bytes that were asked for and are not written yet. Executors set it to ``IN_FLIGHT_PART`` of their memory."""
IN_FLIGHT_PART = 16


class BlockCache:
    """The cached files of one folder, at most about ``limit_bytes`` of them."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, entry: Entry) -> CachedFile:
        """The cached form of a file, which is not evicted while the result lives."""
        return CachedFile(_data_file(self._folder, entry), entry)

    def evict(self) -> None:
        """Remove files used longest ago until the rest is well under the limit. Cheap when nothing is to do."""
        held = [(path.stat(), path) for path in _data_files(self._folder)]
        total = sum(stat.st_blocks * 512 for stat, _ in held)
        if total <= self._limit_bytes:
            return
        for stat, path in sorted(held, key=lambda item: item[0].st_mtime):
            if total <= self._limit_bytes * _KEEP_SHARE:
                return
            if _removed(path):
                total -= stat.st_blocks * 512


def cached_file(folder: Path, entry: Entry) -> CachedFile | None:
    """What the cache in a folder has of a file, if it has anything."""
    path = _data_file(folder, entry)
    return CachedFile(path, entry) if path.exists() else None


def _data_file(folder: Path, entry: Entry) -> Path:
    known_by = f"{host_identity()}\n{entry.uri}\n{entry.version}\n{entry.bytes_}"
    return folder / f"{hashlib.sha256(known_by.encode()).hexdigest()[:40]}.data"


def _data_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.data") if path.exists())


def _removed(path: Path) -> bool:
    """Remove a cached file unless a reader holds it."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.with_suffix(".map").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


class CachedFile:
    """One remote file's sparse copy."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self.path = path
        self._entry = entry
        self._map = path.with_suffix(".map")
        self._file = self._held()

    def _held(self) -> int:
        """The file, created at its length, with a shared lock that the process's end releases at the latest."""
        while True:
            try:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(file, fcntl.LOCK_SH)
                if not os.path.exists(self.path) or os.fstat(file).st_ino != os.stat(self.path).st_ino:
                    os.close(file)
                    continue
                os.ftruncate(file, self._entry.bytes_)
                os.utime(file)
            except OSError as error:
                raise StorageError(error.strerror or str(error), place=f"block cache {self.path.parent}") from error
            return file

    def close(self) -> None:
        """Let go of the file; it may be evicted from now on."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()

    def fill(self, needed: Iterable[Range], filesystem: Filesystem) -> None:
        """Bring ranges of the remote file here that are not here yet, in few requests.

        Raises InputError if the remote file has changed, StorageError where store or disk refuse.
        """
        absent = subtract(merge(needed, 0), self.present())
        wanted = [part for span in merge(absent, COALESCE_BYTES) for part in _parts(span)]
        if not wanted:
            return

        def bring(span: Range) -> None:
            with IN_FLIGHT.taken(span[1] - span[0]):
                self._put(span[0], filesystem.read(self._entry.uri, *span, self._entry.version))

        in_parallel(bring, wanted)
        self._note(wanted)

    def holds(self, span: Range) -> bool:
        """Whether all of a range is here."""
        return not subtract([span], self.present())

    def read(self, span: Range) -> bytes | None:
        """The bytes of a range, if all of it is here."""
        return os.pread(self._file, span[1] - span[0], span[0]) if self.holds(span) else None

    def write(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        """Put bytes of the remote file at their offsets, and note that they are here."""
        written: list[Range] = []
        for start, data in blocks:
            self._put(start, data)
            written.append((start, start + len(data)))
        self._note(written)

    def _put(self, at: int, data: bytes) -> None:
        try:
            _pwrite(self._file, data, at)
        except OSError as error:
            raise StorageError(
                error.strerror or str(error),
                place=f"block cache {self.path.parent}",
                remedy="Free space there, or set GRISTMILL_CACHE_DIR to another folder.",
            ) from error

    def _note(self, written: Iterable[Range]) -> None:
        """Adds to the ranges that are here."""
        with self._locked():
            merged = merge([*self.present(), *written], 0)
            temporary = self._map.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}.tmp")
            temporary.write_text(json.dumps(merged), encoding="ascii")
            temporary.replace(self._map)

    def present(self) -> list[Range]:
        """The ranges that are here, sorted and apart."""
        try:
            return [(start, end) for start, end in json.loads(self._map.read_text(encoding="ascii"))]
        except FileNotFoundError:
            return []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of the map at a time; the lock is on a file of its own, since the data file's is shared."""
        lock = os.open(self._map.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _pwrite(file: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, at)
        view, at = view[count:], at + count


def _parts(span: Range) -> Iterator[Range]:
    """A range in requests of at most 8 MiB, so that a long one uses several connections."""
    for start in range(span[0], span[1], REQUEST_BYTES):
        yield start, min(start + REQUEST_BYTES, span[1])


def merge(ranges: Iterable[Range], gap: int) -> list[Range]:
    """Sorted ranges without overlaps; those at most ``gap`` bytes apart become one."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract(ranges: Sequence[Range], present: Sequence[Range]) -> list[Range]:
    """What of sorted ``ranges`` lies in none of sorted ``present``."""
    left: list[Range] = []
    for start, end in ranges:
        at = start
        for have_start, have_end in present:
            if have_end <= at or have_start >= end:
                continue
            if have_start > at:
                left.append((at, have_start))
            at = max(at, have_end)
        if at < end:
            left.append((at, end))
    return left


def block_cache(folder: Path | None) -> BlockCache:
    """The cache in a folder; None: in a temporary one that goes with the process."""
    with _guard:  # several threads ask at once: two folders for one would not live as long
        return _block_cache(folder)


_guard = threading.Lock()


def _after_fork() -> None:
    global _guard  # noqa: PLW0603 - a thread that is not here may hold it
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


@cache
def _block_cache(folder: Path | None) -> BlockCache:
    return BlockCache(folder or _process_folder().path, load_settings().cache_bytes)


@cache
def _process_folder() -> TemporaryFolder:
    return TemporaryFolder(load_settings().local_dir)
