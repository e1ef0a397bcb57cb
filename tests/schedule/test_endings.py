"""How a chain ends: finished, failed, cancelled; what a new scheduler takes over from one that died."""

from __future__ import annotations

from schedule_graphs import chain_of, map_only, map_reduce
from schedule_play import Play

from gristmill.ids import AttemptId, WorkerId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import RetryPolicy
from gristmill.schedule.chain import Phase
from gristmill.schedule.events import Cancel, TaskRestored


def test_cancel_leaves_nothing_running() -> None:
    play = Play(map_only(3))
    play.join("a", 2)
    play.tick(0)
    assert play.say(Cancel("because")) == [
        "cancel j/map/in#0.0 on a: chain-ended",
        "cancel j/map/in#1.0 on a: chain-ended",
        "fail chain cancelled: because",
    ]
    assert play.scheduler.phase is Phase.CANCELLED
    progress = play.scheduler.progress()
    assert (progress.busy, progress.stages[0].running) == (0, 0)


def test_a_chain_can_be_cancelled_before_it_starts() -> None:
    play = Play(map_only(1))
    assert play.say(Cancel("never mind")) == ["fail chain cancelled: never mind"]
    assert play.tick(0) == []


def test_after_the_end_late_results_are_dropped_and_nothing_else_happens() -> None:
    play = Play(map_only(2))
    play.join("a", 2)
    play.tick(0)
    play.finish("j/map/in#1.0")
    play.say(Cancel("because"))
    assert play.finish("j/map/in#0.0") == ["discard j/map/in#0.0"]
    assert play.finish("j/map/in#1.0") == []
    assert play.join("b", 1) == []
    assert play.leave("a") == []
    assert play.tick(1000.0) == []
    assert play.say(Cancel("again")) == []


def test_a_failed_chain_stops_what_still_runs() -> None:
    play = Play(map_only(2, retry=RetryPolicy(errors=1)))
    play.join("a", 2)
    play.tick(0)
    assert play.fail("j/map/in#1.0") == ["cancel j/map/in#0.0 on a: chain-ended", "fail j/map/in#1 error: because"]


def test_jobs_finish_one_by_one() -> None:
    play = Play(chain_of(1, 1, 1))
    play.join("a", 1)
    play.tick(0)
    said = [play.finish(f"{stage}#0.0") for stage in ("j1/map/in", "j1/reduce", "j2/reduce")]
    assert [[each for each in lines if each.startswith("job")] for lines in said] == [
        [],
        ["job j1 finished"],
        ["job j2 finished"],
    ]


def test_what_an_earlier_coordinator_accepted_does_not_run_again() -> None:
    play = Play(map_reduce(3, 1, ExchangeKind.RANGE))
    play.join("a", 1)
    play.say(TaskRestored(AttemptId.parse("j/map/in#0.4"), WorkerId("a")))
    play.say(TaskRestored(AttemptId.parse("j/map/in#2.0"), None))
    assert play.tick(0) == ["launch j/map/in#1.0 on a"]
    assert play.finish("j/map/in#1.0")[1:] == ["fed j/in", "sealed j/map/in", "launch j/reduce#0.0 on a"]


def test_restored_output_that_is_gone_is_written_again_if_it_is_needed() -> None:
    play = Play(map_reduce(2, 1, ExchangeKind.RANGE))
    play.join("a", 1)
    play.say(TaskRestored(AttemptId.parse("j/map/in#0.0"), WorkerId("gone")))
    play.say(TaskRestored(AttemptId.parse("j/map/in#1.0"), WorkerId("a")))
    assert play.tick(0) == ["launch j/map/in#0.1 on a"]


def test_restored_output_that_is_gone_is_not_written_again_for_nobody() -> None:
    play = Play(chain_of(1, 1, 1))
    play.join("a", 1)
    play.say(TaskRestored(AttemptId.parse("j1/map/in#0.0"), WorkerId("gone")))
    play.say(TaskRestored(AttemptId.parse("j1/reduce#0.0"), WorkerId("a")))
    assert play.tick(0) == ["launch j2/reduce#0.0 on a"]


def test_a_chain_that_was_done_before_is_finished_by_the_first_tick() -> None:
    play = Play(map_only(1))
    assert play.say(TaskRestored(AttemptId.parse("j/map/in#0.0"))) == ["sealed j/map/in", "job j finished"]
    assert play.tick(0) == ["finish"]


def test_progress_counts_tasks_and_attempts() -> None:
    play = Play(map_reduce(3, 1))
    play.join("a", 1)
    play.tick(0)
    play.fail("j/map/in#0.0")
    play.finish("j/map/in#0.1")
    progress = play.scheduler.progress()
    maps, reduces = progress.stages
    assert (maps.waiting, maps.running, maps.done, maps.retries, maps.bytes_) == (1, 1, 1, 1, 100)
    assert (reduces.waiting, reduces.running, reduces.done) == (1, 0, 0)
    assert (progress.workers, progress.slots, progress.busy) == (1, 1, 1)
