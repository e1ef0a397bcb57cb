"""One instant for a whole query: ``now()`` and its like are literals before anything is planned.

So that every task, and every attempt of it, sees the same moment. Times of day and dates are those of UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlglot import exp

from gristmill_sql.copies import all_in
from gristmill_sql.literals import typed_literal

_CALLS: dict[type[exp.Expr], str] = {
    exp.CurrentTimestamp: "now",
    exp.CurrentDate: "today",
    exp.CurrentTime: "get_current_time",
    exp.Localtimestamp: "current_localtimestamp",
    exp.Localtime: "current_localtime",
}
"""Functions that have forms without parentheses, by the names of those with."""


def fix_instant(tree: exp.Query, now: datetime | None) -> bool:
    """Replaces the calls in the freshly parsed tree; whether there were any."""
    instant = (now or datetime.now(UTC)).astimezone(UTC)
    found = False
    for node in all_in(tree, exp.Anonymous, *_CALLS):
        value = _value(_CALLS.get(type(node)) or str(node.this).lower(), instant)
        if value is not None:
            node.replace(typed_literal(value))
            found = True
    return found


def _value(name: str, instant: datetime) -> datetime | date | time | None:
    """What a call gives at that instant; None for all other functions."""
    match name:
        case "now" | "get_current_timestamp" | "transaction_timestamp":
            return instant
        case "today":
            return instant.date()
        case "get_current_time":
            return instant.timetz()
        case "current_localtimestamp":
            return instant.replace(tzinfo=None)
        case "current_localtime":
            return instant.replace(tzinfo=None).time()
    return None
