"""Budgets of each cause, where a failed task goes next, and what runs out of memory."""

from __future__ import annotations

import pytest
from schedule_graphs import map_only, map_reduce
from schedule_play import Play

from gristmill.plan.job import RetryPolicy
from gristmill.schedule import SchedulerConfig
from gristmill.schedule.chain import Phase
from gristmill.schedule.events import Cause, LeaveReason
from gristmill.schedule.retries import Trouble

POLICY = RetryPolicy(errors=4, oom=3, timeouts=2)

BUDGETS = [
    (Cause.ERROR, 4),
    (Cause.OOM, 3),
    (Cause.TIMEOUT, 2),
    (Cause.EXECUTOR_LOST, 4),
    (Cause.DISK_FULL, 4),
    (Cause.LOST_INPUT, 7),
    (Cause.CANCELLED, 7),
    (Cause.WORKER_LOST, 7),
]


@pytest.mark.parametrize(("cause", "failures"), BUDGETS)
def test_each_cause_has_its_own_budget(cause: Cause, failures: int) -> None:
    trouble, config = Trouble(), SchedulerConfig(free_retries=7)
    for number in range(1, failures + 1):
        trouble.count(cause, config)
        assert trouble.exhausted(cause, POLICY, config) == (number == failures)


@pytest.mark.parametrize(("cause", "failures"), BUDGETS[:5])
def test_a_task_beyond_its_budget_fails_the_chain_by_name(cause: Cause, failures: int) -> None:
    play = Play(map_only(2, retry=POLICY))
    play.join("w", 1)
    play.tick(0)
    for number in range(failures - 1):
        assert f"launch j/map/in#0.{number + 1} on w" in " ".join(play.fail(f"j/map/in#0.{number}", cause))
    assert play.fail(f"j/map/in#0.{failures - 1}", cause) == [f"fail j/map/in#0 {cause}: because"]
    assert play.scheduler.phase is Phase.FAILED


def test_what_is_the_clusters_fault_spends_no_budget() -> None:
    play = Play(map_only(1, retry=RetryPolicy(errors=1, oom=1, timeouts=1)))
    for number in range(20):
        play.join(f"w{number}", 1)
        play.tick(number)
        play.fail(f"j/map/in#0.{2 * number}", Cause.CANCELLED)
        play.leave(f"w{number}", LeaveReason.EVICTED)
    play.join("last", 1)
    assert play.finish("j/map/in#0.40")[-1] == "finish"


def test_evictions_never_end_a_chain() -> None:
    play = Play(map_only(1), free_retries=3)
    for number in range(20):
        play.join(f"w{number}", 1)
        play.tick(number)
        play.leave(f"w{number}", LeaveReason.EVICTED)
    play.join("last", 1)
    assert play.finish("j/map/in#0.20")[-1] == "finish"


def test_retries_without_end_stop_at_the_loop_guard() -> None:
    play = Play(map_only(1), free_retries=3)
    play.join("w", 1)
    play.tick(0)
    play.fail("j/map/in#0.0", Cause.CANCELLED)
    play.fail("j/map/in#0.1", Cause.CANCELLED)
    assert play.fail("j/map/in#0.2", Cause.CANCELLED) == ["fail j/map/in#0 cancelled: because"]


def test_a_record_left_out_is_progress_that_the_loop_guard_sees() -> None:
    play = Play(map_only(1, retry=RetryPolicy(errors=1)), free_retries=3)
    play.join("w", 1)
    play.tick(0)
    for number in range(0, 20, 2):
        play.fail(f"j/map/in#0.{number}", Cause.CANCELLED)
        play.fail(f"j/map/in#0.{number + 1}", Cause.RECORD_SKIPPED)
    assert play.finish("j/map/in#0.20")[-1] == "finish"


def test_a_failed_task_goes_to_another_worker() -> None:
    play = Play(map_only(1))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    assert play.fail("j/map/in#0.0") == ["launch j/map/in#0.1 on b"]


def test_a_failed_task_waits_for_another_worker_for_a_bounded_time() -> None:
    play = Play(map_only(2), retry_elsewhere_s=5.0)
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    assert play.fail("j/map/in#0.0") == []
    assert play.tick(4.9) == []
    assert play.tick(5.0) == ["launch j/map/in#0.1 on a"]


def test_a_failed_task_stays_where_there_is_no_other_worker() -> None:
    play = Play(map_only(1))
    play.join("a", 1)
    play.tick(0)
    assert play.fail("j/map/in#0.0") == ["launch j/map/in#0.1 on a"]


def test_the_same_failure_told_twice_counts_once() -> None:
    play = Play(map_only(1, retry=RetryPolicy(errors=3)))
    play.join("a", 1)
    play.tick(0)
    play.fail("j/map/in#0.0")
    assert play.fail("j/map/in#0.0") == []
    assert play.scheduler.progress().stages[0].failed(Cause.ERROR) == 1


