"""Stores: the one place that turns a URI, the plan's ``Store`` values and the environment into a filesystem.

Every part of Gristmill that touches data asks ``Stores.filesystem(uri)``. Credentials are found here and go no
further: into clients, never into plans, messages or logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType
from typing import Any

from gristmill.errors import InvalidPlan
from gristmill.plan.job import Store
from gristmill.storage.filesystem import Filesystem, Usage, scheme_of, volume_of
from gristmill.storage.local import LocalFilesystem


class Stores:
    """Filesystems for URIs, made once for each store and kept.

    ``stores`` say how buckets are reached (the longest matching prefix wins); ``options`` are fsspec's
    ``storage_options``, given to every store that is not local, and ``weak_commit``: True accepts stores without
    conditional puts (see ``commit``). ``volumes`` are those (``pvc://CLAIM``) that are not mounted here, with what
    reaches them. Safe for many threads.
    """

    def __init__(
        self,
        stores: tuple[Store, ...] = (),
        options: Mapping[str, Any] | None = None,
        volumes: Mapping[str, Filesystem] = MappingProxyType({}),
    ) -> None:
        self.stores = stores
        self._volumes = volumes
        self.options = _as_options(options or {})
        self.weak_commit = self.options.pop("weak_commit", False)
        self.proven: set[Filesystem] = set()
        """Those that were seen to honour conditional puts."""
        self._made: dict[tuple[str, Store | None], Filesystem] = {}
        self._lock = Lock()

    def filesystem(self, uri: str) -> Filesystem:
        """The filesystem that holds ``uri``. Raises InvalidPlan for a scheme that nothing here reads."""
        scheme = scheme_of(uri)
        if self._volumes and (elsewhere := self._volumes.get(volume_of(uri))) is not None:
            return elsewhere
        bucket = uri.partition("://")[2].partition("/")[0] if scheme != "file" else ""
        key = (f"{scheme}://{bucket}", self._store(uri))
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(scheme, bucket, key[1])
            return self._made[key]

    def usage(self) -> Usage:
        """Requests and bytes of all filesystems so far."""
        total = Usage()
        for made in list(self._made.values()):
            total.add(requests=made.usage.requests, read=made.usage.bytes_read, written=made.usage.bytes_written)
        return total

    def _store(self, uri: str) -> Store | None:
        matching = [store for store in self.stores if uri.startswith(store.prefix)]
        return max(matching, key=lambda store: len(store.prefix), default=None)

    def _make(self, scheme: str, bucket: str, store: Store | None) -> Filesystem:
        match scheme:
            case "file":
                return LocalFilesystem()
            case "s3" | "s3a":
                from gristmill.storage.s3 import S3Filesystem, connect

                return S3Filesystem(connect(bucket, store, self.options))
            case "gs" | "gcs" | "abfs" | "abfss" | "http" | "https" | "memory":
                from gristmill.storage import fsspec_store

                return fsspec_store.FsspecFilesystem(fsspec_store.connect(scheme, store, self.options))
            case _:
                raise InvalidPlan(
                    f"nothing here reads {scheme}://",
                    place=f"{scheme}://{bucket}",
                    remedy="Use a local path, s3://, gs://, abfs://, http://, https:// or memory://.",
                )


def _as_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Raises InvalidPlan for what cannot be options of any store."""
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise InvalidPlan(
            "they are not a dict of options by name",
            place="storage_options",
            remedy='As {"key": ..., "secret": ...}.',
        )
    if not isinstance(options.get("weak_commit", False), bool):
        raise InvalidPlan("weak_commit is True or False", place="storage_options")
    return dict(options)
