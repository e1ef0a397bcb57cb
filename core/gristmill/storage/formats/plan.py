"""What planning an input gives, for one format, and the rules by which files' schemas become one.

Shared by the formats; knows listings and schemas, not how any format is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gristmill.errors import InputError, TypeConflict
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileRange, FileSource
from gristmill.rows.types import unify
from gristmill.storage.listing import Listed
from gristmill.storage.packing import SPLIT_BYTES, Weighed


@dataclass(frozen=True, slots=True)
class FormatPlan:
    """Pieces in input order, and the columns of their rows without those of Hive folders.

    ``split_bytes`` is the wanted size of a split where the source does not say one.
    """

    schema: Schema
    pieces: Sequence[Weighed]
    split_bytes: int = SPLIT_BYTES


_NULLS = '"NULL"'
"""The type of a column that holds nothing but NULLs: it fits any other."""


def whole_piece(listed: Listed, *, start: int = 0, end: int | None = None) -> FileRange:
    """All of a file, or a byte range of it, with its version and Hive values."""
    entry = listed.entry
    return FileRange(
        entry.uri, start, entry.bytes_ if end is None else end, version=entry.version, partition=listed.partition
    )


def one_schema(found: Sequence[tuple[str, Schema]], source: FileSource, place: str) -> Schema:
    """The schema of all files from each one's (URI, schema). Raises InputError naming two files and the column.

    Order of columns is the first file's; other files may have another. With ``unify`` columns that a file lacks are
    NULL in its rows and types widen (docs/storage.md); without it files must agree. A declared schema is what rows
    have, whatever the files' types.
    """
    first_of: dict[Schema, str] = {}
    for uri, schema in found:
        first_of.setdefault(schema, uri)
    _refuse_twins(first_of)
    if source.schema is not None:
        _refuse_missing(source, first_of)
        return source.schema
    unified, *others = first_of
    for schema in others:
        if not source.unify:
            _refuse_difference(unified, schema, first_of)
        try:
            unified = unify([unified, schema], place)
        except TypeConflict as conflict:
            raise _named_conflict(conflict, first_of, schema, first_of[schema]) from conflict
    return unified


def _refuse_twins(first_of: dict[Schema, str]) -> None:
    for schema, uri in first_of.items():
        names = [column.name for column in schema]
        if len(set(names)) < len(names):
            twin = next(name for name in names if names.count(name) > 1)
            raise InputError(
                f"it has two columns named {twin!r}", place=uri, remedy="Rename one of them where the file is written."
            )


def _refuse_difference(before: Schema, schema: Schema, first_of: dict[Schema, str]) -> None:
    """Raise if ``schema`` differs from what the files before it have."""
    left, right = {c.name: c.type for c in before}, {c.name: c.type for c in schema}
    for name in [*left, *right]:
        here, there = left.get(name, "missing"), right.get(name, "missing")
        if here != there and _NULLS not in (here, there):
            known = (
                uri for each, uri in first_of.items() if {c.name: c.type for c in each}.get(name, "missing") == here
            )
            raise InputError(
                f"files of one input differ: column {name!r} is {here} in {next(known)} and {there} in "
                f"{first_of[schema]}",
                place=first_of[schema],
                remedy="Set unify (SQL: union_by_name = true) to read missing columns as NULL and to widen numbers, "
                "or write the file anew.",
            )


def _named_conflict(conflict: TypeConflict, first_of: dict[Schema, str], schema: Schema, uri: str) -> InputError:
    for column in schema:
        for other, other_uri in first_of.items():
            kind = next((c.type for c in other if c.name == column.name), column.type)
            if kind != column.type and _conflicts(Column(column.name, kind), column):
                return InputError(
                    f"column {column.name!r} is {kind} in {other_uri} and {column.type} in {uri}: no type holds both",
                    place=uri,
                    remedy="Write one of the files anew, or read them as two inputs.",
                )
    return InputError(conflict.reason, place=uri, remedy=conflict.remedy)


def _conflicts(left: Column, right: Column) -> bool:
    try:
        unify([(left,), (right,)], "")
    except TypeConflict:
        return True
    return False


def _refuse_missing(source: FileSource, first_of: dict[Schema, str]) -> None:
    if source.unify or source.schema is None:
        return
    for schema, uri in first_of.items():
        names = [column.name for column in schema]
        for column in source.schema:
            if column.name not in names:
                raise InputError(
                    f"the declared column {column.name!r} is missing",
                    place=uri,
                    remedy=did_you_mean(column.name, names),
                )


def hive_columns(files: Iterable[Listed], source: FileSource, place: str) -> Schema:
    """The columns that Hive folders add: BIGINT or DATE where every value is one, else VARCHAR, or as declared.

    Raises InputError where files lie in folders of different names.
    """
    values: dict[str, set[str | None]] = {}
    names: tuple[str, ...] | None = None
    last: object = None
    for listed in files:
        if listed.partition is last:  # of one folder, as mostly
            continue
        last = listed.partition
        here = tuple(name for name, _ in listed.partition)
        if names is not None and here != names:
            raise InputError(
                f"files of one input lie in different partition folders: {'/'.join(names) or 'none'} and "
                f"{'/'.join(here) or 'none'}",
                place=listed.entry.uri,
                remedy="Read one level of folders, or set hive to false to take folder names as mere names.",
            )
        names = here
        for name, value in listed.partition:
            values.setdefault(name, set()).add(value)
    declared = {column.name: column.type for column in source.schema or ()}
    return tuple(Column(name, declared.get(name) or _hive_type(seen)) for name, seen in values.items())


_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _hive_type(values: set[str | None]) -> str:
    known = [value for value in values if value is not None]
    if known and all(_INTEGER.fullmatch(value) for value in known):
        return "BIGINT"
    if known and all(_DATE.fullmatch(value) for value in known):
        return "DATE"
    return "VARCHAR"
