"""S3 and stores that speak its protocol.

obstore reads, lists and puts (it measured best, see docs/storage.md). botocore finds credentials, region and endpoint
where AWS's tools look for them, and holds the multipart uploads that stay pending until the commit; importing it takes
longer than a small task, so it is left out until something needs it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage import retry
from gristmill.storage.filesystem import Entry, StagedFile, Usage
from gristmill.storage.s3_account import Account, account_of
from gristmill.storage.s3_errors import translated
from gristmill.storage.s3_upload import MultipartUpload, Uploads

T = TypeVar("T")

_LIST_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class S3Clients:
    """The two clients of one bucket."""

    bucket: str
    objects: Any
    uploads: Uploads
    endpoint: str


def connect(bucket: str, store: Store | None, options: Mapping[str, Any]) -> S3Clients:
    """Clients for a bucket: from the plan's ``Store`` and its Secret, fsspec's options and configuration, then the
    environment.

    Raises StorageError where no credentials are found.
    """
    account = account_of(bucket, store, options)
    uploads = Uploads(lambda: _upload_client(account), bucket)
    return S3Clients(bucket, _object_store(bucket, account), uploads, account.endpoint or "AWS S3")


def _upload_client(account: Account) -> Any:
    import botocore.config
    from botocore import UNSIGNED

    config = botocore.config.Config(
        s3={"addressing_style": "path" if account.path_style else "auto"},
        signature_version=UNSIGNED if account.anonymous else None,
        request_checksum_calculation="when_required",
        **retry.for_botocore(),
    )
    endpoint = account.endpoint or None
    return account.session().create_client("s3", region_name=account.region, endpoint_url=endpoint, config=config)


def _object_store(bucket: str, account: Account) -> S3Store:
    settings: dict[str, Any] = {"region": account.region, **retry.for_obstore()}
    settings["virtual_hosted_style_request"] = not (account.path_style or _needs_path_style(account.endpoint))
    if account.endpoint:
        virtual = settings["virtual_hosted_style_request"]
        settings["endpoint"] = account.endpoint.replace("://", f"://{bucket}.", 1) if virtual else account.endpoint
        settings["client_options"]["allow_http"] = account.endpoint.startswith("http://")
    if account.anonymous:
        settings["skip_signature"] = True
    else:
        settings["credential_provider"] = account.keys
    return S3Store(bucket, **settings)


def _needs_path_style(endpoint: str) -> bool:
    """Whether a bucket's name cannot stand before the host: an address, or a name without a domain."""
    host = urlparse(endpoint).hostname
    if host is None:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return True


