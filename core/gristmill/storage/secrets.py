"""Credentials of stores from mounted Secrets: a folder for each, a file for each key, as Kubernetes mounts them.

Where a store names a Secret and ``GRISTMILL_SECRETS_DIR`` has it, its keys are used; else clients look where their SDKs
do. Values go into clients and nowhere else: no message, log or plan has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.settings import load_settings

AWS_KEY, AWS_SECRET, AWS_TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
GOOGLE_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
AZURE_OPTIONS = {
    "AZURE_STORAGE_ACCOUNT_NAME": "account_name",
    "AZURE_STORAGE_ACCOUNT_KEY": "account_key",
    "AZURE_STORAGE_CONNECTION_STRING": "connection_string",
    "AZURE_STORAGE_SAS_TOKEN": "sas_token",
    "AZURE_CLIENT_ID": "client_id",
    "AZURE_CLIENT_SECRET": "client_secret",
    "AZURE_TENANT_ID": "tenant_id",
}
"""Keys of a Secret, and what adlfs calls them."""
VALID_S, READ_AGAIN_S = 360, 60
"""What was read counts as valid for so long, and is read again after the second: clients ask five minutes early."""


@dataclass(frozen=True, slots=True)
class MountedSecret:
    """The folder of one Secret."""

    folder: Path

    @classmethod
    def of(cls, store: Store | None) -> MountedSecret | None:
        """That of a store; None where it names none, or none is mounted."""
        root = load_settings().secrets_dir
        if store is None or not store.secret or root is None or not (root / store.secret).is_dir():
            return None
        return cls(root / store.secret)

    def file(self, key: str) -> Path | None:
        """The file of a key, if there is one."""
        path = self.folder / key
        return path if path.is_file() else None

    def value(self, key: str) -> str:
        """The value of a key, without space around it; empty where there is none. Raises StorageError."""
        try:
            return (self.folder / key).read_text().strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            what = getattr(error, "strerror", None) or "it is not text"
            raise StorageError(f"the key {key} cannot be read: {what}", place=self.place) from None

    def required(self, key: str) -> str:
        """The value of a key that must be there. Raises StorageError."""
        if value := self.value(key):
            return value
        raise StorageError(f"it has no key {key}", place=self.place, remedy=f"Put {AWS_KEY} and {AWS_SECRET} into it.")

    @property
    def place(self) -> str:
        """For messages."""
        return f"Secret {self.folder.name!r} of a store"

    def aws(self) -> dict[str, str]:
        """What botocore calls metadata of credentials, as the files are now. Raises StorageError."""
        return {
            "access_key": self.required(AWS_KEY),
            "secret_key": self.required(AWS_SECRET),
            "token": self.value(AWS_TOKEN) or None,  # type: ignore[dict-item]
            "expiry_time": (datetime.now(UTC) + timedelta(seconds=VALID_S)).isoformat(),
        }

    def google(self) -> dict[str, str]:
        """Options for gcsfs."""
        file = self.file(GOOGLE_FILE)
        return {"token": str(file)} if file else {}

    def azure(self) -> Mapping[str, str]:
        """Options for adlfs. Raises StorageError."""
        return {option: value for key, option in AZURE_OPTIONS.items() if (value := self.value(key))}
