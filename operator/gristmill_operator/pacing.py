"""How often status is written: at once when something changed that people act on, else seldom, to spare etcd."""

from __future__ import annotations

from dataclasses import replace

from gristmill_operator.status import Condition, Status

SHORTEST_S = 1.0
LONGEST_S = 10.0
_LASTING_SHARE = 100.0
"""A resource that runs for so many seconds is written every second; longer ones less often in proportion."""


def write_in(old: Status, new: Status, written_at: float, now: float) -> float | None:
    """Seconds until ``new`` may be written; 0 at once, None where it equals what was written."""
    if old == new:
        return None
    if _essence(old) != _essence(new):
        return 0.0
    age_s = now - (new.start_time or now)
    pause_s = min(LONGEST_S, max(SHORTEST_S, age_s / _LASTING_SHARE))
    return max(0.0, written_at + pause_s - now)


def _essence(status: Status) -> Status:
    """The status without what changes all the time."""
    told = {name: status.told.get(name) for name in ("run", "outputs", "result")}
    conditions = tuple(_bare(condition) for condition in status.conditions)
    return replace(status, message="", told=told, conditions=conditions, active=0)


def _bare(condition: Condition) -> Condition:
    return replace(condition, message="", since=0.0)
