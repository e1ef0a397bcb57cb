"""One type for what several tasks or files gave: the rules by which logical types and schemas are unified.

The coordinator calls this when a stage is sealed, storage when files differ, the kernel when records do. It decides
on types alone and never sees data.
"""

from __future__ import annotations

from collections.abc import Sequence

from gristmill.errors import TypeConflict
from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import NULL, ArrayOf, Decimal, ListOf, Logical, MapOf, Scalar, StructOf, parse

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_DIGITS = {
    "TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "BIGINT": 19,
    "UBIGINT": 20, "HUGEINT": 38, "UHUGEINT": 38,
}  # fmt: skip
_FLOATS = ("FLOAT", "DOUBLE")
_TIMES = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")
_DOUBLE = Scalar("DOUBLE")


def unify(schemas: Sequence[Schema], place: str) -> Schema:
    """One schema into which the rows of all ``schemas`` can be cast; columns by name, in order of first appearance.

    A column that some lack is NULL there. Raises TypeConflict, which names ``place``, the column and both types.
    """
    found: dict[str, Logical] = {}
    for schema in dict.fromkeys(schemas):
        for column in schema:
            kind = parse(column.type)
            before = found.get(column.name, NULL)
            together = unify_types(before, kind)
            if together is None:
                raise _conflict(place, column.name, before, kind)
            found[column.name] = together
    return tuple(Column(name, str(kind)) for name, kind in found.items())


def unify_types(left: Logical, right: Logical) -> Logical | None:
    """The type that holds the values of both, None where there is none.

    NULL gives way; integers widen; an integer and a float are DOUBLE; a decimal takes whole digits from an integer and
    turns DOUBLE beside a float or beyond 38 digits; dates and timestamps take the finest; lists, maps and structs
    unify by parts. Nothing turns into text, and a BOOLEAN is no number.
    """
    if right in (left, NULL):
        return left
    if left == NULL:
        return right
    match left, right:
        case ListOf(a), ListOf(b):
            return _wrapped(ListOf, unify_types(a, b))
        case (ArrayOf(a), ListOf(b)) | (ListOf(a), ArrayOf(b)):
            return _wrapped(ListOf, unify_types(a, b))
        case ArrayOf(a, n), ArrayOf(b, m):
            item = unify_types(a, b)
            return item and (ArrayOf(item, n) if n == m else ListOf(item))
        case MapOf(k1, v1), MapOf(k2, v2):
            key, value = unify_types(k1, k2), unify_types(v1, v2)
            return MapOf(key, value) if key and value else None
        case StructOf(a), StructOf(b):
            return _unify_structs(a, b)
    return _unify_numbers(left, right) or _unify_times(left, right)


def _wrapped(make: type[ListOf], item: Logical | None) -> Logical | None:
    return make(item) if item is not None else None


def _unify_structs(left: tuple[tuple[str, Logical], ...], right: tuple[tuple[str, Logical], ...]) -> Logical | None:
    fields = dict(left)
    for name, kind in right:
        together = unify_types(fields.get(name, NULL), kind)
        if together is None:
            return None
        fields[name] = together
    return StructOf(tuple(fields.items()))


def _unify_numbers(left: Logical, right: Logical) -> Logical | None:
    if not (_is_number(left) and _is_number(right)):
        return None
    if _name(left) in _FLOATS or _name(right) in _FLOATS:
        return _DOUBLE
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return _unify_decimals(_as_decimal(left), _as_decimal(right))
    return _unify_integers(_name(left), _name(right))


def _unify_integers(left: str, right: str) -> Logical:
    if (left in _SIGNED) == (right in _SIGNED):
        family = _SIGNED if left in _SIGNED else _UNSIGNED
        return Scalar(max(left, right, key=family.index))
    signed, unsigned = (left, right) if left in _SIGNED else (right, left)
    if unsigned == "UHUGEINT":
        return _DOUBLE
    needed = _UNSIGNED.index(unsigned) + 1
    return Scalar(_SIGNED[max(_SIGNED.index(signed), needed)])


def _unify_decimals(left: Decimal, right: Decimal) -> Logical:
    scale = max(left.scale, right.scale)
    width = max(left.width - left.scale, right.width - right.scale) + scale
    return Decimal(width, scale) if width <= 38 else _DOUBLE


def _unify_times(left: Logical, right: Logical) -> Logical | None:
    names = {_name(left), _name(right)}
    if names <= {"TIME", "TIME_NS"}:
        return Scalar("TIME_NS")
    if names <= {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}:
        return Scalar("TIMESTAMPTZ_NS")
    if not names <= set(_TIMES):
        return None
    finest = max(names, key=_TIMES.index)
    return Scalar(finest)


def _is_number(kind: Logical) -> bool:
    return isinstance(kind, Decimal) or _name(kind) in _DIGITS or _name(kind) in _FLOATS


def _as_decimal(kind: Logical) -> Decimal:
    return kind if isinstance(kind, Decimal) else Decimal(_DIGITS[_name(kind)], 0)


def _name(kind: Logical) -> str:
    return kind.name if isinstance(kind, Scalar) else ""


def _conflict(place: str, column: str, left: Logical, right: Logical) -> TypeConflict:
    return TypeConflict(
        f"column {column!r} is {left} in one place and {right} in another",
        place=place,
        remedy="Give one type everywhere: convert the values, or declare the type (schema=, annotations, or CAST).",
    )
