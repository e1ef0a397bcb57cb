"""Whose S3 it is and where: credentials, endpoint and region of a bucket, found where AWS's own tools look.

Keys that are given, mounted or in the environment, without a configuration file beside them, are read here. For
everything else (profiles, web identity, machine roles, single sign-on) botocore is asked, which is slow to import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage.s3_options import check_options, check_values, checked_endpoint
from gristmill.storage.secrets import AWS_KEY, AWS_SECRET, AWS_TOKEN, MountedSecret

if TYPE_CHECKING:
    import botocore.session

_OLD_TOKEN = "AWS_SECURITY_TOKEN"
Keys = dict[str, Any]
"""What obstore takes: ``access_key_id``, ``secret_access_key``, ``token``, ``expires_at``."""


@dataclass(frozen=True, slots=True)
class Account:
    """How a bucket is reached; no endpoint: AWS's own. ``keys`` gives the credentials as they are now,
    ``session`` makes botocore's, once, with the same."""

    endpoint: str
    region: str
    path_style: bool
    anonymous: bool
    keys: Callable[[], Keys]
    session: Callable[[], botocore.session.Session]


def account_of(bucket: str, store: Store | None, options: Mapping[str, Any]) -> Account:
    """The account for a bucket. Raises StorageError where no credentials are found, InvalidPlan for wrong options."""
    check_options(options)
    given = {**_configured_options(), **options}
    check_values(given, f"options of S3 for {bucket!r}")

    @cache
    def session() -> botocore.session.Session:
        from gristmill.storage import s3_session

        return s3_session.session(store, given)

    anonymous = bool((store and store.anonymous) or given.get("anon"))
    keys = _known_keys(store, given)
    if keys is None and not anonymous:
        keys = _found_keys(session(), bucket, store)
    endpoint, region = _place(bucket, store, given, session)
    return Account(
        endpoint=endpoint,
        region=region,
        path_style=bool(store and store.path_style),
        anonymous=anonymous,
        keys=keys or dict,
        session=session,
    )


def _configured_options() -> Mapping[str, Any]:
    """fsspec's own configuration for S3, where there can be any: of the program, in files, in the environment."""
    folder = Path(os.environ.get("FSSPEC_CONFIG_DIR") or Path.home() / ".config" / "fsspec")
    named = any(name.startswith("FSSPEC_") for name in os.environ)
    if "fsspec.config" not in sys.modules and not named and not folder.is_dir():
        return {}
    import fsspec.config

    return dict(fsspec.config.conf.get("s3", {}))


def _known_keys(store: Store | None, given: Mapping[str, Any]) -> Callable[[], Keys] | None:
    """Keys that need no looking for, in the order in which botocore would take them."""
    if given.get("key"):
        return lambda: _keys(given["key"], given["secret"], given.get("token"))
    if (secret := MountedSecret.of(store)) is not None:
        secret.aws()  # what it lacks is told now
        return lambda: _mounted_keys(secret)
    key, secret_key = os.environ.get(AWS_KEY), os.environ.get(AWS_SECRET)
    if given.get("profile") or not (key and secret_key):
        return None
    token = os.environ.get(_OLD_TOKEN) or os.environ.get(AWS_TOKEN)
    return lambda: _keys(key, secret_key, token)


def _keys(key: str, secret: str, token: str | None, expires_at: datetime | None = None) -> Keys:
    return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": expires_at}


def _mounted_keys(secret: MountedSecret) -> Keys:
    form = secret.aws()
    expires_at = datetime.fromisoformat(form["expiry_time"]).astimezone(UTC)  # obstore takes that zone only
    return _keys(form["access_key"], form["secret_key"], form["token"], expires_at)


def _found_keys(session: botocore.session.Session, bucket: str, store: Store | None) -> Callable[[], Keys]:
    """What obstore calls for credentials: botocore renews them, so they are asked for again when they expire."""
    from gristmill.storage import s3_session

    with s3_session.told(bucket):
        credentials = session.get_credentials()
    if credentials is None:
        raise _no_credentials(bucket, store)

    def found() -> Keys:
        with s3_session.told(bucket):
            now = credentials.get_frozen_credentials()
        expiry = getattr(credentials, "_expiry_time", None)
        return _keys(now.access_key, now.secret_key, now.token, None if expiry is None else expiry.astimezone(UTC))

    return found


def _place(
    bucket: str, store: Store | None, given: Mapping[str, Any], session: Callable[[], botocore.session.Session]
) -> tuple[str, str]:
    """Endpoint and region. Raises InvalidPlan, or StorageError for configuration files that cannot be read."""
    reading: AbstractContextManager[None] = nullcontext()
    if _has_config_file(given):
        from gristmill.storage import s3_session

        reading = s3_session.told(bucket)
    with reading:
        endpoint, region = _endpoint(store, given, session), _region(store, given, session)
    return endpoint and checked_endpoint(endpoint, f"s3://{bucket}"), region


def _endpoint(store: Store | None, given: Mapping[str, Any], session: Callable[[], botocore.session.Session]) -> str:
    client = given.get("client_kwargs") or {}
    wanted = (store and store.endpoint) or given.get("endpoint_url") or client.get("endpoint_url")
    if wanted:
        return str(wanted)
    if _has_config_file(given):
        from gristmill.storage import s3_session

        return s3_session.endpoint(session())
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _region(store: Store | None, given: Mapping[str, Any], session: Callable[[], botocore.session.Session]) -> str:
    wanted = (store and store.region) or (given.get("client_kwargs") or {}).get("region_name")
    if not wanted:
        wanted = os.environ.get("AWS_DEFAULT_REGION")
    if not wanted and _has_config_file(given):
        wanted = session().get_config_variable("region")
    return str(wanted or os.environ.get("AWS_REGION") or "us-east-1")


def _has_config_file(given: Mapping[str, Any]) -> bool:
    """Whether AWS's tools have files that could say more; a profile that is asked for must be in them."""
    names = (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
    files = (Path(os.environ.get(name) or Path.home() / ".aws" / default) for name, default in names)
    return bool(given.get("profile") or os.environ.get("AWS_PROFILE")) or any(file.is_file() for file in files)


def _no_credentials(bucket: str, store: Store | None) -> StorageError:
    secret = store.secret if store else ""
    return StorageError(
        f"no credentials found, and no Secret {secret!r} is mounted" if secret else "no credentials found",
        place=f"s3://{bucket}",
        remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, give storage_options, or mark the "
        "store as anonymous if the bucket is public.",
    )
