"""A query's parameters as people write them: `--param` on the command line, `spec.params` of a SQLQuery."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from gristmill.errors import InvalidPlan
from gristmill.plan.query import Parameter, Scalar

_NAMED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def parse_parameters(texts: Sequence[str], place: str) -> tuple[Parameter, ...]:
    """Values in order, or by name where all are ``NAME=VALUE``.

    Raises InvalidPlan where some have names and some have none, and for a name given twice.
    """
    named = [_NAMED.fullmatch(text) for text in texts]
    if any(named) and not all(named):
        raise InvalidPlan(
            "some values have names and some have none",
            place=place,
            remedy='Name all or none; a text with "=" is written in double quotes: \'"a=b"\'',
        )
    names = [match[1] for match in named if match]
    for name in names:
        if names.count(name) > 1:
            raise InvalidPlan(f"{name} is given twice", place=place, remedy="Keep one of them.")
    if names:
        return tuple(Parameter(scalar(match[2]), match[1]) for match in named if match)
    return tuple(Parameter(scalar(text)) for text in texts)


def scalar(text: str) -> Scalar:
    """A number, ``true``, ``false``, ``null`` or a text in double quotes as JSON reads them; else the text itself."""
    try:
        value = json.loads(text, parse_constant=lambda name: name)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool | None) else text


def parameter_text(parameter: Parameter) -> str:
    """A text that ``parse_parameters`` turns back into this parameter."""
    value = parameter.value
    plain = isinstance(value, str) and scalar(value) == value and not _NAMED.fullmatch(value)
    text = value if isinstance(value, str) and plain else json.dumps(value, ensure_ascii=False)
    return f"{parameter.name}={text}" if parameter.name else text
