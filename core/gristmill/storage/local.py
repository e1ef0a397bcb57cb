"""Files on this machine: the filesystem for plain paths and ``file://``.

What must be atomic uses rename and link in one folder tree. Commit records are flushed to disk before they appear;
parts are left to the operating system (docs/storage.md says what that means).
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import IO

from gristmill.errors import GristmillError, InputError, StorageError
from gristmill.plan.problems import did_you_mean
from gristmill.storage.filesystem import Entry, StagedFile, Usage
from gristmill.storage.layout import OWN

_REMEDIES = {
    errno.EACCES: "Grant this user access to it, or choose another place.",
    errno.EPERM: "Grant this user access to it, or choose another place.",
    errno.EROFS: "The file system is mounted read-only: choose another place.",
    errno.ENOSPC: "Free space on that disk, or choose another place.",
    errno.EDQUOT: "The user's disk quota is used up: free space, or choose another place.",
}


def _path(uri: str) -> str:
    return uri.removeprefix("file://")


def _version(stat: os.stat_result) -> str:
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _entry_of(child: os.DirEntry[str]) -> Entry | None:
    """The file that a listing found; None where it is gone since, or is no regular file."""
    try:
        stat = child.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refused(f"file://{child.path}", error) from error
    return Entry(f"file://{child.path}", stat.st_size, _version(stat)) if S_ISREG(stat.st_mode) else None


def _refused(uri: str, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(reason, place=uri.partition(f"/{OWN}/")[0], remedy=_REMEDIES.get(error.errno or 0, ""))


def _pread(file: int, start: int, end: int) -> bytes:
    """Bytes [start, end); the system gives at most 2 GiB at a time."""
    data = os.pread(file, max(0, end - start), start)
    while len(data) < end - start and (more := os.pread(file, end - start - len(data), start + len(data))):
        data += more
    return data


class LocalFilesystem:
    """Implements ``filesystem.Filesystem`` for this machine's files."""

    def __init__(self) -> None:
        self.usage = Usage()

    def metered(self) -> LocalFilesystem:
        """The same files with counters of their own."""
        return LocalFilesystem()

    def walk(self, folder: str, depth: int | None = None) -> Iterator[Entry]:
        """Files below a folder; links to folders are followed once, unreadable folders are an error."""
        return self._walk(_path(folder).rstrip("/") or "/", depth, frozenset())

    def _walk(self, path: str, depth: int | None, above: frozenset[tuple[int, int]]) -> Iterator[Entry]:
        self.usage.add()
        try:
            here = os.stat(path)
            children = list(os.scandir(path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _refused(f"file://{path}", error) from error
        identity = (here.st_dev, here.st_ino)
        if identity in above:
            return
        for child in children:
            if child.is_dir():
                if depth is None or depth > 1:
                    yield from self._walk(child.path, None if depth is None else depth - 1, above | {identity})
            elif (entry := _entry_of(child)) is not None:
                yield entry

    def names(self, folder: str) -> list[str]:
        """Names in a folder, none if it cannot be read."""
        try:
            return [child.name + "/" * child.is_dir() for child in os.scandir(_path(folder) or "/")]
        except OSError:
            return []

    def stat(self, uri: str) -> Entry | None:
        """The file of that path."""
        path = _path(uri)
        try:
            stat = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refused(uri, error) from error
        if not S_ISREG(stat.st_mode):  # a folder; a pipe or device, which would be waited for
            return None
        return Entry(f"file://{path}", stat.st_size, _version(stat))

    def read(self, uri: str, start: int = 0, end: int | None = None, version: str = "") -> bytes:
        """Bytes of a file."""
        with self._open(uri) as file:
            stat = os.fstat(file.fileno())
            if version and version != _version(stat):
                raise changed(uri)
            data = _pread(file.fileno(), start, stat.st_size if end is None else min(end, stat.st_size))
        self.usage.add(read=len(data))
        return data

    def _open(self, uri: str) -> IO[bytes]:
        try:
            return open(_path(uri), "rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise missing(uri, self.names(uri.rpartition("/")[0])) from error
        except OSError as error:
            raise _refused(uri, error) from error

    def put(self, uri: str, data: bytes) -> None:
        """Write a file whole, through a rename."""
        os.replace(self._written_beside(uri, data, durable=False), _path(uri))

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        """Write a file whole unless there is one, through a hard link."""
        temporary = self._written_beside(uri, data, durable=durable)
        try:
            os.link(temporary, _path(uri))
        except FileExistsError:
            return False
        except OSError as error:
            raise _refused(uri, error) from error
        finally:
            os.unlink(temporary)
        if durable:
            self._flush_folder(uri)
        return True

    def _written_beside(self, uri: str, data: bytes, *, durable: bool) -> str:
        path = _path(uri)
        temporary = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise _refused(uri, error) from error
        self.usage.add(written=len(data))
        return temporary

    @staticmethod
    def _flush_folder(uri: str) -> None:
        folder = os.open(os.path.dirname(_path(uri)), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self, uris: Iterable[str]) -> None:
        """Remove files, and folders that this leaves empty up to the first that is not."""
        folders: dict[str, None] = {}
        for uri in uris:
            try:
                os.unlink(_path(uri))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _refused(uri, error) from error
            folders[os.path.dirname(_path(uri))] = None
        self._prune(folders)

    @staticmethod
    def _prune(folders: Iterable[str]) -> None:
        """Remove empty Hive folders, so that a listing shows no ghosts of a removed generation."""
        for folder in folders:
            empty = folder
            while "=" in os.path.basename(empty):
                try:
                    os.rmdir(empty)
                except OSError:
                    break
                empty = os.path.dirname(empty)

    def stage(self, uri: str, staging: str) -> StagedFile:
        """Begin a temporary file in the staging folder."""
        name = f"{uuid.uuid4().hex[:12]}-{os.path.basename(_path(uri))}"
        try:
            os.makedirs(_path(staging), exist_ok=True)
            return _LocalStaged(os.path.join(_path(staging), name), self.usage)
        except OSError as error:
            raise _refused(uri, error) from error

    def publish(self, staged: str, uri: str) -> None:
        """Rename the temporary file into place."""
        try:
            os.makedirs(os.path.dirname(_path(uri)), exist_ok=True)
            os.replace(staged, _path(uri))
        except FileNotFoundError as error:
            if not os.path.exists(_path(uri)):
                raise StorageError("a committed part's staged file is gone", place=uri) from error
        except OSError as error:
            raise _refused(uri, error) from error

    def discard(self, staged: str) -> None:
        """Remove the temporary file."""
        Path(staged).unlink(missing_ok=True)

    def discard_below(self, staging: str, folder: str, mark: str) -> int:
        """Remove the staging folder; there are no pending uploads here."""
        found = sum(1 for _ in self.walk(staging))
        shutil.rmtree(_path(staging), ignore_errors=True)
        return found

    def local_path(self, uri: str) -> Path | None:
        """The path itself."""
        return Path(_path(uri))


class _LocalStaged:
    """A temporary file; the token is its path."""

    def __init__(self, path: str, usage: Usage) -> None:
        self._path = path
        self._usage = usage
        self._file = open(path, "xb", buffering=0)  # noqa: SIM115  closed by finish or abort

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _refused(self._path, error) from error
        self._usage.add(requests=0, written=memoryview(data).nbytes)

    def finish(self) -> str:
        self._file.close()
        return self._path

    def abort(self) -> None:
        self._file.close()
        Path(self._path).unlink(missing_ok=True)


def missing(uri: str, names: Sequence[str]) -> GristmillError:
    """The error for a file that is not there, with the nearest names of its folder."""
    return InputError("no such file", place=uri, remedy=did_you_mean(uri.rpartition("/")[2], names))


def changed(uri: str) -> GristmillError:
    """The error for a file that is not the one that was planned with."""
    return InputError(
        "the file has changed since the job was planned",
        place=uri,
        remedy="Run the job again; write new data under new names while jobs read.",
    )
