"""JSON for plans, stages and tasks: what crosses between processes, lies in scratch, and is hashed into digests.

Everybody who sends or stores a plan value calls ``to_json`` and ``from_json``; the form follows from the type hints
of the frozen dataclasses alone, so a new field needs no work here. It must not know what any type means. The rules:
a dataclass is an object without the fields that have their default, one of a union also has ``$type``; tuples are
arrays, enums their value, bytes base64. The text is canonical: equal values give equal text.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import hashlib
import json
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from gristmill.errors import InvalidPlan
from gristmill.plan.problems import did_you_mean

TAG = "$type"
"""The field that says which class of a union an object is."""

T = TypeVar("T")
_Convert = Callable[[Any], Any]
_SCALARS = (str, int, bool)
_TEXT = frozenset([str])


class _Misfit(Exception):
    """A part of the JSON that does not fit its type; the path grows while the exception climbs."""

    def __init__(self, reason: str, remedy: str = "", path: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.path = reason, remedy, path

    def under(self, step: str) -> _Misfit:
        """The same, seen from one level higher."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return _Misfit(self.reason, self.remedy, f"{step}{joint}{self.path}")


def to_json(value: object, type_: Any = None) -> str:
    """The canonical JSON text of a plan value.

    ``type_`` is what ``from_json`` will be asked for, where that is not the value's own class (a union, a tuple).
    Raises InvalidPlan for what JSON cannot hold (an infinite number, a value of another type than declared).
    """
    hint: Any = type_ or type(value)
    form = _encoder(hint)
    try:
        return json.dumps(form(value) if form else value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidPlan(f"cannot be written as JSON: {error}", place=_type_name(hint)) from error


@typing.overload
def from_json(text: str | bytes, type_: type[T]) -> T: ...
@typing.overload
def from_json(text: str | bytes, type_: types.UnionType | types.GenericAlias) -> Any: ...
def from_json(text: str | bytes, type_: Any) -> Any:
    """The value of class (or union, or tuple) ``type_`` that ``to_json`` wrote.

    Raises InvalidPlan that names the place in the JSON.
    """
    try:
        form = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidPlan(f"not JSON: {error.msg}", place=place) from error
    except (ValueError, RecursionError) as error:
        raise InvalidPlan(f"not JSON: {error}", place=_type_name(type_)) from error
    try:
        return _decoder(type_)(form)
    except _Misfit as misfit:
        at = misfit.under(_type_name(type_))
        raise InvalidPlan(at.reason, place=at.path, remedy=at.remedy) from None


def digest(value: object) -> str:
    """32 hex digits that equal values of one class share: the start of SHA-256 of the canonical JSON."""
    return digest_of_text(to_json(value))


def digest_of_text(text: str) -> str:
    """The digest of the value that ``to_json`` wrote so."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# Encoding. An encoder is None where the value is already what json.dumps wants: most of a task's values are plain
# strings and tuples of ints, and a call for each would be most of the time.


@functools.cache
def _encoder(hint: Any) -> _Convert | None:
    hint = _plain(hint)
    if hint in _SCALARS or hint is type(None):
        return None
    if hint is float:
        return float
    if hint is bytes:
        return lambda value: base64.b64encode(value).decode()
    if _is_union(hint):
        return _union_encoder(hint)
    if typing.get_origin(hint) is tuple:
        return _tuple_encoder(typing.get_args(hint))
    if dataclasses.is_dataclass(hint):
        return _record_encoder(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: value.value
    raise TypeError(f"no JSON form for {hint!r}")


def _tuple_encoder(items: tuple[Any, ...]) -> _Convert | None:
    encoders = [_encoder(item) for item in items if item is not Ellipsis]
    if not any(encoders):
        return None
    if items[-1] is Ellipsis:
        one = typing.cast(_Convert, encoders[0])
        return lambda value: [one(item) for item in value]
    return lambda value: [encode(item) if encode else item for encode, item in zip(encoders, value, strict=True)]


def _union_encoder(hint: Any) -> _Convert | None:
    members = [member for member in typing.get_args(hint) if member is not type(None)]
    if len(members) == 1:
        one = _encoder(members[0])
        return one and (lambda value: None if value is None else one(value))
    if not all(map(dataclasses.is_dataclass, members)):
        raise TypeError(f"a union must be of dataclasses: {hint!r}")
    encoders = {member: typing.cast(_Convert, _encoder(member)) for member in members}

    def encode(value: Any) -> Any:
        if value is None:
            return None
        encoder = encoders.get(type(value))
        if encoder is None:
            raise TypeError(f"{type(value).__name__} is none of {', '.join(m.__name__ for m in members)}")
        return {TAG: type(value).__name__, **encoder(value)}

    return encode


def _record_encoder(cls: Any) -> _Convert:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    parts = [(field.name, _default(field), _encoder(hints[field.name])) for field in fields]
    if not any(encoder or default is not dataclasses.MISSING for _, default, encoder in parts):
        names = [field.name for field in fields]
        return lambda value: {name: getattr(value, name) for name in names}

    def encode(value: Any) -> dict[str, Any]:
        form = {}
        for name, default, encoder in parts:
            item = getattr(value, name)
            if item is default or item == default:
                continue
            form[name] = encoder(item) if encoder else item
        return form

    return encode


# Decoding.


@functools.cache
def _decoder(hint: Any) -> _Convert:
    hint = _plain(hint)
    if hint in _SCALARS:
        return functools.partial(_decode_scalar, hint)
    if hint is float:
        return _decode_float
    if hint is bytes:
        return _decode_bytes
    if _is_union(hint):
        return _union_decoder(hint)
    if typing.get_origin(hint) is tuple:
        return _tuple_decoder(typing.get_args(hint))
    if dataclasses.is_dataclass(hint):
        return _record_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_decoder(hint)
    raise TypeError(f"no JSON form for {hint!r}")


def _decode_scalar(wanted: type, form: Any) -> Any:
    if type(form) is wanted:
        return form
    raise _wrong(form, {str: "text", int: "a whole number", bool: "true or false"}[wanted])


def _decode_float(form: Any) -> float:
    if type(form) is float or type(form) is int:
        return float(form)
    raise _wrong(form, "a number")


def _decode_bytes(form: Any) -> bytes:
    if type(form) is not str:
        raise _wrong(form, "base64 text")
    try:
        return base64.b64decode(form, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Misfit(f"not base64: {error}") from error


def _enum_decoder(kind: type[Enum]) -> _Convert:
    members = {member.value: member for member in kind}

    def decode(form: Any) -> Enum:
        member = members.get(form) if isinstance(form, str) else None
        if member is None:
            raise _Misfit(f"unknown {kind.__name__} {form!r}", did_you_mean(str(form), members))
        return member

    return decode


def _tuple_decoder(items: tuple[Any, ...]) -> _Convert:
    if items[-1] is not Ellipsis:
        return _fixed_tuple_decoder([_decoder(item) for item in items])
    decode_item = _decoder(items[0])
    scalar = frozenset([_plain(items[0])]) & frozenset(_SCALARS)

    def decode(form: Any) -> tuple[Any, ...]:
        if type(form) is not list:
            raise _wrong(form, "an array")
        if scalar and scalar.issuperset(map(type, form)):
            return tuple(form)
        decoded: list[Any] = []
        try:
            for item in form:
                decoded.append(decode_item(item))  # noqa: PERF401 the length says where a misfit is
        except _Misfit as misfit:
            raise misfit.under(f"[{len(decoded)}]") from None
        return tuple(decoded)

    return _repeating(decode) if _only_text(items[0]) else decode


def _repeating(decode: _Convert) -> _Convert:
    """Gives the last value again when the same form comes again: the schema of each map output of an exchange.

    Only for forms of text alone: 1 and true are equal in Python and would pass for each other.
    """
    last: tuple[Any, Any] = (None, None)

    def decode_or_repeat(form: Any) -> Any:
        nonlocal last
        seen, value = last
        if form != seen or form is None:
            value = decode(form)
            last = (form, value)
        return value

    return decode_or_repeat


def _fixed_tuple_decoder(decoders: list[_Convert]) -> _Convert:
    def decode(form: Any) -> tuple[Any, ...]:
        if type(form) is not list or len(form) != len(decoders):
            raise _wrong(form, f"an array of {len(decoders)}")
        decoded: list[Any] = []
        try:
            for decode_item, item in zip(decoders, form, strict=True):
                decoded.append(decode_item(item))
        except _Misfit as misfit:
            raise misfit.under(f"[{len(decoded)}]") from None
        return tuple(decoded)

    return decode


def _union_decoder(hint: Any) -> _Convert:
    members = [member for member in typing.get_args(hint) if member is not type(None)]
    optional = len(members) < len(typing.get_args(hint))
    if len(members) == 1:
        one = _decoder(members[0])
        return lambda form: None if form is None else one(form)
    decoders = {member.__name__: _decoder(member) for member in members}

    def decode(form: Any) -> Any:
        if form is None and optional:
            return None
        if type(form) is not dict:
            raise _wrong(form, "an object")
        name = form.get(TAG)
        if name not in decoders:
            wrong = f"unknown {TAG} {name!r}" if name else f"{TAG} is missing"
            raise _Misfit(wrong, did_you_mean(str(name), decoders))
        return decoders[name]({key: item for key, item in form.items() if key != TAG})

    return decode


def _record_decoder(cls: Any) -> _Convert:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields}
    required = frozenset(field.name for field in fields if _default(field) is dataclasses.MISSING)
    only_text = _only_text(cls)

    def decode(form: Any) -> Any:
        if type(form) is not dict:
            raise _wrong(form, f"an object ({cls.__name__})")
        if only_text and required <= form.keys() <= decoders.keys() and _TEXT.issuperset(map(type, form.values())):
            return cls(**form)
        values = {}
        name = ""
        try:
            for name, item in form.items():
                values[name] = decoders[name](item)
        except KeyError:
            raise _Misfit("unknown field", did_you_mean(name, decoders)).under(name) from None
        except _Misfit as misfit:
            raise misfit.under(name) from None
        if not required <= values.keys():
            raise _Misfit(f"required field is missing: {', '.join(sorted(required - values.keys()))}")
        return cls(**values)

    return decode


# What both need.


def _plain(hint: Any) -> Any:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    return hint


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _only_text(hint: Any) -> bool:
    if not dataclasses.is_dataclass(hint):
        return False
    hints = typing.get_type_hints(hint)
    return all(_plain(hints[field.name]) is str for field in dataclasses.fields(hint))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _type_name(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint))


def _wrong(form: Any, wanted: str) -> _Misfit:
    shown = json.dumps(form)
    return _Misfit(f"expected {wanted}, found {shown if len(shown) <= 40 else shown[:37] + '...'}")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
