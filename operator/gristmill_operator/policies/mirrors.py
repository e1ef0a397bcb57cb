"""Mirrors: the jobs of a query's chain as child MapReduceJobs, for ``kubectl get mrj``. They are never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gristmill.wire.reports import JOBS_TOLD, JobReport, RunPhase, RunReport
from gristmill_operator.actions import Action, CreateChild, PatchChildStatus
from gristmill_operator.names import child_name
from gristmill_operator.observed import Child
from gristmill_operator.status import Phase

_ENDS = frozenset(phase.value for phase in Phase if phase.ended)
REWRITE_S = 5.0
"""Progress of a mirror is written at most so often; a new phase at once."""


def mirrors(
    query: str, phase: Phase, report: RunReport | None, children: Mapping[str, Child], now: float
) -> tuple[tuple[Action, ...], float | None]:
    """What brings the mirrors to what the lead reports, and when to look again. ``phase`` is that of the query."""
    if phase in (Phase.FAILED, Phase.CANCELLED):
        return _ended(query, phase, report, children), None
    actions: list[Action] = []
    recheck_s = None
    for job in report.jobs[:JOBS_TOLD] if report is not None else ():
        name = child_name(query, job.name)
        child = children.get(name)
        status = _status(job, job.phase.value)
        if child is None:
            actions += [CreateChild(name, job.manifest)] if job.manifest else []
        elif child.status != status:
            if child.phase != job.phase.value or now - child.written >= REWRITE_S:
                actions.append(PatchChildStatus(name, status))
            else:
                recheck_s = REWRITE_S
    return tuple(actions), recheck_s


def _ended(query: str, phase: Phase, report: RunReport | None, children: Mapping[str, Child]) -> tuple[Action, ...]:
    """No job of a chain outlives its query, whether its lead could still say so or not."""
    told = {child_name(query, job.name): job for job in (report.jobs if report is not None else ())}
    found = []
    for name, child in sorted(children.items()):
        job = told.get(name, JobReport("", RunPhase.PLANNING))
        ended = job.phase.value if job.phase.ended else phase.value
        if child.phase not in _ENDS:
            found.append(PatchChildStatus(name, _status(job, ended) if job.name else json.dumps({"phase": ended})))
    return tuple(found)


def _status(job: JobReport, phase: str) -> str:
    progress = {
        "maps": f"{job.maps.done}/{job.maps.total}",
        "reduces": f"{job.reduces.done}/{job.reduces.total}",
        "rows": job.rows,
    }
    return json.dumps({"phase": phase, "progress": progress}, sort_keys=True)
