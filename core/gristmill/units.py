"""Sizes and durations as people write them: "64MiB", "30s". For manifests, the Python API and the command line."""

from __future__ import annotations

import re
from decimal import Decimal

from gristmill.errors import InvalidPlan

_BYTES = {"": 1, "B": 1}
for _power, _letter in enumerate("KMGTP", start=1):
    _BYTES[f"{_letter}iB"] = _BYTES[f"{_letter}i"] = 1024**_power
    _BYTES[f"{_letter}B"] = 1000**_power
_BYTES["kB"] = 1000

_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_DURATION_TERM = re.compile(r"\s*(\d+(?:\.\d+)?)(ms|s|m|h|d)\s*")


def bytes_text(bytes_: float) -> str:
    """``1536`` -> ``1.5 KiB``, for people; not for ``parse_size``, which wants what is exact."""
    size, unit = float(bytes_), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def parse_size(text: str | int, place: str = "") -> int:
    """Bytes: ``64MiB`` (also ``64Mi``) is 64 · 2²⁰, ``64MB`` is 64 · 10⁶, a plain number is bytes.

    Raises InvalidPlan, with the nearest unit where there is one, for anything else, and for zero.
    """
    match = _SIZE.fullmatch(str(text))
    if match is None:
        raise InvalidPlan(f"{str(text)!r} is not a size", place=place, remedy='Write a number and a unit: "64MiB".')
    number, unit = match.groups()
    if unit not in _BYTES:
        raise InvalidPlan(f"unknown unit of size {unit!r} in {text!r}", place=place, remedy=_unit_remedy(number, unit))
    bytes_ = int(Decimal(number) * _BYTES[unit])
    if bytes_ == 0:
        raise InvalidPlan(f"a size must be at least one byte, found {text!r}", place=place)
    return bytes_


def _unit_remedy(number: str, unit: str) -> str:
    letter = unit[:1].upper()
    return (
        f'Did you mean "{number}{letter}iB"?' if letter in "KMGTP" else "Units: B, KiB, MiB, GiB, TiB; KB, MB, GB, TB."
    )


def format_size(bytes_: int) -> str:
    """The shortest text that ``parse_size`` turns back into exactly these bytes: ``64MiB``, ``1000B``."""
    for letter, power in (("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if bytes_ >= 1024**power and bytes_ % 1024**power == 0:
            return f"{bytes_ // 1024**power}{letter}iB"
    return f"{bytes_}B"


def parse_duration(text: str, place: str = "") -> float:
    """Seconds: ``30s``, ``500ms``, ``1h30m``. Raises InvalidPlan for anything else, and for zero."""
    seconds, at = Decimal(0), 0
    for term in _DURATION_TERM.finditer(text):
        if term.start() != at:
            break
        seconds += Decimal(term[1]) * _SECONDS[term[2]]
        at = term.end()
    if at != len(text) or not text:
        number = text.strip()
        remedy = f'Write "{number}s" for seconds.' if number.isdigit() else 'Write "30s", "5m", "1h30m" or "500ms".'
        raise InvalidPlan(f"{text!r} is not a duration", place=place, remedy=remedy)
    if seconds == 0:
        raise InvalidPlan(f"a duration must be more than nothing, found {text!r}", place=place)
    return float(seconds)


def format_duration(seconds: float) -> str:
    """A text that ``parse_duration`` turns back into exactly these seconds: ``1h``, ``90s``, ``0.5s``."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{Decimal(repr(seconds)).normalize():f}s" if seconds != int(seconds) else f"{int(seconds)}s"
