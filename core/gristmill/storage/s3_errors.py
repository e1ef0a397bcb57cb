"""What S3's clients report, as errors with place and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable

from obstore.exceptions import (
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from gristmill.errors import GristmillError, StorageError
from gristmill.storage.layout import OWN
from gristmill.storage.local import changed, missing

_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403", "401")
_CREDENTIALS = (
    "Check the credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, storage_options, or the store's "
    "secret) and what they are allowed to do."
)
_OFFLINE = ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError")
"""Classes of botocore's errors, by name: it may not have been imported."""


def translated(error: Exception, uri: str, endpoint: str, names: Callable[[], list[str]]) -> GristmillError:
    """The error to raise for one from obstore or botocore; ``names`` lists what a missing file may be instead."""
    text, code = str(error), _code(error)
    uri = uri.partition(f"/{OWN}/")[0]
    bucket = uri.split("/")[2]
    if code == "NoSuchBucket":
        return StorageError(
            f"there is no bucket {bucket!r} at {endpoint}",
            place=uri,
            remedy="Create it, correct its name, or name the endpoint that has it.",
        )
    if isinstance(error, PreconditionError):
        return changed(uri)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or code in _DENIED:
        return StorageError(
            f"access denied by {endpoint}{f' ({code})' if code else ''}", place=uri, remedy=_CREDENTIALS
        )
    if isinstance(error, NotFoundError | FileNotFoundError) or code in ("NoSuchKey", "404"):
        return missing(uri, names())
    if _unreachable(error, text):
        return StorageError(
            f"cannot reach {endpoint}",
            place=uri,
            remedy="Check the network and the endpoint (the store's endpoint, or AWS_ENDPOINT_URL).",
        )
    return StorageError(f"{endpoint} refused: {code or _first_line(text)}", place=uri)


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    match = re.search(r"<Code>(\w+)</Code>", str(error))
    return match[1] if match else ""


def _unreachable(error: Exception, text: str) -> bool:
    return type(error).__name__ in _OFFLINE or "error sending request" in text or "HTTP error" in text


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "no reason given"
