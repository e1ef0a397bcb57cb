"""Parquet footers: schema, rows and sizes of row groups without reading data.

Planning reads them for every file, many at once for remote stores; readers ask again for the files of one split and
find them in a small cache, which knows a file by its URI and version. Another process on this machine that has read
from a remote file has left its footer in the block cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import InputError
from gristmill.plan.schema import Schema
from gristmill.storage.blockcache import cached_file
from gristmill.storage.filesystem import Entry, Filesystem
from gristmill.storage.parallel import in_parallel
from gristmill.storage.parquet_types import parquet_schema

TAIL_BYTES = 64 << 10
MAGIC = b"PAR1"
_MOST_KEPT = 512
_MOST_KEPT_BYTES = 8 << 20
"""As they lie in files; parsed they take seven times as much."""


@dataclass(frozen=True, slots=True)
class FooterSummary:
    """What planning needs of a footer. ``group_bytes`` are uncompressed."""

    schema: Schema
    group_rows: tuple[int, ...]
    group_bytes: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows of the whole file."""
        return sum(self.group_rows)


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer in full: ``metadata`` is pyarrow's form, ``raw`` the file's bytes from the footer's first to its end."""

    summary: FooterSummary
    metadata: Any
    raw: bytes


class Footers:
    """Reads footers and keeps the last few hundred. Safe for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Footer] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()
        self._schemas = _Schemas()

    def read(self, entry: Entry, filesystem: Filesystem, blocks: Path | None = None) -> Footer:
        """The footer of one file; ``blocks`` is the folder of a block cache that may have it.

        Raises InputError for what is not a whole Parquet file.
        """
        key = (entry.uri, entry.version)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        kept = kept_footer(entry, blocks) if blocks and filesystem.local_path(entry.uri) is None else None
        footer = self._parse(entry, kept or footer_bytes(entry, filesystem))
        with self._lock:
            self._kept_bytes += len(footer.raw) - len(self._kept[key].raw if key in self._kept else b"")
            self._kept[key] = footer
            while len(self._kept) > 1 and (len(self._kept) > _MOST_KEPT or self._kept_bytes > _MOST_KEPT_BYTES):
                self._kept_bytes -= len(self._kept.popitem(last=False)[1].raw)
        return footer

    def summaries(
        self, entries: Sequence[Entry], filesystem: Callable[[str], Filesystem], blocks: Callable[[], Path]
    ) -> list[FooterSummary]:
        """Of many files, in their order: remote ones many at once, local ones in turn, as waiting is not their cost.
        ``blocks`` tells the folder of a block cache."""
        local = all(filesystem(entry.uri).local_path(entry.uri) is not None for entry in entries[:1])
        if local:
            return [self.read(entry, filesystem(entry.uri)).summary for entry in entries]
        folder = blocks()
        return in_parallel(lambda entry: self.read(entry, filesystem(entry.uri), folder).summary, entries)

    def _parse(self, entry: Entry, raw: bytes) -> Footer:
        try:
            metadata = pq.read_metadata(pa.BufferReader(MAGIC + raw))
            schema = self._schemas.of(metadata)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"the Parquet footer is corrupt: {error}", place=entry.uri, remedy=_LEAVE_OUT) from error
        groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        rows, sizes = tuple(g.num_rows for g in groups), tuple(g.total_byte_size for g in groups)
        return Footer(FooterSummary(schema, rows, sizes), metadata, raw)


class _Schemas:
    """Logical schemas of footers; that of the file before is tried first, since files of an input are mostly alike."""

    def __init__(self) -> None:
        self._last: tuple[Any, bytes | None, Schema] | None = None

    def of(self, metadata: Any) -> Schema:
        stored, hints = metadata.schema, (metadata.metadata or {}).get(b"ARROW:schema")
        last = self._last
        if last is not None and last[1] == hints and last[0].equals(stored):
            return last[2]
        schema = parquet_schema(metadata)
        self._last = (stored, hints, schema)
        return schema


FOOTERS = Footers()
"""Those of this process: planning and readers ask for the same."""


def footer_bytes(entry: Entry, filesystem: Filesystem) -> bytes:
    """The end of a Parquet file from the first byte of its footer: one request, or two for a very large footer."""
    if entry.bytes_ == 0:
        raise InputError("the file is empty (0 bytes), so it is no Parquet file", place=entry.uri, remedy=_LEAVE_OUT)
    start = max(0, entry.bytes_ - TAIL_BYTES)
    tail = filesystem.read(entry.uri, start, entry.bytes_, entry.version)
    if len(tail) < 12 or tail[-4:] != MAGIC:
        raise _not_parquet(entry, filesystem)
    needed = int.from_bytes(tail[-8:-4], "little") + 8
    if needed > entry.bytes_:
        raise InputError("the Parquet footer is corrupt: it claims to be longer than the file", place=entry.uri)
    if needed > len(tail):
        tail = filesystem.read(entry.uri, entry.bytes_ - needed, entry.bytes_, entry.version)
    return tail[-needed:]


def kept_footer(entry: Entry, blocks: Path) -> bytes | None:
    """As ``footer_bytes``, out of the block cache in a folder, if it has the footer."""
    cached = cached_file(blocks, entry)
    end = cached.read((max(0, entry.bytes_ - 8), entry.bytes_)) if cached else None
    if cached is None or end is None or end[-4:] != MAGIC:
        return None
    return cached.read((max(0, entry.bytes_ - 8 - int.from_bytes(end[:4], "little")), entry.bytes_))


_LEAVE_OUT = "Remove it, write it again, or leave it out of the input's pattern."


def _not_parquet(entry: Entry, filesystem: Filesystem) -> InputError:
    head = filesystem.read(entry.uri, 0, min(4, entry.bytes_))
    if head == MAGIC:
        return InputError("the Parquet file is truncated: its footer is missing", place=entry.uri, remedy=_LEAVE_OUT)
    return InputError(
        f"not a Parquet file: it begins with {head!r}",
        place=entry.uri,
        remedy="Name its format (text, csv, json, arrow), or leave it out of the input's pattern.",
    )
