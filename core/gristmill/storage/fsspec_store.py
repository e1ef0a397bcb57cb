"""Every other store through fsspec: gs://, abfs://, http(s):// and memory://.

Parts are staged as objects below ``_gristmill/staged/`` and copied into place at the commit, as these stores have no
upload that another process could complete. http(s) is read only and cannot be listed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import fsspec

from gristmill.errors import GristmillError, InvalidPlan, StorageError
from gristmill.plan.job import Store
from gristmill.storage.filesystem import Entry, StagedFile, Usage, join, scheme_of
from gristmill.storage.layout import OWN
from gristmill.storage.local import changed, missing
from gristmill.storage.secrets import MountedSecret

T = TypeVar("T")

_EXTRAS = {"gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "http": "http", "https": "http"}
_ABSENT = (404, 410)
_VERSIONS = ("ETag", "etag", "generation", "content_md5", "md5Hash", "mtime", "last_modified", "created")


def connect(scheme: str, store: Store | None, options: Mapping[str, Any]) -> Any:
    """fsspec's filesystem for a scheme.

    Raises InvalidPlan where its package is not installed, StorageError where it does not take the options.
    """
    given = {**_reach(scheme, store), **options}
    try:
        return fsspec.filesystem(scheme, use_listings_cache=False, **given)
    except ImportError as error:
        raise InvalidPlan(
            f"{scheme}:// needs a package that is not installed: {error}",
            place=f"{scheme}://",
            remedy=f"pip install 'gristmill[{_EXTRAS.get(scheme, scheme)}]'",
        ) from error
    except GristmillError:
        raise
    except Exception as error:
        raise StorageError(
            f"the store's client refused: {type(error).__name__}: {error}",
            place=f"{scheme}://",
            remedy="Check storage_options, and the credentials that the client finds.",
        ) from error


def _reach(scheme: str, store: Store | None) -> dict[str, Any]:
    if store is None:
        return {}
    secret = MountedSecret.of(store)
    if scheme in ("gs", "gcs"):
        return {
            **({"endpoint_url": store.endpoint} if store.endpoint else {}),
            **({"token": "anon"} if store.anonymous else secret.google() if secret else {}),
        }
    if scheme in ("abfs", "abfss"):
        return {
            **({"account_host": urlsplit(store.endpoint).netloc} if store.endpoint else {}),
            **({"anon": True} if store.anonymous else secret.azure() if secret else {}),
        }
    return {}


class FsspecFilesystem:
    """Implements ``filesystem.Filesystem`` over one of fsspec's."""

    def __init__(self, client: Any) -> None:
        self.usage = Usage()
        self._client = client
        self._checked: set[tuple[str, str]] = set()
        self._sizes: dict[str, int] = {}
        self._looking = Lock()

    def metered(self) -> FsspecFilesystem:
        """The same store with counters of its own."""
        return FsspecFilesystem(self._client)

    def _path(self, uri: str) -> str:
        return str(self._client._strip_protocol(uri))

    def _ask(self, uri: str, request: Callable[[], T]) -> T:
        self.usage.add()
        try:
            return request()
        except Exception as error:
            raise self._translated(error, uri) from error

    def _translated(self, error: BaseException, uri: str) -> GristmillError:
        uri = uri.partition(f"/{OWN}/")[0]
        if isinstance(error, GristmillError):
            return error
        if isinstance(error, FileNotFoundError):
            return missing(uri, self.names(uri.rpartition("/")[0]))
        return StorageError(
            f"the store refused: {type(error).__name__}: {error}".strip(": "),
            place=uri,
            remedy="Check the address, the network, and the credentials that the store's client finds.",
        )

    def walk(self, folder: str, depth: int | None = None) -> Iterator[Entry]:
        """Files below a folder; none for http, which has no listing."""
        if scheme_of(folder).startswith("http"):
            return
        path = self._path(folder).rstrip("/")
        found = self._ask(folder, lambda: self._found(path, depth))
        for name, info in found.items():
            if info["type"] == "file":
                yield _entry(join(folder, name[len(path) :].lstrip("/")), info)

    def _found(self, path: str, depth: int | None) -> dict[str, Any]:
        try:
            return dict(self._client.find(path, maxdepth=depth, detail=True))
        except FileNotFoundError:
            return {}

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none where they cannot be listed."""
        if scheme_of(folder).startswith("http"):
            return []
        try:
            found = self._client.ls(self._path(folder), detail=True)
        except Exception:  # noqa: BLE001  only for suggestions: the error that led here is told
            return []
        return [info["name"].rstrip("/").rpartition("/")[2] + "/" * (info["type"] == "directory") for info in found]

    def stat(self, uri: str) -> Entry | None:
        """The file of that name."""
        self.usage.add()
        try:
            info = self._client.info(self._path(uri))
        except FileNotFoundError as error:
            if error.__cause__ is not None and getattr(error.__cause__, "status", 0) not in _ABSENT:
                raise self._translated(error.__cause__, uri) from error  # of http, whatever went wrong
            return None
        except Exception as error:
            raise self._translated(error, uri) from error
        return _entry(uri, info) if info["type"] == "file" else None

    def read(self, uri: str, start: int = 0, end: int | None = None, version: str = "") -> bytes:
        """Bytes of a file; its version is looked at once. Servers may ignore the range and give all."""
        self._check(uri, version)
        if end is not None and end <= start:
            return b""
        whole = not start and end is None
        given = {} if whole else {"start": start, "end": end}
        data = bytes(self._ask(uri, lambda: self._some(uri, given)))
        self.usage.add(requests=0, read=len(data))
        size = self._sizes.get(uri, start + len(data))
        wanted = max(0, (size if end is None else min(end, size)) - start)
        return data[start : start + wanted] if len(data) > wanted else data

    def _some(self, uri: str, given: dict[str, int | None]) -> bytes:
        try:
            return bytes(self._client.cat_file(self._path(uri), **given))
        except Exception as error:
            if getattr(error, "status", getattr(error, "code", None)) == 416:
                return b""
            raise

    def _check(self, uri: str, version: str) -> None:
        if not version or (uri, version) in self._checked:
            return
        with self._looking:  # else each of many threads asks
            if (uri, version) in self._checked:
                return
            entry = self.stat(uri)
            if entry is None:
                raise missing(uri, self.names(uri.rpartition("/")[0]))
            if entry.version != version:
                raise changed(uri)
            self._sizes[uri] = entry.bytes_
            self._checked.add((uri, version))

    def put(self, uri: str, data: bytes) -> None:
        """Write a file whole."""
        self._ask(uri, lambda: self._client.pipe_file(self._path(uri), data))
        self.usage.add(requests=0, written=len(data))

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        """Write a file whole in fsspec's mode ``create``."""
        self.usage.add(written=len(data))
        try:
            self._client.pipe_file(self._path(uri), data, mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            raise self._translated(error, uri) from error
        return True

    def delete(self, uris: Iterable[str]) -> None:
        """Remove files."""
        for uri in uris:
            self._remove(self._path(uri), uri)

    def _remove(self, path: str, uri: str) -> None:
        self.usage.add()
        try:
            self._client.rm_file(path)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._translated(error, uri) from error

    def stage(self, uri: str, staging: str) -> StagedFile:
        """Begin an object in the staging folder."""
        path = self._path(join(staging, f"{uuid.uuid4().hex[:12]}-{uri.rpartition('/')[2]}"))
        return _StagedObject(self, path, uri)

    def open_staged(self, path: str, uri: str) -> Any:
        """A file to write a staged object through."""
        return self._ask(uri, lambda: self._client.open(path, "wb"))

    def publish(self, staged: str, uri: str) -> None:
        """Copy the staged object into place, then remove it."""
        try:
            self._client.cp_file(staged, self._path(uri))
        except FileNotFoundError as error:
            if self.stat(uri) is None:
                raise StorageError("a committed part's staged object is gone", place=uri) from error
        except Exception as error:
            raise self._translated(error, uri) from error
        self.usage.add()
        self._remove(staged, uri)

    def discard(self, staged: str) -> None:
        """Remove the staged object."""
        self._remove(staged, staged)

    def discard_below(self, staging: str, folder: str, mark: str) -> int:
        """Remove the objects of the staging folder; there are no pending uploads here."""
        found = [entry.uri for entry in self.walk(staging)]
        self.delete(found)
        return len(found)

    def local_path(self, uri: str) -> Path | None:
        """None: these files have no path."""
        return None


def _entry(uri: str, info: Mapping[str, Any]) -> Entry:
    if info.get("size") is None:
        raise StorageError(
            "the server does not tell the file's size", place=uri, remedy="Download it and read the local file."
        )
    version = next((info[name] for name in _VERSIONS if info.get(name)), "")
    seconds = version.timestamp() if isinstance(version, datetime) else version
    return Entry(uri, int(info["size"]), f"{info['size']}-{seconds}")


class _StagedObject:
    """An object that is being written; the token is its path."""

    def __init__(self, filesystem: FsspecFilesystem, path: str, uri: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._file = filesystem.open_staged(path, uri)

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(bytes(data))
        self._filesystem.usage.add(requests=0, written=len(data))

    def finish(self) -> str:
        self._file.close()
        return self._path

    def abort(self) -> None:
        self._file.close()
        self._filesystem.discard(self._path)
