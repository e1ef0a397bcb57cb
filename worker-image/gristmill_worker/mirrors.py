"""The jobs of a query as MapReduceJobs, told to the operator once, a few with each report: it makes mirrors of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from gristmill.plan.job import ChainPlan
from gristmill.wire.reports import JOBS_TOLD, JobReport, RunReport

CHARACTERS_A_REPORT = 8_000
"""So much of manifests goes with one report; one that is larger goes alone."""
LARGEST_CHARACTERS = 200_000


def manifests_of(chain: ChainPlan) -> dict[str, str]:
    """By job: its MapReduceJob as JSON. Empty for a chain that no manifest can express, and without huge ones."""
    # A lead whose runs are jobs makes none, and is up sooner.
    from gristmill.plan.manifest_dump import inexpressible, job_forms

    if inexpressible(chain):
        return {}
    forms = job_forms(chain)[:JOBS_TOLD]
    texts = {str(form["metadata"]["name"]): json.dumps(form, separators=(",", ":")) for form in forms}
    return {name: text for name, text in texts.items() if len(text) <= LARGEST_CHARACTERS}


class Mirrors:
    """Which jobs of one run the operator knows by now."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def forget(self) -> None:
        """Another operator listens, which knows none."""
        self._told.clear()

    def waiting(self, manifests: Mapping[str, str]) -> bool:
        """Whether some are still to be told."""
        return not manifests.keys() <= self._told

    def added(self, report: RunReport, manifests: Mapping[str, str]) -> RunReport:
        """The report with the next manifests, which count as told."""
        room = CHARACTERS_A_REPORT
        jobs: list[JobReport] = []
        for job in report.jobs:
            text = manifests.get(job.name, "") if job.name not in self._told else ""
            if text and (len(text) <= room or room == CHARACTERS_A_REPORT):
                room -= len(text)
                self._told.add(job.name)
                jobs.append(replace(job, manifest=text))
            else:
                jobs.append(job)
        return replace(report, jobs=tuple(jobs))
