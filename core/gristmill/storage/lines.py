"""Records of line-based files (text, CSV without quoted newlines, JSON lines) out of byte ranges.

A record belongs to the range that holds its first byte. A range that does not begin at 0 therefore begins after the
first newline at or before its first byte, and the last record is read to its end beyond the range. Content comes in
blocks of whole records, so memory is bounded by a block and the longest record.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa

from gristmill.errors import InputError
from gristmill.plan.source import FileRange
from gristmill.storage.compression import codec_of, decompressed
from gristmill.storage.filesystem import Filesystem
from gristmill.storage.parallel import ahead
from gristmill.storage.readable import utf_16

BLOCK_BYTES = 8 << 20
_BEYOND_BYTES = 64 << 10


def blocks(piece: FileRange, filesystem: Filesystem, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, bytes]]:
    """(offset in the file's content, whole records) of a range, in order; only the file's last may lack a newline.

    A compressed file is one range and its offsets count uncompressed bytes. Raises InputError for what cannot be
    read or decompressed.
    """
    if codec_of(piece.uri) is not None:
        yield from _compressed_blocks(piece, filesystem, block_bytes)
    else:
        yield from _range_blocks(piece, filesystem, block_bytes)


def _range_blocks(piece: FileRange, filesystem: Filesystem, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    start = _first_record(piece, filesystem, block_bytes)
    if start is None:
        return
    kept: list[bytes] = []
    at = start
    for data in range_reads(piece, filesystem, start, block_bytes):
        at += len(data)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield start, b"".join([*kept, data[:cut]])
            start, kept = at - len(data) + cut, []
        if cut < len(data):
            kept.append(data[cut:])
    if kept:
        yield start, b"".join([*kept, _to_newline(piece, filesystem)])


def range_reads(
    piece: FileRange, filesystem: Filesystem, start: int, block_bytes: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """The bytes of a piece from ``start`` on, block by block; of a remote file, the next blocks are on their way.

    Raises InputError where the file is shorter than the piece.
    """

    def read(at: int) -> bytes:
        end = min(at + block_bytes, piece.end)
        data = filesystem.read(piece.uri, at, end, piece.version)
        if len(data) < end - at:
            raise InputError("the file is shorter than when the job was planned", place=piece.uri)
        return data

    each = range(start, piece.end, block_bytes)
    return map(read, each) if filesystem.local_path(piece.uri) is not None or len(each) < 2 else ahead(read, each)


def _first_record(piece: FileRange, filesystem: Filesystem, block_bytes: int) -> int | None:
    """Where the first record of the range begins, None if none does."""
    if piece.start == 0:
        return 0
    at = piece.start - 1
    step = min(block_bytes, _BEYOND_BYTES)
    while at < piece.end:
        data = filesystem.read(piece.uri, at, min(at + step, piece.end), piece.version)
        found = data.find(b"\n")
        if found >= 0:
            return at + found + 1
        if not data:
            break
        at += len(data)
    return None


def _to_newline(piece: FileRange, filesystem: Filesystem) -> bytes:
    """What the last record has beyond its range, to its newline or the end of the file."""
    found: list[bytes] = []
    at = piece.end
    while True:
        data = filesystem.read(piece.uri, at, at + _BEYOND_BYTES, piece.version)
        cut = data.find(b"\n") + 1
        found.append(data[:cut] if cut else data)
        at += len(data)
        if cut or not data:
            return b"".join(found)


def _compressed_blocks(piece: FileRange, filesystem: Filesystem, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    at, kept = 0, b""
    for data in content_reads(piece.uri, filesystem, block_bytes):
        block = kept + data
        cut = block.rfind(b"\n") + 1
        if cut:
            yield at, block[:cut]
            at += cut
        kept = block[cut:]
    if kept:
        yield at, kept


def content_reads(uri: str, filesystem: Filesystem, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A file's content in order, decompressed where its name says so. Raises InputError where that fails."""
    stream = open_content(uri, filesystem)
    while True:
        try:
            data = stream.read(block_bytes)
        except (OSError, EOFError, pa.ArrowException, lzma.LZMAError, zlib.error) as error:
            raise InputError(
                f"the compressed file is corrupt or truncated: {error}",
                place=uri,
                remedy="Write it again, or give it a name without the compression's suffix if it is not compressed.",
            ) from error
        if not data:
            return
        yield data


def open_content(uri: str, filesystem: Filesystem) -> IO[bytes]:
    """A stream of a file's content, decompressed where its name says so."""
    codec = codec_of(uri)
    path = filesystem.local_path(uri)
    entry = filesystem.stat(uri) if path is not None else None
    if entry is not None:
        raw = pa.OSFile(str(path))
        filesystem.usage.add(read=entry.bytes_)
    else:
        raw = pa.BufferReader(filesystem.read(uri))
    return decompressed(raw, codec) if codec else raw


def text_of(uri: str, offset: int, block: bytes) -> str:
    """A block as text. Raises InputError with the offset of the first byte that is not UTF-8."""
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        raise bad_utf8(uri, offset + error.start, block[error.start]) from error


def bad_utf8(uri: str, offset: int, byte: int) -> InputError:
    """The error for text that is not UTF-8."""
    if offset == 0 and byte in (0xFE, 0xFF):  # how marked UTF-16 begins
        return utf_16(uri)
    return InputError(
        f"byte 0x{byte:02x} is not valid UTF-8",
        place=f"{uri}, byte {offset}",
        remedy="Convert the file to UTF-8 (iconv -f LATIN1 -t UTF-8), or leave it out of the input's pattern.",
    )


def split_lines(text: str) -> list[str]:
    """The lines of a block, without their ``\\n`` or ``\\r\\n``; only these end a line."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def lines_array(uri: str, offset: int, block: bytes) -> pa.StringArray:
    """The lines of a block as an Arrow string column, with the newlines cut out in one pass."""
    text_of(uri, offset, block)
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    newlines = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
    ends = newlines - np.arange(len(newlines))
    values = block.replace(b"\n", b"")
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(values))
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(values))
