"""The schema that a function's annotations say: ``-> Iterator[tuple[str, int]]`` gives pairs of text and integer.

The API asks when it makes a fragment, since annotations do not travel with a pickled function; the kernel asks for
functions that it finds by name.
"""

from __future__ import annotations

import datetime as dt
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, get_args, get_origin

from gristmill.plan.fragment import Calling
from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import ListOf, Logical, MapOf, Scalar, StructOf

_PLAIN: dict[object, Logical] = {
    bool: Scalar("BOOLEAN"),
    int: Scalar("BIGINT"),
    float: Scalar("DOUBLE"),
    str: Scalar("VARCHAR"),
    bytes: Scalar("BLOB"),
    dt.date: Scalar("DATE"),
    dt.time: Scalar("TIME"),
    dt.datetime: Scalar("TIMESTAMP"),
    dt.timedelta: Scalar("INTERVAL"),
    uuid.UUID: Scalar("UUID"),
}


def annotated_schema(function: Callable[..., Any], calling: Calling) -> Schema | None:
    """The schema of what ``function`` gives, by its annotations; None where they do not tell all of it."""
    if calling is Calling.BATCHES:
        return None
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return None
    item = _item_of(hints.get("return"))
    if calling is Calling.PAIRS:
        kinds = [_logical(each) for each in get_args(item)] if get_origin(item) is tuple else []
        named = list(zip(("key", "value"), kinds, strict=False)) if len(kinds) == 2 else []
    elif typing.is_typeddict(item):
        named = [(name, _logical(kind)) for name, kind in typing.get_type_hints(item).items()]
    else:
        return None
    if not named or any(kind is None for _, kind in named):
        return None
    return tuple(Column(name, str(kind)) for name, kind in named)


def _item_of(hint: object) -> Any:
    """T of Iterator[T], Iterable[T], Generator[T, …] and list[T]."""
    arguments = get_args(hint)
    return arguments[0] if arguments and get_origin(hint) is not tuple else None


def _logical(hint: Any) -> Logical | None:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        others = [each for each in arguments if each is not type(None)]
        return _logical(others[0]) if len(others) == 1 else None
    parts = [_logical(each) for each in arguments]
    if not parts or any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    if origin is tuple and Ellipsis not in arguments:
        return StructOf(tuple((f"_{at}", part) for at, part in enumerate(known)))
    if origin is list:
        return ListOf(known[0])
    return MapOf(*known) if origin is dict else None
