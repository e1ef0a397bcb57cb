"""Mirrors: the jobs of a query's chain as child MapReduceJobs, for ``kubectl get mrj``. They are never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gristmill.wire.reports import JobReport, RunReport
from gristmill_operator.actions import Action, CreateChild, PatchChildStatus
from gristmill_operator.names import child_name
from gristmill_operator.observed import Child
from gristmill_operator.policies.reporting import SHOWN_JOBS

REWRITE_S = 5.0
"""Progress of a mirror is written at most so often; a new phase at once."""


def mirrors(
    query: str, report: RunReport | None, children: Mapping[str, Child], now: float
) -> tuple[tuple[Action, ...], float | None]:
    """What brings the mirrors to what the lead reports, and when to look again."""
    if report is None:
        return (), None
    actions: list[Action] = []
    recheck_s = None
    for job in report.jobs[:SHOWN_JOBS]:
        name = child_name(query, job.name)
        child = children.get(name)
        status = _status(job)
        if child is None:
            actions += [CreateChild(name, job.manifest)] if job.manifest else []
        elif child.status != status:
            if child.phase != job.phase.value or now - child.written >= REWRITE_S:
                actions.append(PatchChildStatus(name, status))
            else:
                recheck_s = REWRITE_S
    return tuple(actions), recheck_s


def _status(job: JobReport) -> str:
    progress = {
        "maps": f"{job.maps.done}/{job.maps.total}",
        "reduces": f"{job.reduces.done}/{job.reduces.total}",
        "rows": job.rows,
    }
    return json.dumps({"phase": job.phase.value, "progress": progress}, sort_keys=True)
