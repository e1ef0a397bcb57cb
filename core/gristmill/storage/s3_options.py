"""What users may say of S3 in ``storage_options``, by the names that s3fs gives them, checked before anything is asked.

An option that would be ignored is refused: whoever gave it meant something. Messages name options, never their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gristmill.errors import InvalidPlan
from gristmill.plan.problems import did_you_mean
from gristmill.storage.secrets import AZURE_OPTIONS

PLACE = "storage_options"
_TEXTS_OF_ALL = ("key", "secret", "profile", "endpoint_url")
_TEXTS = (*_TEXTS_OF_ALL, "token")
"""The last is an option of Google's storage too, which means something else there."""
_CLIENT_TEXTS = ("endpoint_url", "region_name")
_KNOWN = (*_TEXTS, "anon", "client_kwargs")
_OF_OTHERS = frozenset({*AZURE_OPTIONS.values(), "project", "account_host", "use_listings_cache"})
"""Options of other stores, which a run may read beside; and one that asks for nothing."""
_REGION = 'Say client_kwargs={"region_name": ...}.'
_BETTER = {
    "region": _REGION,
    "region_name": _REGION,
    "aws_access_key_id": "Say key=...",
    "aws_secret_access_key": "Say secret=...",
    "aws_session_token": "Say token=...",
    "endpoint": "Say endpoint_url=...",
    "use_ssl": "The endpoint_url says it, by http:// or https:// before the host.",
}


def check_options(options: Mapping[str, Any]) -> None:
    """Raises InvalidPlan for options that nothing heeds, values of a wrong type, and keys without their other half."""
    for name in options:
        if name not in _KNOWN and name not in _OF_OTHERS:
            remedy = _BETTER.get(name) or did_you_mean(name, _KNOWN)
            raise InvalidPlan(f"S3 has no option {name!r} here", place=PLACE, remedy=remedy)
    check_values(options, PLACE)


def check_values(options: Mapping[str, Any], place: str) -> None:
    """As ``check_options``, for options of which some may be for others."""
    _check_texts(options, _TEXTS if options.get("key") else _TEXTS_OF_ALL, place)
    client = options.get("client_kwargs") or {}
    if not isinstance(client, Mapping):
        raise InvalidPlan(f"client_kwargs is a dict, not {_kind(client)}", place=place, remedy=_REGION)
    for name in client:
        if name not in _CLIENT_TEXTS:
            reason = f"client_kwargs has no {name!r} here"
            raise InvalidPlan(reason, place=place, remedy=did_you_mean(str(name), _CLIENT_TEXTS))
    _check_texts(client, _CLIENT_TEXTS, f"{place} client_kwargs")
    if not isinstance(options.get("anon") or False, bool):
        raise InvalidPlan(f"anon is True or False, not {_kind(options['anon'])}", place=place)
    for half, other in (("key", "secret"), ("secret", "key")):
        if options.get(half) and not options.get(other):
            raise InvalidPlan(f"there is {half}, but no {other}", place=place, remedy="Give both, or neither.")


def checked_endpoint(endpoint: str, place: str) -> str:
    """The endpoint. Raises InvalidPlan where it is no address of a server."""
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # its port is no number
        fits = False
    if not fits or endpoint != endpoint.strip():
        raise InvalidPlan(
            f"the endpoint {endpoint!r} is no address that begins with http:// or https://",
            place=place,
            remedy="Correct endpoint_url in storage_options, the endpoint of the store, or AWS_ENDPOINT_URL.",
        )
    return endpoint


def _check_texts(options: Mapping[str, Any], names: tuple[str, ...], place: str) -> None:
    for name in names:
        if not isinstance(options.get(name) or "", str):
            raise InvalidPlan(f"{name} is a text, not {_kind(options[name])}", place=place)


def _kind(value: object) -> str:
    return type(value).__name__
