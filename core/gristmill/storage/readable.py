"""What makes a file unfit for the format it is read as, told from its first bytes."""

from __future__ import annotations

from gristmill.errors import InputError
from gristmill.storage.compression import codec_of
from gristmill.storage.filesystem import Entry, Filesystem

_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def refuse_binary(entry: Entry, filesystem: Filesystem, wanted: str) -> None:
    """Raise InputError if a file that shall be read as text is Parquet, Arrow, or text in 16-bit units."""
    head = filesystem.read(entry.uri, 0, min(6, entry.bytes_)) if entry.bytes_ else b""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(
                f"a {name} file cannot be read as {wanted}", place=entry.uri, remedy=f"Use format {name} for it."
            )
    if head.startswith(_UTF_16) and codec_of(entry.uri) is None:
        raise utf_16(entry.uri)


def utf_16(uri: str) -> InputError:
    """The error for text in 16-bit units."""
    return InputError("the file is UTF-16", place=uri, remedy="Convert it to UTF-8: iconv -f UTF-16 -t UTF-8")
