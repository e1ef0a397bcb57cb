"""Where rows come from: files by URI, or another job of the chain; and splits, the parts that one task reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gristmill.plan.schema import Schema

VOLUMES = "file:///volumes/"
"""Where pods have mounted the volumes of ``pvc://CLAIM/path``."""


def on_volume(uri: str) -> bool:
    """Whether a URI lies on such a volume, which perhaps not every worker has."""
    return uri.lower().startswith(("pvc://", VOLUMES, VOLUMES.removeprefix("file://")))


class Format(StrEnum):
    """A file format that inputs and outputs may have."""

    TEXT = "text"
    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
    PAIRS = "pairs"
    """Parquet with the columns ``key`` and ``value``, as a job of pairs writes it."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files matched by ``uris`` (globs, folders, Hive-style partition folders allowed), read as ``format``.

    ``whole``: a text file is one record, not one per line. ``header``, ``delimiter``, ``quote`` and
    ``null`` are for CSV (``newlines``: quoted values may hold newlines). ``schema`` declares columns instead of
    inferring them. ``hive``: ``name=value`` folders become columns. ``unify``: files may differ in columns
    (missing ones read as NULL, numeric types widen); without it a difference is an error.
    ``split_bytes`` is the wanted size of a split.
    """

    uris: tuple[str, ...]
    format: Format
    whole: bool = False
    header: bool = True
    delimiter: str = ","
    quote: str = '"'
    null: str = ""
    newlines: bool = True
    schema: Schema | None = None
    hive: bool = True
    unify: bool = False
    split_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobSource:
    """The rows that another job gives: ``fromJob`` in a manifest, ``input=job`` in Python."""

    job: str


Source = FileSource | JobSource


@dataclass(frozen=True, slots=True)
class FileRange:
    """A piece of one file: bytes [start, end) of it, or for Parquet and Arrow rows [first_row, first_row + rows).

    A record belongs to the range that holds its first byte. ``version`` (an ETag, or size and mtime) detects a file
    that changes while it is read. ``partition`` holds the values of Hive folders as text, None for the NULL folder.
    """

    uri: str
    start: int
    end: int
    first_row: int | None = None
    rows: int | None = None
    version: str = ""
    partition: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """What one map task reads: pieces of files, in order. ``bytes_`` and ``rows`` are estimates for planning.

    ``places`` are names of hosts, nodes and zones that it is near to; ``volumes`` those that a worker must have mounted
    to read it at all, where not every worker has them.
    """

    pieces: tuple[FileRange, ...]
    bytes_: int
    rows: int | None = None
    places: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
