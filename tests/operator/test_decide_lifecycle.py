"""A job from its resource to its end, and the ends that come from outside."""

from __future__ import annotations

import pytest
from operator_values import (
    BASE,
    LEAD,
    NOW,
    UID,
    decided,
    job,
    kinds,
    lead,
    query,
    report,
    resource,
    worker,
)

from gristmill.wire.reports import JobReport, LedgerEntry, OutputPointer, PoolNeed, RunPhase, RunReport, TaskCounts
from gristmill_operator.actions import CancelRun, CreatePod, DeletePod, PatchChildStatus, RecordEvent, SendRun
from gristmill_operator.observed import Child, Failure, NamedPool, Observed, Upstream
from gristmill_operator.status import ConditionType, Phase, Status

STARTED = Status(phase=Phase.RUNNING, start_time=NOW - 100, lead=LEAD.name, leads=1)


def test_a_new_job_gets_its_secret_its_service_and_a_lead() -> None:
    decision = decided(job())
    assert kinds(decision) == ["EnsureSecret", "EnsureService", "EnsureNetworkPolicy", "CreatePod"]
    assert decision.status.phase is Phase.PENDING
    assert (decision.status.lead, decision.status.leads) == (f"{BASE}-lead-0", 1)
    assert decision.status.start_time == NOW


def test_a_lead_without_the_run_is_sent_it_once() -> None:
    without = Observed(pods=(LEAD,), lead=lead(runs=()))
    assert [a for a in decided(job(), STARTED, without).actions if isinstance(a, SendRun)] == [SendRun(UID, UID)]
    assert "SendRun" not in kinds(decided(job(), STARTED, Observed(pods=(LEAD,), lead=lead())))


@pytest.mark.parametrize("phase", [RunPhase.PLANNING, RunPhase.RUNNING, RunPhase.COMMITTING])
def test_status_follows_the_report(phase: RunPhase) -> None:
    told = report(phase, run="r1", plan="40 splits", maps=TaskCounts(40, 12), rows=7)
    status = decided(job(), STARTED, Observed(pods=(LEAD,), lead=lead(), report=told)).status
    assert status.phase == phase.value
    assert status.told["progress"] == {
        "maps": "12/40", "reduces": "0/0", "rows": 7, "bytes": 0, "spilledBytes": 0, "skipped": 0,
    }  # fmt: skip
    planned = status.condition(ConditionType.PLANNED)
    assert planned is not None
    assert planned.message == "40 splits"


def test_a_complete_run_keeps_its_lead_for_clients_and_dismisses_its_workers() -> None:
    pointer = OutputPointer("wc", "", "s3://out/", 1, 10, 100)
    told = report(RunPhase.COMPLETE, outputs=(pointer,), result=pointer)
    decision = decided(job(), STARTED, Observed(pods=(LEAD, worker(0)), lead=lead(), report=told))
    assert decision.status.phase is Phase.COMPLETE
    assert decision.status.completion_time == NOW
    assert decision.status.told["result"]["uri"] == "s3://out/"
    assert [a.name for a in decision.actions if isinstance(a, DeletePod)] == [f"{BASE}-w-0"]


def test_after_its_linger_the_lead_goes_and_status_stays() -> None:
    ended = Status(phase=Phase.COMPLETE, start_time=NOW - 100, completion_time=NOW - 30, lead=LEAD.name, leads=1)
    observed = Observed(pods=(LEAD,), lead=lead())
    waiting = decided(job(), ended, observed)
    assert kinds(waiting) == []
    assert waiting.requeue_after == pytest.approx(30)
    over = decided(job(), ended, observed, NOW + 31)
    assert kinds(over) == ["EndLead", "DeletePod"]
    assert over.status.phase is Phase.COMPLETE


def test_an_ended_job_makes_no_pods_whatever_its_lead_says() -> None:
    ended = Status(phase=Phase.COMPLETE, start_time=NOW - 100, completion_time=NOW, leads=1)
    late = Observed(report=report(RunPhase.RUNNING))
    decision = decided(job(), ended, late)
    assert kinds(decision) == []
    assert decision.status == ended


def test_time_to_live_deletes_the_resource() -> None:
    ended = Status(phase=Phase.FAILED, completion_time=NOW - 5)
    assert kinds(decided(job(ttlSecondsAfterFinished=5), ended)) == ["DeleteResource"]
    assert decided(job(ttlSecondsAfterFinished=9), ended).requeue_after == pytest.approx(4)


def test_cancel_asks_the_lead_and_takes_its_answer() -> None:
    running = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.RUNNING))
    asked = decided(job(cancel=True), STARTED, running)
    assert [a for a in asked.actions if isinstance(a, CancelRun)]
    assert asked.status.phase is Phase.RUNNING
    answered = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.CANCELLED))
    decision = decided(job(cancel=True), STARTED, answered)
    assert decision.status.phase is Phase.CANCELLED
    assert "DeletePod" in kinds(decision)


def test_cancel_of_a_run_that_committed_just_before_is_complete() -> None:
    committed = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.COMPLETE))
    assert decided(job(cancel=True), STARTED, committed).status.phase is Phase.COMPLETE


