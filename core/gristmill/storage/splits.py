"""Splits: from an input's URIs to the parts that map tasks read, and the schema of the rows.

The coordinator and EXPLAIN call ``plan_input`` before anything runs, so what listings and footers can tell (nothing
matches, not Parquet, schemas that differ) is told here and not by a task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gristmill.garbage import uncollected
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileSource, Format, Split
from gristmill.storage.filesystem import canonical
from gristmill.storage.formats.plan import FormatPlan, hive_columns
from gristmill.storage.listing import Listed, list_files
from gristmill.storage.manifest import manifest_parts
from gristmill.storage.packing import pack
from gristmill.storage.stores import Stores


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """An input after listing.

    ``source`` is the source to hand to readers: its URIs absolute, its schema that of the rows. ``bytes_`` is the
    size of the files, ``rows`` is None where only reading would tell.
    """

    source: FileSource
    splits: tuple[Split, ...]
    schema: Schema
    files: int
    bytes_: int
    rows: int | None


def plan_input(source: FileSource, stores: Stores, place: str) -> PlannedInput:
    """The splits of an input; ``place`` names it in messages. The same files and source give the same splits.

    Raises InputError (nothing matches, a file that is no whole file of the format, schemas that differ) and
    StorageError.
    """
    with uncollected():
        return _planned(source, stores, place)


def _planned(source: FileSource, stores: Stores, place: str) -> PlannedInput:
    uris = tuple(canonical(uri) for uri in source.uris)
    files = list_files(uris, source.hive, stores.filesystem, lambda folder: manifest_parts(folder, stores))
    if source.format is not Format.PARQUET or len(files) > _FEW_FILES:
        return _cut(source, uris, files, stores, place)
    key = (source, uris, tuple(files))
    if (known := _KNOWN.get(key)) is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        known = _KNOWN[key] = _cut(source, uris, files, stores, place)
    return known


_KNOWN: dict[tuple[FileSource, tuple[str, ...], tuple[Listed, ...]], PlannedInput] = {}
"""Inputs of few Parquet files, by these and their versions: a query asks for the same table when it is planned, when
it is cut into tasks, and when the next one reads it."""
_MOST_KNOWN = 256
_FEW_FILES = 16


def _cut(source: FileSource, uris: tuple[str, ...], files: list[Listed], stores: Stores, place: str) -> PlannedInput:
    hive = hive_columns(files, source, place) if source.format is not Format.TEXT else ()
    planned = _plan_format(files, _without_hive(source, hive), stores, place)
    names = {column.name for column in planned.schema}
    schema = (*planned.schema, *(column for column in hive if column.name not in names))
    splits = pack(planned.pieces, source.split_bytes or planned.split_bytes)
    rows = [split.rows for split in splits]
    return PlannedInput(
        replace(source, uris=uris, schema=schema),
        splits,
        schema,
        len(files),
        sum(listed.entry.bytes_ for listed in files),
        None if None in rows else sum(row or 0 for row in rows),
    )


def _without_hive(source: FileSource, hive: Schema) -> FileSource:
    """The source as its files see it: a declared column that is a folder is not in them."""
    folders = {column.name for column in hive}
    declared = tuple(column for column in source.schema or () if column.name not in folders)
    return replace(source, schema=declared or None)


def _plan_format(files: list[Listed], source: FileSource, stores: Stores, place: str) -> FormatPlan:
    """Each format's module is loaded when it is first met: a lead's first task waits for what it imports."""
    match source.format:
        case Format.PARQUET | Format.PAIRS:
            from gristmill.storage.formats.parquet import plan_parquet

            return plan_parquet(files, source, stores, place)
        case Format.TEXT:
            from gristmill.storage.formats.text import plan_text

            return plan_text(files, source)
        case Format.CSV:
            from gristmill.storage.formats.csv import plan_csv

            return plan_csv(files, source, stores, place)
        case Format.JSON:
            from gristmill.storage.formats.json import plan_json

            return plan_json(files, source, stores, place)
        case Format.ARROW:
            from gristmill.storage.formats.arrow import plan_arrow

            return plan_arrow(files, source, stores, place)
