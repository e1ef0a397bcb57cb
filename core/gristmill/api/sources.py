"""Inputs of jobs in Python: files by URI and format, tables in memory, other jobs; each with its own map and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.api.checks import SchemaLike, key_columns, must_be, schema_of, uris_of
from gristmill.api.functions import Work
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.source import FileSource, Format

if TYPE_CHECKING:
    from gristmill.api.job import Job

Uris = str | Path | Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a job. Made by ``text``, ``parquet``, ``csv``, ``json``, ``arrow``, ``pairs`` and ``from_job``."""

    source: FileSource | Job
    map: Work | None = None
    map_batches: Work | None = None
    key: tuple[str, ...] = ()
    exchange: ExchangeKind | None = None


def text(uri: Uris, *, whole: bool = False, map: Work | None = None, key: Sequence[str] = ()) -> Input:
    """A record per line (key: the file's URI, value: the line without its end), or with ``whole`` one per file."""
    return _files(uri, Format.TEXT, map, None, key, whole=whole)


def parquet(
    uri: Uris,
    *,
    map: Work | None = None,
    map_batches: Work | None = None,
    key: Sequence[str] = (),
    unify: bool = False,
    hive: bool = True,
) -> Input:
    """Rows of Parquet files. For a Python map the key is (URI, row number), the value a dict."""
    return _files(uri, Format.PARQUET, map, map_batches, key, unify=unify, hive=hive)


def csv(
    uri: Uris,
    *,
    map: Work | None = None,
    map_batches: Work | None = None,
    key: Sequence[str] = (),
    header: bool = True,
    delimiter: str = ",",
    quote: str = '"',
    null: str = "",
    newlines: bool = True,
    schema: SchemaLike = None,
    unify: bool = False,
    hive: bool = True,
) -> Input:
    """Rows of CSV files. Types are inferred unless ``schema`` declares them; ``newlines``: quoted values have some."""
    return _files(
        uri,
        Format.CSV,
        map,
        map_batches,
        key,
        header=header,
        delimiter=delimiter,
        quote=quote,
        null=null,
        newlines=newlines,
        schema=schema_of(schema, "gm.csv(...)"),
        unify=unify,
        hive=hive,
    )


def json(
    uri: Uris,
    *,
    map: Work | None = None,
    map_batches: Work | None = None,
    key: Sequence[str] = (),
    schema: SchemaLike = None,
    unify: bool = False,
    hive: bool = True,
) -> Input:
    """Rows of JSON lines files, one object per line."""
    return _files(
        uri, Format.JSON, map, map_batches, key, schema=schema_of(schema, "gm.json(...)"), unify=unify, hive=hive
    )


def arrow(
    uri: Uris,
    *,
    map: Work | None = None,
    map_batches: Work | None = None,
    key: Sequence[str] = (),
    unify: bool = False,
    hive: bool = True,
) -> Input:
    """Rows of Arrow IPC files."""
    return _files(uri, Format.ARROW, map, map_batches, key, unify=unify, hive=hive)


def pairs(uri: Uris, *, map: Work | None = None) -> Input:
    """The pairs that a job wrote earlier: its columns ``key`` and ``value`` are what a Python map gets."""
    return _files(uri, Format.PAIRS, map, None, () if map else ("key",))


def from_job(job: Job, *, map: Work | None = None, map_batches: Work | None = None, key: Sequence[str] = ()) -> Input:
    """The rows of another job, which then runs as part of the same chain. ``input=job`` is short for it."""
    from gristmill.api.job import Job

    must_be(job, Job, "a job", "gm.from_job(...)", "give the gm.Job itself")
    return Input(job, map, map_batches, key_columns(key, f"gm.from_job({job!r})"))


def broadcast(input_: Input) -> Input:
    """The same input, given whole to every reducer instead of by key: for a small side of a join."""
    must_be(input_, Input, "an input", "gm.broadcast(...)", "give gm.parquet(...), gm.from_job(...), …")
    return replace(input_, exchange=ExchangeKind.BROADCAST)


def _files(
    uri: Uris, format_: Format, map_: Work | None, map_batches: Work | None, key: Sequence[str], **options: Any
) -> Input:
    place = f"gm.{format_}(...)"
    source = FileSource(uris_of(uri, place), format_, **options)
    return Input(source, map_, map_batches, key_columns(key, place))
