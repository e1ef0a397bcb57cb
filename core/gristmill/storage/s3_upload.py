"""Multipart uploads that one process begins and fills, and another completes: how parts stay unseen in S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import Any

from gristmill.storage.filesystem import Usage
from gristmill.storage.s3_errors import translated

PART_BYTES = 8 << 20
LARGE_PART_BYTES = 64 << 20
_LARGE_AFTER = 1000
_IN_FLIGHT = 4


class Uploads:
    """The multipart requests of one bucket. Raises StorageError."""

    def __init__(self, connect: Callable[[], Any], bucket: str) -> None:
        self._connect = connect
        self._bucket = bucket
        self._lock = Lock()

    @cached_property
    def _client(self) -> Any:
        """Made when first needed, as making it is slow."""
        with self._lock:
            return self._connect()

    def begin(self, key: str) -> str:
        """The id of a new upload."""
        return str(self._call("create_multipart_upload", key)["UploadId"])

    def part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Upload one part; its ETag."""
        made = self._call("upload_part", key, UploadId=upload, PartNumber=number, Body=data)
        return str(made["ETag"])

    def complete(self, token: dict[str, Any]) -> bool:
        """Make the object visible; False where there is no such upload (any more)."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in token["parts"]]
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=token["key"], UploadId=token["upload"], MultipartUpload={"Parts": parts}
            )
        except _boto_errors() as error:
            if _code(error) == "NoSuchUpload":
                return False
            raise self._translated(error, token["key"]) from error
        return True

    def abort(self, key: str, upload: str) -> None:
        """Drop an upload; one that is gone is no error."""
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)
        except _boto_errors() as error:
            if _code(error) != "NoSuchUpload":
                raise self._translated(error, key) from error

    def pending(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, id) of uploads that were begun below a prefix and are neither complete nor dropped."""
        pages = self._client.get_paginator("list_multipart_uploads")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for upload in page.get("Uploads", ()):
                    yield upload["Key"], upload["UploadId"]
        except _boto_errors() as error:
            raise self._translated(error, prefix) from error

    def _call(self, operation: str, key: str, **given: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, Key=key, **given)
        except _boto_errors() as error:
            raise self._translated(error, key) from error

    def _translated(self, error: Exception, key: str) -> Exception:
        return translated(error, f"s3://{self._bucket}/{key}", self._client.meta.endpoint_url, list)


def _boto_errors() -> tuple[type[Exception], ...]:
    """What its requests raise; asked for once something was raised, when it has been imported."""
    import botocore.exceptions

    return botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


class MultipartUpload:
    """A staged object: it is begun and its parts go up on threads while the caller goes on; at most four are held in
    memory. What the store refuses is raised by ``write`` or ``finish``."""

    def __init__(self, uploads: Uploads, key: str, usage: Usage) -> None:
        self._uploads = uploads
        self._key = key
        self._usage = usage
        self._buffer = bytearray()
        self._number = 0
        self._sent: list[tuple[int, Future[str]]] = []
        self._threads = ThreadPoolExecutor(_IN_FLIGHT, "upload")
        self._upload = self._threads.submit(uploads.begin, key)
        usage.add()

    def write(self, data: bytes | memoryview) -> None:
        self._buffer += data
        part_bytes = PART_BYTES if self._number < _LARGE_AFTER else LARGE_PART_BYTES
        while len(self._buffer) >= part_bytes:
            self._send(bytes(self._buffer[:part_bytes]))
            del self._buffer[:part_bytes]

    def finish(self) -> str:
        if self._buffer or not self._number:
            self._send(bytes(self._buffer))
        try:
            parts = [(number, future.result()) for number, future in self._sent]
        finally:
            self._threads.shutdown()
        return json.dumps({"key": self._key, "upload": self._upload.result(), "parts": parts})

    def abort(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        if not self._upload.cancelled() and self._upload.exception() is None:
            self._uploads.abort(self._key, self._upload.result())

    def _send(self, data: bytes) -> None:
        self._number += 1
        if len(self._sent) >= _IN_FLIGHT:
            self._sent[-_IN_FLIGHT][1].result()
        self._usage.add(written=len(data))
        self._sent.append((self._number, self._threads.submit(self._part, self._number, data)))

    def _part(self, number: int, data: bytes) -> str:
        return self._uploads.part(self._key, self._upload.result(), number, data)
