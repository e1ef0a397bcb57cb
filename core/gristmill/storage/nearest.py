"""Suggestions for names that do not exist: what a user most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """A remedy sentence with the nearest of ``names``, or with some of them, or empty where there are none."""
    near = difflib.get_close_matches(name, [n.rstrip("/") for n in names], n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if names:
        some = sorted(names)[:5]
        return f"There {'is' if len(some) == 1 else 'are'} {', '.join(some)}{', …' if len(names) > 5 else ''}."
    return ""
