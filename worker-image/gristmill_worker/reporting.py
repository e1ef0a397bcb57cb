"""What the operator is told of a run: a RunReport made from how it stands, small whatever the job's size.

Pure: from a LeadRun's fields to a value. When a report is sent is the lead's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gristmill.coordinator.progress import StageProgress
from gristmill.errors import GristmillError
from gristmill.ids import Side
from gristmill.plan.job import JobPlan
from gristmill.plan.resource_fields import QUERY_KIND
from gristmill.plan.source import VOLUMES
from gristmill.schedule.instructions import Locality
from gristmill.storage.manifest import Manifest
from gristmill.wire.reports import (
    JOBS_TOLD,
    WARNINGS_TOLD,
    JobReport,
    LocalityCounts,
    OutputPointer,
    RunPhase,
    RunReport,
    TaskCounts,
)
from gristmill_worker.runs import LeadRun

TEXT_CHARACTERS = 2000
"""The longest message of a report; a warning is cut at a tenth of that."""


def report_of(run: LeadRun) -> RunReport:
    """How the run stands now, or stood at its end."""
    if run.last_report is not None:
        return run.last_report
    stages = run.progress.stages
    outputs = tuple(_pointer(each) for first in [*run.manifests.values()] for each in (first, *first.others))
    return RunReport(
        phase=run.phase,
        run=run.request.run,
        reason=_reason(run.error, run.phase),
        message=_message(run),
        plan=_plan(run),
        maps=_counts(stages, Side.MAP),
        reduces=_counts(stages, Side.REDUCE),
        rows=sum(stage.rows for stage in stages if stage.stage.side is Side.MAP),
        bytes_=sum(stage.bytes_ for stage in stages if stage.stage.side is Side.MAP),
        spilled_bytes=sum(stage.spilled_bytes for stage in stages),
        skipped=0 if run.run is None else sum(map(len, run.run.tally.quarantined.values())),
        locality=_locality(run),
        ledger=() if run.run is None else run.run.ledger.last,
        outputs=outputs,
        result=_result(run),
        jobs=_jobs(run),
        warnings=tuple(text[: TEXT_CHARACTERS // 10] for text in run.messages[-WARNINGS_TOLD:]),
        logs=_shown(run.logs),
    )


def _reason(error: GristmillError | None, phase: RunPhase) -> str:
    return type(error).__name__ if error is not None else str(phase)


def _message(run: LeadRun) -> str:
    if run.error is not None:
        return str(run.error)[:TEXT_CHARACTERS]
    if run.volumes_awaited:
        return f"waits for pods that have mounted {' and '.join(sorted(run.volumes_awaited))}"
    if run.phase is RunPhase.RUNNING and run.run is not None and not run.run.live_workers:
        return "waits for a worker"
    return ""


def _plan(run: LeadRun) -> str:
    if run.planned is None:
        return ""
    splits = sum(stage.tasks for stage in run.planned.graph.stages if stage.scan is not None)
    partitions = sum(stage.tasks for stage in run.planned.graph.stages if stage.id.side is Side.REDUCE)
    jobs = len(run.planned.chain.jobs)
    return f"{f'{jobs} jobs, ' if jobs > 1 else ''}{splits} splits, {partitions} partitions"


def _counts(stages: Iterable[StageProgress], side: Side) -> TaskCounts:
    mine = [stage for stage in stages if stage.stage.side is side]
    return TaskCounts(*(sum(getattr(stage, name) for stage in mine) for name in ("tasks", "done", "running")))


def _locality(run: LeadRun) -> LocalityCounts:
    counts: Counter[Locality] = Counter()
    for stage in run.run.graph.stages if run.run is not None else ():
        done = run.run.tally.localities[stage.id] if run.run is not None else Counter()
        mounted = stage.scan is not None and all(uri.startswith(VOLUMES) for uri in stage.scan.source.uris)
        counts.update({Locality.LOCAL: done.total()} if mounted else done)
    far = counts[Locality.REMOTE] + counts[Locality.ANYWHERE]
    return LocalityCounts(counts[Locality.LOCAL], counts[Locality.ZONE], far)


def _pointer(manifest: Manifest, name: str = "") -> OutputPointer:
    bytes_ = sum(part.bytes_ for part in manifest.parts)
    return OutputPointer(manifest.job, name, _shown(manifest.uri), manifest.generation, manifest.rows, bytes_)


def _shown(uri: str) -> str:
    """A place in a volume as whoever wrote the resource calls it."""
    return f"pvc://{uri.removeprefix(VOLUMES)}" if uri.startswith(VOLUMES) else uri


def _result(run: LeadRun) -> OutputPointer | None:
    return None if run.result is None else _pointer(run.result)


def _jobs(run: LeadRun) -> tuple[JobReport, ...]:
    """The jobs of a query; a MapReduceJob says nothing that the run does not."""
    if run.planned is None or run.request.kind != QUERY_KIND:
        return ()
    return tuple(_job(run, job) for job in run.planned.chain.jobs[:JOBS_TOLD])


def _job(run: LeadRun, job: JobPlan) -> JobReport:
    stages = [stage for stage in run.progress.stages if stage.stage.job == job.name]
    return JobReport(
        job.name,
        _job_phase(run, stages),
        _counts(stages, Side.MAP),
        _counts(stages, Side.REDUCE),
        sum(stage.rows for stage in stages),
    )


def _job_phase(run: LeadRun, stages: list[StageProgress]) -> RunPhase:
    if stages and all(stage.done == stage.tasks for stage in stages):
        return RunPhase.COMPLETE
    if run.ended:
        return run.phase
    begun = any(stage.done or stage.running for stage in stages)
    return RunPhase.RUNNING if begun else RunPhase.PLANNING
