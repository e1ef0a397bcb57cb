"""Whether arguments of the API are of the kind that they have to be: told where they are given, in the caller's words.

Python lets anybody pass anything; what nobody looks at here would be noticed far from where it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from gristmill.errors import InvalidPlan
from gristmill.plan.job import Store
from gristmill.plan.schema import Column, Schema
from gristmill.rows.declared import check_types

Each = TypeVar("Each")
"""How a list of columns names each."""
SchemaLike = Schema | Mapping[str, str] | None
"""Columns as ``{"name": "DUCKDB TYPE"}``."""
_TYPES = 'as {"name": "VARCHAR", "price": "DECIMAL(15,2)"}'


def must_be(
    value: object, kinds: type | tuple[type, ...], wanted: str, place: str, remedy: str = "", *, none: bool = False
) -> None:
    """Raises InvalidPlan unless ``value`` is of one of the ``kinds``, or with ``none`` None; True is no number."""
    if value is None and none:
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise InvalidPlan(f"{_shown(value)} is not {wanted}", place=place, remedy=remedy)


def whole_number(value: object, name: str, place: str) -> None:
    """Raises InvalidPlan unless it is one, or None."""
    must_be(value, int, "a whole number", f"{place}, {name}", none=True)


def seconds(value: object, name: str, place: str) -> None:
    """Raises InvalidPlan unless it is a number, or None."""
    must_be(value, Real, "a number of seconds", f"{place}, {name}", none=True)


def uris_of(given: Any, place: str) -> tuple[str, ...]:
    """One URI or several, as texts. Raises InvalidPlan."""
    remedy = "give a path, a glob, or a list of them"
    several = [given] if isinstance(given, str | Path) else given
    if not isinstance(several, Iterable) or isinstance(several, bytes | Mapping):
        raise InvalidPlan(f"{_shown(given)} is not a URI", place=place, remedy=remedy)
    several = list(several)
    if not several:
        raise InvalidPlan("there is no URI", place=place, remedy=remedy)
    for each in several:
        must_be(each, (str, Path), "a URI", place, remedy)
    return tuple(str(each) for each in several)


def stores_of(given: Iterable[Store], place: str) -> tuple[Store, ...]:
    """Stores as a tuple. Raises InvalidPlan."""
    remedy = 'give a list: stores=[gm.Store("s3://bucket/", endpoint="http://minio:9000")]'
    must_be(given, (list, tuple), "a list of stores", f"{place}, stores", remedy)
    for store in given:
        must_be(store, Store, "a store", f"{place}, stores", remedy)
        must_be(store.prefix, str, "a prefix of URIs", f"{place}, stores", remedy)
    return tuple(given)


def columns(given: Iterable[Each], parameter: str, place: str) -> tuple[Each, ...]:
    """Columns as a tuple. Raises InvalidPlan for a single string, which Python would take apart into letters."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        remedy = f"{parameter}=[{given!r}]" if isinstance(given, str) else f'{parameter}=["..."]'
        raise InvalidPlan(f"{parameter} is a list of columns, not {given!r}", place=place, remedy=remedy)
    return tuple(given)


def key_columns(given: Iterable[str], place: str) -> tuple[str, ...]:
    """The names of key columns. Raises InvalidPlan."""
    names = columns(given, "key", place)
    for name in names:
        must_be(name, str, "the name of a column", f"{place}, key")
    return names


def schema_of(schema: SchemaLike, place: str) -> Schema | None:
    """The plan's form of a declared schema. Raises InvalidPlan for what is none, and for types that there are not."""
    if schema is None:
        return None
    place = f"{place}, schema"
    if isinstance(schema, Mapping):
        schema = tuple(Column(name, type_) for name, type_ in schema.items())
    if not isinstance(schema, tuple) or not all(isinstance(column, Column) for column in schema):
        raise InvalidPlan(f"{_shown(schema)} is not a schema", place=place, remedy=f"columns and types: {_TYPES}")
    for column in schema:
        must_be(column.name, str, "the name of a column", place)
        must_be(column.type, str, "a type", f"{place}, column {column.name!r}", f"types by their names: {_TYPES}")
    check_types(schema, place)
    return schema


def _shown(value: object) -> str:
    """A short value itself, of another its type."""
    text = repr(value) if isinstance(value, str | int | float | bool | None) else ""
    return text if 0 < len(text) <= 40 else f"a value of type {type(value).__name__}"
