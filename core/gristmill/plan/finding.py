"""What a rule finds wrong with a job, query or pool: the common form of all rules of ``plan.validate_*``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gristmill.plan.job import JobPlan


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: ``path`` is the field's in the manifest (``spec.input[0].key``)."""

    path: str
    reason: str
    remedy: str = ""


Rule = Callable[[JobPlan], Iterable[Finding]]


def repeated(names: Iterable[str]) -> list[str]:
    """The names that come more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