class S3Filesystem:
    """Implements ``filesystem.Filesystem`` for one bucket."""

    def __init__(self, clients: S3Clients) -> None:
        self.usage = Usage()
        self._clients = clients
        self._root = f"s3://{clients.bucket}/"

    def metered(self) -> S3Filesystem:
        """The same bucket with counters of its own."""
        return S3Filesystem(self._clients)

    def _key(self, uri: str) -> str:
        return uri.split("/", 3)[3] if uri.count("/") > 2 else ""

    def _ask(self, uri: str, request: Callable[[], T]) -> T:
        self.usage.add()
        try:
            return request()
        except (BaseError, FileNotFoundError, FileExistsError, PermissionError, OSError, ValueError) as error:
            raise translated(error, uri, self._clients.endpoint, lambda: self.names(uri.rpartition("/")[0])) from error

    def walk(self, folder: str, depth: int | None = None) -> Iterator[Entry]:
        """Objects below a prefix that ends at a slash."""
        prefix = self._key(folder).rstrip("/")
        if depth == 1:
            found = self._ask(folder, lambda: obstore.list_with_delimiter(self._clients.objects, prefix or None))
            yield from map(self._entry, found["objects"])
            return
        chunks = iter(obstore.list(self._clients.objects, prefix or None, chunk_size=_LIST_CHUNK))
        while (chunk := self._ask(folder, lambda: next(chunks, None))) is not None:
            for meta in chunk:
                below = meta["path"][len(prefix) :].strip("/")
                if depth is None or below.count("/") < depth:
                    yield self._entry(meta)

    def _entry(self, meta: Any) -> Entry:
        version = meta["e_tag"] or f"{meta['size']}-{meta['last_modified'].timestamp()}"
        return Entry(f"{self._root}{meta['path']}", meta["size"], version)

    def names(self, folder: str) -> list[str]:
        """Names below a prefix; none where they cannot be listed."""
        prefix = self._key(folder).rstrip("/")
        try:
            found = obstore.list_with_delimiter(self._clients.objects, prefix or None)
        except (BaseError, OSError):
            return []
        folders = [f"{name.rstrip('/').rpartition('/')[2]}/" for name in found["common_prefixes"]]
        return [*folders, *(meta["path"].rpartition("/")[2] for meta in found["objects"])]

    def stat(self, uri: str) -> Entry | None:
        """The object of that key."""
        if not self._key(uri):
            return None
        self.usage.add()
        try:
            return self._entry(obstore.head(self._clients.objects, self._key(uri)))
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError, ValueError) as error:
            raise translated(error, uri, self._clients.endpoint, list) from error

    def read(self, uri: str, start: int = 0, end: int | None = None, version: str = "") -> bytes:
        """Bytes of an object."""
        options: dict[str, Any] = {"if_match": version} if _is_etag(version) else {}
        if end is not None and end <= start:
            return b""
        if start or end is not None:
            options["range"] = (start, end) if end is not None else {"offset": start}
        try:
            data = bytes(
                self._ask(uri, lambda: obstore.get(self._clients.objects, self._key(uri), options=options).bytes())
            )
        except StorageError as error:
            if "InvalidRange" not in error.reason:
                raise
            data = b""
        self.usage.add(requests=0, read=len(data))
        return data

    def put(self, uri: str, data: bytes) -> None:
        """Write an object whole."""
        self._ask(uri, lambda: obstore.put(self._clients.objects, self._key(uri), data))
        self.usage.add(requests=0, written=len(data))

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        """Write an object with If-None-Match."""
        self.usage.add(written=len(data))
        try:
            obstore.put(self._clients.objects, self._key(uri), data, mode="create")
        except (AlreadyExistsError, FileExistsError):
            return False
        except (BaseError, OSError, ValueError) as error:
            raise translated(error, uri, self._clients.endpoint, list) from error
        return True

    def delete(self, uris: Iterable[str]) -> None:
        """Remove objects, many in a request."""
        keys = [self._key(uri) for uri in uris]
        if keys:
            self._ask(f"{self._root}{keys[0]}", lambda: obstore.delete(self._clients.objects, keys))

    def stage(self, uri: str, staging: str) -> StagedFile:
        """Begin a multipart upload; it stays pending until the commit."""
        return MultipartUpload(self._clients.uploads, self._key(uri), self.usage)

    def publish(self, staged: str, uri: str) -> None:
        """Complete the upload."""
        self.usage.add()
        if not self._clients.uploads.complete(json.loads(staged)) and self.stat(uri) is None:
            raise StorageError("a committed part's upload is gone", place=uri)

    def discard(self, staged: str) -> None:
        """Abort the upload."""
        self.usage.add()
        token = json.loads(staged)
        self._clients.uploads.abort(token["key"], token["upload"])

    def discard_below(self, staging: str, folder: str, mark: str) -> int:
        """Abort pending uploads of keys below ``folder`` whose name has ``mark``."""
        found = [
            (key, upload)
            for key, upload in self._clients.uploads.pending(self._key(folder).rstrip("/") + "/")
            if mark in key.rpartition("/")[2]
        ]
        self.usage.add(requests=1 + len(found))
        for key, upload in found:
            self._clients.uploads.abort(key, upload)
        return len(found)

    def local_path(self, uri: str) -> Path | None:
        """None: an object has no path."""
        return None


def _is_etag(version: str) -> bool:
    return version.startswith(('"', 'W/"'))
