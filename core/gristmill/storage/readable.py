"""What makes a file unfit for the format it is read as, told from its first bytes."""

from __future__ import annotations

from gristmill.errors import InputError
from gristmill.storage.filesystem import Entry, Filesystem

_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}


def refuse_binary(entry: Entry, filesystem: Filesystem, wanted: str) -> None:
    """Raise InputError if a file that shall be read as text is Parquet or Arrow."""
    head = filesystem.read(entry.uri, 0, min(6, entry.bytes_)) if entry.bytes_ else b""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(
                f"a {name} file cannot be read as {wanted}", place=entry.uri, remedy=f"Use format {name} for it."
            )
