"""What is wrong with a plan, gathered: all problems of a chain are told at once, each with place, reason and remedy.

``plan.validate`` and ``plan.manifest`` find problems; who knows better where a field stands (a line of a file)
turns the field's path into that place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from gristmill.errors import InvalidPlan

MAX_TOLD = 10
"""So many problems are told in one message; the rest is counted."""
MAX_NAMES = 40
"""So many names are told where none is near."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``place`` is where the user looks for it: ``job.yaml:12:5 spec.input[0].format``."""

    place: str
    reason: str
    remedy: str = ""

    def at(self, place: str) -> Problem:
        """The same problem, at a place that says more."""
        return replace(self, place=place)


def raise_problems(problems: Sequence[Problem], place: str) -> None:
    """Raises one InvalidPlan that tells all ``problems``, if there are any; ``place`` is what they have in common."""
    if not problems:
        return
    if len(problems) == 1:
        (only,) = problems
        raise InvalidPlan(only.reason, place=only.place, remedy=only.remedy)
    lines = [f"{len(problems)} problems", *map(_line, problems[:MAX_TOLD])]
    if len(problems) > MAX_TOLD:
        lines.append(f"and {len(problems) - MAX_TOLD} more")
    raise InvalidPlan("\n  ".join(lines), place=place)


def _line(problem: Problem) -> str:
    return f"{problem.place}: {problem.reason}" + (f" ({problem.remedy})" if problem.remedy else "")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A remedy for a name that does not exist: the nearest one that does, else all of them or some, sorted."""
    known = sorted(names)
    close = get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    some = f"{', '.join(known[:MAX_NAMES])}, …" if len(known) > MAX_NAMES else f"{', '.join(known)}."
    return f"One of: {some}" if known else ""