def test_a_task_that_runs_too_long_is_stopped_and_tried_again() -> None:
    play = Play(map_only(1, retry=RetryPolicy(timeouts=2, task_timeout_s=10.0)), heartbeat_timeout_s=1e9)
    play.join("a", 1)
    play.tick(0)
    assert play.tick(10.0) == []
    assert play.tick(10.2) == ["cancel j/map/in#0.0 on a: timeout", "launch j/map/in#0.1 on a"]
    assert play.tick(20.5)[-1] == "fail j/map/in#0 timeout: ran longer than 10.0 s"


def test_a_late_answer_of_a_timed_out_attempt_still_counts() -> None:
    play = Play(map_only(1, retry=RetryPolicy(timeouts=2, task_timeout_s=10.0)), heartbeat_timeout_s=1e9)
    play.join("a", 1)
    play.tick(0)
    play.tick(10.2)
    assert play.finish("j/map/in#0.0")[:2] == ["cancel j/map/in#0.1 on a: other-won", "accept j/map/in#0.0"]


def test_after_an_oom_the_task_gets_twice_the_memory_and_the_whole_worker() -> None:
    play = Play(map_only(3, retry=RetryPolicy(oom=9)), max_memory_scale=4)
    play.join("a", 2)
    play.tick(0)
    assert play.fail("j/map/in#0.0", Cause.OOM) == []
    assert play.finish("j/map/in#1.0") == ["accept j/map/in#1.0", "launch j/map/in#0.1 on a exclusive x2"]
    assert play.fail("j/map/in#0.1", Cause.OOM) == ["launch j/map/in#0.2 on a exclusive x4"]
    assert play.fail("j/map/in#0.2", Cause.OOM) == ["launch j/map/in#0.3 on a exclusive x4"]
    assert play.finish("j/map/in#0.3") == ["accept j/map/in#0.3", "launch j/map/in#2.0 on a"]


def test_the_whole_of_an_empty_worker_goes_before_waiting_for_a_busy_one() -> None:
    play = Play(map_only(3))
    play.join("a", 2)
    play.join("b", 2)
    play.tick(0)
    play.finish("j/map/in#1.0")
    assert play.fail("j/map/in#0.0", Cause.OOM) == ["launch j/map/in#0.1 on b exclusive x2"]


def test_two_tasks_that_need_a_whole_worker_take_turns() -> None:
    play = Play(map_only(2))
    play.join("a", 2)
    play.tick(0)
    assert play.fail("j/map/in#1.0", Cause.OOM) == []
    assert play.fail("j/map/in#0.0", Cause.OOM) == ["launch j/map/in#1.1 on a exclusive x2"]
    assert play.finish("j/map/in#1.1")[1:] == ["launch j/map/in#0.1 on a exclusive x2"]


def test_an_early_reader_is_cleared_from_a_worker_that_a_task_needs_whole() -> None:
    play = Play(map_reduce(2, 1))
    play.join("a", 2)
    play.tick(0)
    assert play.finish("j/map/in#0.0")[-1] == "launch j/reduce#0.0 on a early"
    assert play.fail("j/map/in#1.0", Cause.OOM) == [
        "cancel j/reduce#0.0 on a: slot-needed",
        "launch j/map/in#1.1 on a exclusive x2",
    ]


def test_a_worker_where_many_tasks_fail_is_set_aside_for_a_time() -> None:
    play = Play(map_only(8, retry=RetryPolicy(errors=9)), blocklist_failures=2, blocklist_s=60.0)
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.fail("j/map/in#0.0", Cause.DISK_FULL)
    said = play.fail("j/map/in#2.0", Cause.DISK_FULL)
    assert said == ["warn worker a gets no tasks for 60 s: 2 different tasks failed there"]
    assert play.scheduler.progress().blocked == 1
    for now_s in range(1, 60):
        play.beat("a")
        play.beat("b")
        assert play.tick(now_s) == []
    play.beat("a")
    assert play.tick(60) == ["launch j/map/in#0.1 on a"]


def test_the_last_worker_is_never_set_aside() -> None:
    play = Play(map_only(8, retry=RetryPolicy(errors=9)), blocklist_failures=2)
    play.join("a", 1)
    play.tick(0)
    attempt = "j/map/in#0.0"
    for _ in range(6):
        (said,) = play.fail(attempt)
        assert said.startswith("launch")
        attempt = said.split()[1]


def test_a_worker_set_aside_is_taken_back_when_the_others_are_gone() -> None:
    play = Play(map_only(8, retry=RetryPolicy(errors=9)), blocklist_failures=1)
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.fail("j/map/in#0.0")
    assert "on a" in play.leave("b")[-1]
