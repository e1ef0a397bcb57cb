"""The outputs of a chain: prepared before the first task, committed job by job, undone if the chain fails.

Drivers hand it the effects that a ChainRun asks for; it does the slow talking to stores, through storage's commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from logging import DEBUG, WARNING

from gristmill.coordinator.chain_run import CommitJob, DiscardParts, Effect
from gristmill.errors import GristmillError
from gristmill.logs import log
from gristmill.plan.job import ChainPlan, JobPlan
from gristmill.plan.stage import ExchangeWrite, SinkWrite, StageGraph
from gristmill.plan.task import PendingPart, QuarantinedRecord
from gristmill.storage.commit import OutputCommit
from gristmill.storage.filesystem import canonical, join
from gristmill.storage.layout import scratch_of
from gristmill.storage.manifest import Manifest, Partitioning
from gristmill.storage.private import PrivateOutput
from gristmill.storage.stores import Stores


class ChainOutputs:
    """The commits of all jobs of a chain that write. ``run`` is the run's id, part of the names of its parts.

    The output of the job ``passing``, if any, lies in a new folder that this process alone knows.
    """

    def __init__(self, chain: ChainPlan, graph: StageGraph, run: str, stores: Stores, passing: str = "") -> None:
        self._chain = chain
        self._run = run
        self._stores = stores
        self._commits: dict[str, OutputCommit | PrivateOutput] = {
            job.name: PrivateOutput(job.name, run, job.outputs[0], stores, _partitioning(job, graph))
            if job.name == passing
            else OutputCommit(job.name, run, job.outputs, stores, _partitioning(job, graph))
            for job in chain.jobs
            if job.outputs
        }
        self._epochs: dict[str, int] = {}
        self.manifests: dict[str, Manifest] = {}
        """By job: the manifest of its first output, once committed."""

    def prepare(self) -> None:
        """Checks modes and stores, and registers the run. Raises OutputExists or StorageError before any work.

        What an earlier coordinator of the run has committed is in ``manifests`` then, all in place.
        """
        for job, commit in self._commits.items():
            self._epochs[job] = 0
            if isinstance(commit, OutputCommit) and (committed := commit.prepare()) is not None:
                self.manifests[job] = committed
            else:
                self._epochs[job] = commit.acquire_epoch()

    @property
    def all_committed(self) -> bool:
        """Whether nothing is left to be written."""
        return bool(self._commits) and self._commits.keys() <= self.manifests.keys()

    def perform(self, effect: Effect) -> None:
        """Does what the run asks for. Raises StorageError, OutputExists or Fenced."""
        match effect:
            case CommitJob(job, parts) if job in self.manifests:
                self._commits[job].discard(parts)
            case CommitJob(job, parts) if job in self._commits:
                self.manifests[job] = self._commits[job].commit(parts, self._epochs[job])
            case DiscardParts(parts):
                for part in parts:
                    self._discard(part)

    def _discard(self, part: PendingPart) -> None:
        """Drops the part of an attempt that lost. Where that fails, the next job on the output, or a sweep, does it."""
        try:
            self._commits[part.job].discard([part])
        except GristmillError as error:
            log(__name__, WARNING, "a staged part is left behind", job=part.job, why=error)

    def write_quarantine(self, job: str, records: Sequence[QuarantinedRecord]) -> str | None:
        """Names the records that a job left out, with their errors, as JSON lines in its scratch.

        Returns the file's URI; None where the job has neither scratch nor output to keep it in.
        """
        plan = self._chain.job(job)
        scratch = plan.scratch or self._chain.scratch or (scratch_of(plan.outputs[0].uri) if plan.outputs else "")
        if not scratch:
            return None
        uri = join(canonical(scratch), "quarantine", f"{self._run}.jsonl")
        lines = "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)
        self._stores.filesystem(uri).put(uri, lines.encode())
        return uri

    def abandon(self) -> None:
        """Drops everything that was staged and not committed: the chain has failed, and no worker writes any more.

        What cannot be dropped now is logged; the next job on the output, or a sweep, removes it.
        """
        for job in self._epochs.keys() - self.manifests.keys():
            try:
                self._commits[job].abandon()
            except GristmillError as error:
                begun = self._epochs[job] > 0  # else no task has run, so none has staged anything
                log(__name__, WARNING if begun else DEBUG, "staged parts are left behind", job=job, why=error)


def _partitioning(job: JobPlan, graph: StageGraph) -> Partitioning:
    """How the job's rows were spread, for its manifest."""
    for stage in graph.stages:
        for outlet in stage.outlets:
            if isinstance(outlet, ExchangeWrite) and outlet.exchange.job == job.name and outlet.spec.keys:
                return Partitioning(outlet.spec.keys, outlet.spec.partitions, str(outlet.spec.hash))
    parts = sum(
        stage.tasks
        for stage in graph.stages
        for outlet in stage.outlets
        if isinstance(outlet, SinkWrite) and outlet.job == job.name
    )
    return Partitioning(partitions=parts)
