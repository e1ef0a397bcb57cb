"""Reports to the operator: small for the largest runs, and manifests of a query's jobs once each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.planning import PlannedChain, Tier
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import FragmentError
from gristmill.ids import Side, StageId, TaskId
from gristmill.plan.codec import to_json
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan, JobPlan, Output
from gristmill.plan.source import FileSource, Format, Split
from gristmill.plan.stage import Scan, Stage, StageGraph, Step
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.events import Cause
from gristmill.schedule.instructions import Locality
from gristmill.storage.stores import Stores
from gristmill.wire.reports import JobReport, RunPhase, RunReport
from gristmill_worker.mirrors import CHARACTERS_A_REPORT, Mirrors, manifests_of
from gristmill_worker.reporting import report_of
from gristmill_worker.requests import Accepted, Request
from gristmill_worker.runs import LeadRun

TASKS = 100_000


def _stage(job: str, side: Side, tasks: int, uri: str = "s3://b/x") -> Stage:
    source = FileSource((uri,), Format.TEXT)
    scan = Scan("in", source, (Split((), 1),) * tasks) if side is Side.MAP else None
    return Stage(StageId(job, side, "in" if scan else ""), tasks, Step(job, "", None), (), scan)


def _run(kind: str = "MapReduceJob", jobs: int = 1, tasks: int = TASKS, uri: str = "s3://b/x") -> LeadRun:
    names = [f"query-with-a-long-name-{number}" for number in range(jobs)]
    stages = [_stage(name, side, tasks // jobs // 2, uri) for name in names for side in (Side.MAP, Side.REDUCE)]
    graph = StageGraph(tuple(stages), names[-1])
    chain = ChainPlan(tuple(JobPlan(name, (), outputs=(Output(f"s3://b/{name}"),)) for name in names))
    place: Any = None
    run = LeadRun(Request("uid", kind, {"metadata": {"name": "q"}}, {}), place, lambda _: None)
    run.accepted = Accepted(chain, "s3://scratch", Stores())
    run.planned = PlannedChain(chain, graph, {}, Tier.POOL, "pool")
    run.run = ChainRun(graph, RunFacts("run", 1), SchedulerConfig())
    run.phase = RunPhase.RUNNING
    progress = (StageProgress(stage.id, stage.tasks, stage.tasks // 2, 100, 10**9, 10**12) for stage in stages)
    run.progress = Progress(ChainState.RUNNING, tuple(progress), 100)
    return run


def test_a_report_of_a_hundred_thousand_tasks_and_a_thousand_failures_is_small() -> None:
    run = _run()
    assert run.run is not None
    for number in range(1000):
        task = TaskId(run.run.graph.stages[0].id, number)
        run.run.ledger.failed(task, Cause.ERROR, FragmentError("x" * 10_000, place="here", remedy="y" * 10_000))
        run.messages.append("z" * 10_000)
    run.error = FragmentError("e" * 100_000)
    assert len(to_json(report_of(run))) < 20 << 10


def test_a_report_of_a_long_chain_is_small_too() -> None:
    run = _run("SQLQuery", jobs=300)
    report = report_of(run)
    assert len(report.jobs) == 100
    assert len(to_json(report)) < 20 << 10


def test_tasks_are_counted_by_side_and_rows_by_what_maps_read() -> None:
    report = report_of(_run(tasks=400))
    assert (report.maps.total, report.maps.done, report.maps.running) == (200, 100, 100)
    assert report.reduces.total == 200
    assert report.rows == 10**9
    assert report.plan == "200 splits, 200 partitions"


def test_what_lies_on_a_mounted_claim_is_local_wherever_it_runs() -> None:
    for uri, local in (("s3://b/x", 3), ("file:///volumes/data/x", 10)):
        run = _run(tasks=20, uri=uri)
        assert run.run is not None
        counts = Counter({Locality.LOCAL: 3, Locality.ZONE: 2, Locality.ANYWHERE: 4, Locality.REMOTE: 1})
        run.run.tally.localities[run.run.graph.stages[0].id] = counts
        report = report_of(run)
        assert report.locality.local == local
        assert report.locality.local + report.locality.zone + report.locality.remote == 10


def test_manifests_of_a_query_are_told_once_and_a_few_at_a_time() -> None:
    names = [f"q-{number}" for number in range(10)]
    jobs = [JobPlan(name, (), reduce=SqlFragment(f"SELECT '{'x' * 1500}' AS a"), partitions=1) for name in names]
    manifests = manifests_of(ChainPlan(tuple(jobs)))
    assert list(manifests) == names
    report = RunReport(RunPhase.RUNNING, jobs=tuple(JobReport(name, RunPhase.RUNNING) for name in names))
    mirrors, told = Mirrors(), []
    while mirrors.waiting(manifests):
        sent = [job for job in mirrors.added(report, manifests).jobs if job.manifest]
        assert sum(len(job.manifest) for job in sent) <= CHARACTERS_A_REPORT
        told += [job.name for job in sent]
    assert told == names
    assert mirrors.added(report, manifests) == report
    mirrors.forget()
    assert mirrors.waiting(manifests)


def test_a_manifest_larger_than_a_report_should_be_goes_alone() -> None:
    report = RunReport(RunPhase.RUNNING, jobs=(JobReport("a", RunPhase.RUNNING), JobReport("b", RunPhase.RUNNING)))
    mirrors, large = Mirrors(), {"a": "x" * (CHARACTERS_A_REPORT + 1), "b": "y"}
    first = mirrors.added(report, large)
    assert [bool(job.manifest) for job in first.jobs] == [True, False]
    second = mirrors.added(replace(report), large)
    assert [bool(job.manifest) for job in second.jobs] == [False, True]
