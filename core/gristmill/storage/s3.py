"""S3 and stores that speak its protocol.

obstore reads, lists and puts (it measured best, see docs/storage.md); botocore finds credentials, region and
endpoint where AWS's tools look for them, and holds the multipart uploads that stay pending until the commit.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import fsspec.config
import obstore
from botocore import UNSIGNED
from botocore.configprovider import ConfiguredEndpointProvider
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage import retry
from gristmill.storage.filesystem import Entry, StagedFile, Usage
from gristmill.storage.parallel import in_parallel
from gristmill.storage.s3_errors import translated
from gristmill.storage.s3_upload import MultipartUpload, Uploads
from gristmill.storage.secrets import READ_AGAIN_S, VALID_S, MountedSecret

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
    given = {**fsspec.config.conf.get("s3", {}), **options}
    wanted = given.get("client_kwargs", {})
    session = _session(store, given)
    anonymous = bool((store and store.anonymous) or given.get("anon"))
    if not anonymous and session.get_credentials() is None:
        raise _no_credentials(bucket, store)
    reach = _Reach(
        endpoint=(store and store.endpoint)
        or given.get("endpoint_url")
        or wanted.get("endpoint_url")
        or ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3").provide()
        or "",
        region=(store and store.region)
        or wanted.get("region_name")
        or session.get_config_variable("region")
        or os.environ.get("AWS_REGION")
        or "us-east-1",
        path_style=bool(store and store.path_style),
        anonymous=anonymous,
    )
    uploads = Uploads(lambda: _upload_client(session, reach), bucket)
    return S3Clients(bucket, _object_store(bucket, session, reach), uploads, reach.endpoint or "AWS S3")


def _session(store: Store | None, given: Mapping[str, Any]) -> botocore.session.Session:
    """A session whose credentials are those given, else of the store's Secret, else where AWS's tools look."""
    session = botocore.session.Session(profile=given.get("profile"))
    if given.get("key"):
        session.set_credentials(given["key"], given["secret"], given.get("token"))
    elif (secret := MountedSecret.of(store)) is not None:
        provider = _SecretProvider(secret)
        session.register_component("credential_provider", botocore.credentials.CredentialResolver([provider]))
    return session


class _SecretProvider(botocore.credentials.CredentialProvider):  # type: ignore[misc]
    """Credentials from a mounted Secret, whose files are read again about once a minute."""

    METHOD = "gristmill-secret"

    def __init__(self, secret: MountedSecret) -> None:
        super().__init__()
        self._secret = secret

    def load(self) -> Any:
        return botocore.credentials.RefreshableCredentials.create_from_metadata(
            metadata=self._secret.aws(),
            refresh_using=self._secret.aws,
            method=self.METHOD,
            advisory_timeout=VALID_S - READ_AGAIN_S,
            mandatory_timeout=(VALID_S - READ_AGAIN_S) // 2,
        )


@dataclass(frozen=True, slots=True)
class _Reach:
    """How a bucket is reached; no endpoint: AWS's own."""

    endpoint: str
    region: str
    path_style: bool
    anonymous: bool


def _upload_client(session: botocore.session.Session, reach: _Reach) -> Any:
    config = botocore.config.Config(
        s3={"addressing_style": "path" if reach.path_style else "auto"},
        signature_version=UNSIGNED if reach.anonymous else None,
        request_checksum_calculation="when_required",
        **retry.for_botocore(),
    )
    return session.create_client("s3", region_name=reach.region, endpoint_url=reach.endpoint or None, config=config)


def _object_store(bucket: str, session: botocore.session.Session, reach: _Reach) -> S3Store:
    settings: dict[str, Any] = {"region": reach.region, **retry.for_obstore()}
    settings["virtual_hosted_style_request"] = not (reach.path_style or _needs_path_style(reach.endpoint))
    if reach.endpoint:
        virtual = settings["virtual_hosted_style_request"]
        settings["endpoint"] = reach.endpoint.replace("://", f"://{bucket}.", 1) if virtual else reach.endpoint
        settings["client_options"]["allow_http"] = reach.endpoint.startswith("http://")
    if reach.anonymous:
        settings["skip_signature"] = True
    else:
        settings["credential_provider"] = _provider(session)
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


def _provider(session: botocore.session.Session) -> Callable[[], dict[str, Any]]:
    """What obstore calls for credentials: botocore renews them, so they are asked for again when they expire."""
    credentials = session.get_credentials()

    def provide() -> dict[str, Any]:
        now = credentials.get_frozen_credentials()
        expiry = getattr(credentials, "_expiry_time", None)
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": expiry.astimezone(UTC) if expiry is not None else None,  # obstore takes that zone only
        }

    return provide


def _no_credentials(bucket: str, store: Store | None) -> StorageError:
    secret = store.secret if store else ""
    return StorageError(
        f"no credentials found, and no Secret {secret!r} is mounted" if secret else "no credentials found",
        place=f"s3://{bucket}",
        remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, give storage_options, or mark the "
        "store as anonymous if the bucket is public.",
    )


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

    def ranges(self, uri: str, ranges: Sequence[tuple[int, int]], version: str = "") -> list[bytes]:
        """The bytes of each range, a request for each."""
        return in_parallel(lambda span: self.read(uri, span[0], span[1], version), ranges)

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