def test_cancel_does_not_wait_long_for_a_silent_lead_nor_at_all_for_none() -> None:
    silent = Observed(pods=(LEAD,), lead=lead(cancelled={UID: NOW - 6}), report=report(RunPhase.RUNNING))
    assert decided(job(cancel=True), STARTED, silent).status.phase is Phase.CANCELLED
    assert decided(job(cancel=True), Status(), Observed()).status.phase is Phase.CANCELLED


def test_a_run_that_its_lead_cancelled_unasked_goes_on_with_the_next_lead() -> None:
    told = report(RunPhase.CANCELLED)
    ending = decided(job(), STARTED, Observed(pods=(LEAD,), lead=lead(), report=told))
    assert (ending.status.phase, kinds(ending)) == (Phase.RUNNING, [])
    gone = decided(job(), ending.status, Observed(report=told))
    assert gone.status.phase is Phase.RUNNING
    assert gone.status.lead == f"{BASE}-lead-1"
    again = decided(job(), gone.status, Observed(pods=(LEAD,), lead=lead(runs=()), report=told))
    assert "SendRun" in kinds(again)


def test_a_deadline_ends_the_run_with_its_reason() -> None:
    what = job(deadline="30s")
    silent = Observed(pods=(LEAD,), lead=lead(cancelled={UID: NOW - 6}), report=report(RunPhase.RUNNING))
    decision = decided(what, STARTED, silent)
    assert decision.status.phase is Phase.FAILED
    failed = decision.status.condition(ConditionType.FAILED)
    assert failed is not None
    assert (failed.true, failed.reason) == (True, "DeadlineExceeded")


@pytest.mark.parametrize("phase", [Phase.CANCELLED, Phase.FAILED])
def test_a_lead_that_was_away_when_its_run_was_to_end_ends_it_when_it_is_back(phase: Phase) -> None:
    what, ended = job(pool="nightly"), Status(phase=phase, start_time=NOW - 100, completion_time=NOW)
    named = NamedPool("nightly", "pool-uid")
    back = Observed(named=named, lead=lead(), report=report(RunPhase.RUNNING))
    cancel = next(action for action in decided(what, ended, back).actions if isinstance(action, CancelRun))
    assert (cancel.pool_uid, cancel.run) == ("pool-uid", UID)
    asked = Observed(named=named, lead=lead(cancelled={UID: NOW}), report=report(RunPhase.RUNNING))
    over = Observed(named=named, lead=lead(), report=report(RunPhase.CANCELLED))
    assert kinds(decided(what, ended, asked)) == kinds(decided(what, ended, over)) == []


def test_a_deadline_is_looked_at_when_it_comes() -> None:
    observed = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.RUNNING))
    status = Status(phase=Phase.RUNNING, start_time=NOW - 10, leads=1)
    requeue = decided(job(deadline="30s"), status, observed).requeue_after
    assert requeue == pytest.approx(20, abs=0.1)


def test_suspend_ends_pods_and_resume_starts_anew() -> None:
    running = Observed(pods=(LEAD, worker(0)), lead=lead(), report=report(RunPhase.RUNNING))
    suspended = decided(job(suspend=True), STARTED, running)
    assert suspended.status.phase is Phase.SUSPENDED
    assert suspended.status.start_time is None
    assert sorted(kinds(suspended)) == ["CancelRun", "DeletePod", "DeletePod", "EndLead"]
    resumed = decided(job(), suspended.status, Observed())
    assert resumed.status.lead == f"{BASE}-lead-1"
    assert resumed.status.phase is Phase.PENDING
    condition = resumed.status.condition(ConditionType.SUSPENDED)
    assert condition is not None
    assert not condition.true


@pytest.mark.parametrize(
    ("upstream", "phase", "says"),
    [
        (Upstream("first"), Phase.PENDING, "which does not exist"),
        (Upstream("first", Phase.RUNNING), Phase.PENDING, "waits for job first (Running)"),
        (Upstream("first", Phase.FAILED, "no such bucket"), Phase.FAILED, "first, whose rows it reads, is Failed"),
        (Upstream("first", Phase.CANCELLED), Phase.FAILED, "first"),
    ],
)
def test_a_job_waits_for_its_upstream_and_fails_by_its_name(upstream: Upstream, phase: Phase, says: str) -> None:
    what = job(input=[{"name": "i", "fromJob": "first"}])
    decision = decided(what, Status(), Observed(upstreams=(upstream,)))
    assert decision.status.phase is phase
    assert says in decision.status.message
    assert kinds(decision) == []


def test_a_complete_upstream_lets_the_job_start() -> None:
    what = job(input=[{"name": "i", "fromJob": "first"}])
    decision = decided(what, Status(), Observed(upstreams=(Upstream("first", Phase.COMPLETE),)))
    assert "CreatePod" in kinds(decision)


def test_an_upstream_that_is_deleted_later_does_not_stop_a_running_job() -> None:
    what = job(input=[{"name": "i", "fromJob": "first"}])
    observed = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.RUNNING), upstreams=(Upstream("first"),))
    assert decided(what, STARTED, observed).status.phase is Phase.RUNNING


