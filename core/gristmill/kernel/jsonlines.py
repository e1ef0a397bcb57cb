"""Values of records as JSON, both ways, for commands: exact, and the same whatever the language reads them.

Integers are JSON numbers with all their digits, also beyond 2^53. What JSON cannot hold is a string: decimals as
digits, NaN and infinities by name, dates and times in ISO 8601, bytes in base64. Tuples are arrays.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa


def dumps(value: object) -> bytes:
    """One line of JSON, newline included."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_other, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_named_floats(value), ensure_ascii=False, default=_other, separators=(",", ":"))
    return text.encode() + b"\n"


def _other(value: object) -> object:
    match value:
        case Decimal():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case _:
            return str(value)


def _named_floats(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case dict():
            return {name: _named_floats(part) for name, part in value.items()}
        case list() | tuple():
            return [_named_floats(part) for part in value]
        case _:
            return value


def loads(line: bytes) -> Any:
    """The value of a line. Raises ValueError (with UnicodeDecodeError among them)."""
    return json.loads(line)


def from_json(value: Any, kind: pa.DataType) -> Any:
    """A JSON value as the Python value for a declared Arrow type. Raises ValueError or TypeError if it is none."""
    if value is None:
        return None
    types = pa.types
    if types.is_struct(kind):
        return _struct(value, kind)
    if types.is_list(kind):
        return [from_json(item, kind.value_type) for item in value]
    if types.is_map(kind):
        return {key: from_json(item, kind.item_type) for key, item in value.items()}
    if not isinstance(value, str):
        return Decimal(str(value)) if types.is_decimal(kind) else value
    return _from_text(value, kind)


def _struct(value: Any, kind: pa.StructType) -> dict[str, Any]:
    given = value if isinstance(value, dict) else {f"_{at}": part for at, part in enumerate(value)}
    return {name: from_json(part, kind.field(name).type) for name, part in given.items()}


def _from_text(text: str, kind: pa.DataType) -> Any:
    types = pa.types
    if types.is_floating(kind):
        return float(text)
    if types.is_decimal(kind):
        return Decimal(text)
    if types.is_binary(kind):
        return base64.b64decode(text, validate=True)
    if types.is_timestamp(kind):
        return dt.datetime.fromisoformat(text)
    if types.is_date(kind):
        return dt.date.fromisoformat(text)
    if types.is_time(kind):
        return dt.time.fromisoformat(text)
    if types.is_integer(kind):
        return int(text)
    return text
