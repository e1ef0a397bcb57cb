"""Kubernetes quantities as numbers: ``500m`` cores, ``4Gi`` bytes."""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+)|([numkKMGTPE]i?)?)")
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
} | {letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)}
_SUFFIXES |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}


def quantity(text: object) -> float | None:
    """The number that a quantity means; None for nothing, and for what is none (the API server refuses it)."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None or (match[3] or "") not in _SUFFIXES:
        return None
    scale = Decimal(10) ** int(match[2]) if match[2] else _SUFFIXES[match[3] or ""]
    return float(Decimal(match[1]) * scale)
