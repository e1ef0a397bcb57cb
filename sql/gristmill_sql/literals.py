"""Python values as typed SQL literals: how parameters and folded constants enter a query, never as pasted text."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill_sql.copies import copied

_INTEGER_TYPES = (("INTEGER", 1 << 31), ("BIGINT", 1 << 63), ("HUGEINT", 1 << 127))


def typed_literal(value: object) -> exp.Expr:
    """The expression that DuckDB reads as exactly this value with the type it gives to a bound parameter."""
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case int():
            return cast_text(str(value), _integer_type(value))
        case float():
            return cast_text(_float_text(value), "DOUBLE")
        case str():
            return cast_text(value, "VARCHAR")
        case bytes() | bytearray() | memoryview():
            return cast_text("".join(f"\\x{byte:02X}" for byte in bytes(value)), "BLOB")
        case Decimal():
            return cast_text(format(value, "f"), _decimal_type(value))
        case dt.datetime():
            return cast_text(value.isoformat(sep=" "), "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ")
        case dt.date():
            return cast_text(value.isoformat(), "DATE")
        case dt.time():
            return cast_text(value.isoformat(), "TIME" if value.tzinfo is None else "TIMETZ")
        case dt.timedelta():
            seconds = value.seconds + value.microseconds / 1_000_000
            return cast_text(f"{value.days} days {seconds:.6f} seconds", "INTERVAL")
        case UUID():
            return cast_text(str(value), "UUID")
        case list() | tuple():
            return exp.Array(expressions=[typed_literal(item) for item in value])
        case dict():
            items = [
                exp.PropertyEQ(this=exp.to_identifier(str(k), quoted=True), expression=typed_literal(v))
                for k, v in value.items()
            ]
            return exp.Struct(expressions=items)
    raise InvalidQuery(f"a parameter of type {type(value).__name__} has no SQL type", place="parameters")


def cast_text(text: str, type_: str) -> exp.Expr:
    """``CAST('text' AS type)``."""
    return exp.Cast(this=exp.Literal.string(text), to=data_type(type_))


def typed_text(text: str | None, type_: str) -> exp.Expr:
    """The value that DuckDB shows as that text, of any type; None: NULL."""
    literal = exp.Null() if text is None else exp.Literal.string(text)
    return exp.Cast(this=literal, to=data_type(type_))


def data_type(text: str) -> exp.DataType:
    """The type that DuckDB shows as that text, as a tree of its own."""
    return copied(_data_type(text))


@lru_cache(maxsize=1024)
def _data_type(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="duckdb", udt=True)


def _integer_type(value: int) -> str:
    for name, bound in _INTEGER_TYPES:
        if -bound <= value < bound:
            return name
    raise InvalidQuery(f"the integer {value} does not fit in 128 bits", place="parameters")


def _float_text(value: float) -> str:
    return ("nan" if math.isnan(value) else "inf" if value > 0 else "-inf") if not math.isfinite(value) else repr(value)


def _decimal_type(value: Decimal) -> str:
    digits, exponent = value.as_tuple().digits, value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise InvalidQuery(f"the decimal {value} is not finite", place="parameters")
    scale = max(0, -exponent)
    width = max(len(digits) + max(0, exponent), scale + 1, 1)
    if width > 38:
        raise InvalidQuery(f"the decimal {value} has more than 38 digits", place="parameters")
    return f"DECIMAL({width},{scale})"
