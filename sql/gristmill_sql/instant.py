"""One instant for a whole query: ``now()`` and its like are literals before anything is planned.

So that every task, and every attempt of it, sees the same moment. Times of day and dates are those of UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlglot import exp

from gristmill_sql.copies import all_in
from gristmill_sql.literals import typed_literal

_MOMENTS = {"now", "get_current_timestamp", "transaction_timestamp"}
_DATES = {"today"}


def fix_instant(tree: exp.Query, now: datetime | None) -> bool:
    """Replaces the calls in the freshly parsed tree; whether there were any."""
    instant = (now or datetime.now(UTC)).astimezone(UTC)
    found = False
    for node in all_in(tree, exp.CurrentTimestamp, exp.CurrentDate, exp.Anonymous):
        name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.CurrentTimestamp) or name in _MOMENTS:
            value = typed_literal(instant)
        elif isinstance(node, exp.CurrentDate) or name in _DATES:
            value = typed_literal(instant.date())
        else:
            continue
        node.replace(value)
        found = True
    return found