def test_a_named_pool_has_to_be_there_and_gets_the_run() -> None:
    what = job(pool="nightly")
    missing = decided(what, Status(), Observed(named=NamedPool("nightly")))
    assert "pool nightly, which does not exist" in missing.status.message
    there = Observed(named=NamedPool("nightly", "pool-uid"), lead=lead(runs=()))
    decision = decided(what, Status(), there)
    assert [a for a in decision.actions if isinstance(a, SendRun)] == [SendRun("pool-uid", UID)]
    assert not [a for a in decision.actions if isinstance(a, CreatePod)]
    assert decision.status.pool == "nightly"


def test_a_mirror_and_a_resource_that_is_going_are_left_alone() -> None:
    mirror = resource("MapReduceJob", "q-1", UID, {"managedBy": "gristmill.dev/query", "reduce": {"sql": "SELECT 1"}})
    assert decided(mirror).actions == ()
    assert decided(mirror).status == Status()
    going = resource("MapReduceJob", "wc", UID, {}, deletionTimestamp="2026-01-01T00:00:00Z")
    assert decided(going, STARTED, Observed(pods=(LEAD,))).actions == ()


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Failure("pod", "InvalidPod", "spec.nodeSelector: Invalid value", NOW), id="invalid"),
        pytest.param(Failure("volume", "VolumesApart", "no node has all volumes", NOW), id="its volumes lie apart"),
    ],
)
def test_pods_that_can_never_be_fail_the_job_at_once(failure: Failure) -> None:
    decision = decided(job(), Status(), Observed(failures=(failure,)))
    assert decision.status.phase is Phase.FAILED
    assert failure.message in decision.status.message


def test_a_query_shows_its_chain_as_mirrors() -> None:
    chain = (
        JobReport("q-0", RunPhase.COMPLETE, TaskCounts(2, 2), manifest='{"spec": {}}'),
        JobReport("q-1", RunPhase.RUNNING, TaskCounts(4, 1), manifest='{"spec": {}}'),
        JobReport("q-2", RunPhase.PLANNING),
    )
    told = report(RunPhase.RUNNING, jobs=chain)
    observed = Observed(
        pods=(LEAD,),
        lead=lead(),
        report=told,
        children={"q-q-1": Child("q-q-1", "Planning", '{"phase": "Planning"}', NOW)},
    )
    decision = decided(query(), STARTED, observed)
    assert kinds(decision) == ["CreateChild", "PatchChildStatus"]
    patch = next(a for a in decision.actions if isinstance(a, PatchChildStatus))
    assert (patch.name, '"phase": "Running"' in patch.status) == ("q-q-1", True)
    assert [one["name"] for one in decision.status.told["jobs"]] == ["q-0", "q-1", "q-2"]


def test_no_mirror_outlives_its_query() -> None:
    children = {"q-a": Child("q-a", "Complete"), "q-b": Child("q-b", "Running"), "q-c": Child("q-c", "Planning")}
    told = report(RunPhase.CANCELLED, jobs=(JobReport("b", RunPhase.CANCELLED, TaskCounts(2, 1)),))
    observed = Observed(pods=(LEAD,), lead=lead(), report=told, children=children)
    patches = [a for a in decided(query(cancel=True), STARTED, observed).actions if isinstance(a, PatchChildStatus)]
    assert [(patch.name, "Cancelled" in patch.status) for patch in patches] == [("q-b", True), ("q-c", True)]


def test_progress_of_a_mirror_waits_its_turn() -> None:
    told = report(RunPhase.RUNNING, jobs=(JobReport("j", RunPhase.RUNNING, TaskCounts(4, 1)),))
    child = Child("q-j", "Running", '{"phase": "Running"}', NOW - 1)
    decision = decided(query(), STARTED, Observed(pods=(LEAD,), lead=lead(), report=told, children={"q-j": child}))
    assert kinds(decision) == []
    assert decision.requeue_after is not None


def test_events_tell_of_changes_once() -> None:
    observed = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.RUNNING))
    first = decided(job(), Status(phase=Phase.PENDING, leads=1), observed)
    assert [a.reason for a in first.actions if isinstance(a, RecordEvent)] == ["Running"]
    again = decided(job(), first.status, observed)
    assert not [a for a in again.actions if isinstance(a, RecordEvent)]
    assert again.status == first.status


def test_status_is_small_however_much_a_lead_reports() -> None:
    import json

    from gristmill_operator.status import status_form

    long = "x" * 5000
    told = RunReport(
        RunPhase.FAILED,
        message=long,
        ledger=tuple(LedgerEntry("2026-01-01T00:00:00Z", long, "error", long, long) for _ in range(50)),
        outputs=tuple(OutputPointer("j", long, "s3://" + long, 1, 1, 1) for _ in range(3)),
        jobs=tuple(JobReport(f"job-{at}", RunPhase.RUNNING, rows=10**12) for at in range(500)),
        warnings=(long,) * 50,
    )
    status = decided(job(), STARTED, Observed(pods=(LEAD,), lead=lead(need=PoolNeed()), report=told)).status
    assert len(json.dumps(status_form(status))) < 32 * 1024
