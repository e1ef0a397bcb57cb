"""Inputs of jobs in Python: files by URI and format, tables in memory, other jobs; each with its own map and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gristmill.api.functions import Work
from gristmill.errors import InvalidPlan
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format

if TYPE_CHECKING:
    from gristmill.api.job import Job

Uris = str | Path | Sequence[str | Path]
Each = TypeVar("Each")
"""How a list of columns names each."""
SchemaLike = Schema | dict[str, str] | None
"""Columns as ``{"name": "DUCKDB TYPE"}``."""


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
    options: dict[str, Any] = {
        "header": header,
        "delimiter": delimiter,
        "quote": quote,
        "null": null,
        "newlines": newlines,
        "schema": schema_of(schema),
        "unify": unify,
        "hive": hive,
    }
    return _files(uri, Format.CSV, map, map_batches, key, **options)


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
    return _files(uri, Format.JSON, map, map_batches, key, schema=schema_of(schema), unify=unify, hive=hive)


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
    return Input(job, map, map_batches, columns(key, "key", f"gm.from_job({job!r})"))


def broadcast(input_: Input) -> Input:
    """The same input, given whole to every reducer instead of by key: for a small side of a join."""
    return replace(input_, exchange=ExchangeKind.BROADCAST)


def columns(given: Sequence[Each], parameter: str, place: str) -> tuple[Each, ...]:
    """Columns as a tuple. Raises InvalidPlan for a single string, which Python would take apart into letters."""
    if isinstance(given, str):
        raise InvalidPlan(
            f"{parameter} is a list of columns, not {given!r}", place=place, remedy=f"{parameter}=[{given!r}]"
        )
    return tuple(given)


def schema_of(schema: SchemaLike) -> Schema | None:
    """The plan's form of a declared schema."""
    if isinstance(schema, dict):
        return tuple(Column(name, type_) for name, type_ in schema.items())
    return schema


def _files(
    uri: Uris, format_: Format, map_: Work | None, map_batches: Work | None, key: Sequence[str], **options: Any
) -> Input:
    uris = [uri] if isinstance(uri, str | Path) else list(uri)
    if not uris:
        raise InvalidPlan(
            "there is no URI", place=f"gm.{format_}(...)", remedy="give a path, a glob, or a list of them"
        )
    keys = columns(key, "key", f"gm.{format_}(...)")
    return Input(FileSource(tuple(str(each) for each in uris), format_, **options), map_, map_batches, keys)
