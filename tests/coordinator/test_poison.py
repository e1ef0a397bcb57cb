"""Records that always fail: proven by a second try, skipped as far as the job allows."""

from gristmill.coordinator.poison import PoisonedRecords
from gristmill.errors import FragmentError
from gristmill.ids import Side, StageId, TaskId
from gristmill.plan.job import RetryPolicy
from gristmill.schedule.events import Cause

STAGE = StageId("j", Side.MAP, "input")
TASK = TaskId(STAGE, 3)


def _error(record: int) -> FragmentError:
    return FragmentError("boom", file="a.txt", record=record)


def _records(allowed: int) -> PoisonedRecords:
    return PoisonedRecords({STAGE: RetryPolicy(skip_records=allowed)})


def test_the_first_failure_on_a_record_costs_budget_where_nothing_may_be_skipped() -> None:
    verdict = _records(0).failed(TASK, _error(7))
    assert (verdict.cause, verdict.hopeless) == (Cause.ERROR, False)


def test_the_second_failure_on_the_same_record_ends_a_job_that_skips_nothing() -> None:
    records = _records(0)
    records.failed(TASK, _error(7))
    assert records.failed(TASK, _error(7)).hopeless


def test_failures_on_different_records_prove_nothing() -> None:
    records = _records(0)
    records.failed(TASK, _error(7))
    assert not records.failed(TASK, _error(8)).hopeless


def test_a_proven_record_is_skipped_by_later_attempts_of_its_task_alone_and_costs_nothing() -> None:
    records = _records(1)
    assert records.failed(TASK, _error(7)).cause is Cause.CANCELLED
    assert records.failed(TASK, _error(7)).cause is Cause.RECORD_SKIPPED
    assert records.skips(TASK) == (("a.txt", 7),)
    assert records.skips(TaskId(STAGE, 4)) == ()


def test_one_record_too_many_ends_the_job_and_says_that_others_were_skipped() -> None:
    records = _records(1)
    for record in (7, 7, 9):
        assert not records.failed(TASK, _error(record)).hopeless
    verdict = records.failed(TASK, _error(9))
    assert verdict.hopeless
    assert "1 records were skipped already" in str(verdict.error)
