"""How often status is written: at once when something changed that people act on, else seldom, to spare etcd.

What passes by itself in a moment, from Pending to Committing, is worth a write only where it lasts: a query of a tenth
of a second is written once, at its end.
"""

from __future__ import annotations

from dataclasses import replace

from gristmill_operator.status import BEGUN, Condition, ConditionType, Phase, Status

PASSING_S = 0.2
"""What passes is written after so long."""
SHORTEST_S = 1.0
LONGEST_S = 10.0
_LASTING_SHARE = 100.0
"""A resource that runs for so many seconds is written every second; longer ones less often in proportion."""


def write_in(old: Status, new: Status, written_at: float, differs_since: float, now: float) -> float | None:
    """Seconds until ``new`` may be written; 0 at once, None where it equals what was written.

    ``differs_since`` is when it was first seen that what was written holds no more.
    """
    if old == new:
        return None
    if passes(old, new):
        return max(0.0, differs_since + PASSING_S - now)
    if _essence(old) != _essence(new):
        return 0.0
    age_s = now - (new.start_time or now)
    pause_s = min(LONGEST_S, max(SHORTEST_S, age_s / _LASTING_SHARE))
    return max(0.0, written_at + pause_s - now)


def passes(old: Status, new: Status) -> bool:
    """Whether all that is new is how far a run has come that has not ended: soon it will have come further."""
    going = (Phase.PENDING, *BEGUN)
    if new.phase not in going or old.phase not in (None, *going) or _essence(old) == _essence(new):
        return False
    return _apart_from_phase(old) == _apart_from_phase(new)


def _apart_from_phase(status: Status) -> Status:
    """Its essence without what a run brings about by going on."""
    essence = _essence(status.without_conditions(ConditionType.RUNNING, ConditionType.PLANNED))
    told = {**essence.told, "run": None}
    return replace(essence, phase=None, observed_generation=0, start_time=None, pool="", told=told)


def _essence(status: Status) -> Status:
    """The status without what changes all the time."""
    told = {name: status.told.get(name) for name in ("run", "outputs", "result")}
    conditions = tuple(_bare(condition) for condition in status.conditions)
    return replace(status, message="", told=told, conditions=conditions, active=0)


def _bare(condition: Condition) -> Condition:
    return replace(condition, message="", since=0.0)
