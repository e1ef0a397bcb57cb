"""Compression of whole files, told by the suffix of their names: what is readable, and streams that undo it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import IO, Any, cast

import pyarrow as pa

from gristmill.errors import InvalidPlan

_SUFFIXES = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".xz": "xz",
    ".lz4": "lz4",
    ".br": "brotli",
}
SUFFIX_OF = {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst", "xz": ".xz", "lz4": ".lz4", "brotli": ".br"}
_NAMES = {"gz": "gzip", "zst": "zstd", "br": "brotli"}


def codec_of(uri: str) -> str | None:
    """The codec that the name of a file says, or None."""
    return next((codec for suffix, codec in _SUFFIXES.items() if uri.lower().endswith(suffix)), None)


def codec_named(name: str, place: str) -> str | None:
    """The codec a user names for text output; None for none. Raises InvalidPlan with the known names."""
    codec = _NAMES.get(name, name)
    if codec in ("", "none", "uncompressed"):
        return None
    if codec not in SUFFIX_OF:
        raise InvalidPlan(
            f"unknown compression {name!r}", place=place, remedy=f"Use one of none, {', '.join(sorted(SUFFIX_OF))}."
        )
    return codec


def decompressed(raw: IO[bytes] | pa.NativeFile, codec: str) -> IO[bytes]:
    """A readable stream of the content of a compressed one. Corrupt data raises OSError or EOFError when read."""
    if codec == "xz":
        return cast(IO[bytes], lzma.LZMAFile(cast(Any, raw)))
    if codec == "bz2":
        return cast(IO[bytes], bz2.BZ2File(cast(Any, raw)))
    return cast(IO[bytes], pa.CompressedInputStream(raw, codec))


def compressing(raw: IO[bytes], codec: str) -> IO[bytes]:
    """A writable stream whose bytes reach ``raw`` compressed; closing it leaves ``raw`` open. Same bytes each time."""
    match codec:
        case "xz":
            return cast(IO[bytes], lzma.LZMAFile(raw, "wb"))
        case "bz2":
            return cast(IO[bytes], bz2.BZ2File(raw, "wb"))
        case "gzip":
            return cast(IO[bytes], gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0))
        case _:
            return cast(IO[bytes], pa.CompressedOutputStream(pa.PythonFile(_Open(raw), "w"), codec))


class _Open(io.RawIOBase):
    """Passes writes on and leaves the stream below open when it is closed."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._below.write(data)
        return len(data)
