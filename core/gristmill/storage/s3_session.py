"""botocore's session for a store: what finds profiles, web identity and machine roles, and makes clients for uploads.

Imported when something of that is needed, since botocore takes longer to import than a small task to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore.credentials
import botocore.session
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import BotoCoreError

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage.secrets import READ_AGAIN_S, VALID_S, MountedSecret


def session(store: Store | None, given: Mapping[str, Any]) -> botocore.session.Session:
    """A session whose credentials are those given, else of the store's Secret, else where AWS's tools look."""
    made = botocore.session.Session(profile=given.get("profile"))
    if given.get("key"):
        made.set_credentials(given["key"], given["secret"], given.get("token"))
    elif (secret := MountedSecret.of(store)) is not None:
        provider = _SecretProvider(secret)
        made.register_component("credential_provider", botocore.credentials.CredentialResolver([provider]))
    return made


@contextmanager
def told(bucket: str) -> Iterator[None]:
    """Raises StorageError for what botocore cannot find or read: a profile, a file, a service that has keys."""
    try:
        yield
    except BotoCoreError as error:
        raise StorageError(
            f"its credentials cannot be had: {error}",
            place=f"s3://{bucket}",
            remedy="Correct the profile (AWS_PROFILE, storage_options), AWS's configuration files, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from error


def endpoint(made: botocore.session.Session) -> str:
    """The endpoint that environment and configuration files name for S3; empty where they name none."""
    return ConfiguredEndpointProvider(made.full_config, made.get_scoped_config(), "s3").provide() or ""


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
