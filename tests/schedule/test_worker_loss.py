"""Workers that die, fall silent or drain, and what of their work runs again: only what somebody still needs."""

from __future__ import annotations

from schedule_graphs import chain_of, map_only, map_reduce, map_stage, read, reduce_stage, sink, write
from schedule_play import Play

from gristmill.ids import TaskId, WorkerId
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.stage import StageGraph
from gristmill.schedule.events import Cause, LeaveReason, OutputMoved


def test_running_attempts_move_when_their_worker_is_lost() -> None:
    play = Play(map_only(2))
    play.join("a", 1)
    play.join("b", 2)
    play.tick(0)
    assert play.leave("b") == []
    assert play.finish("j/map/in#1.0") == ["accept j/map/in#1.0", "launch j/map/in#0.1 on a"]


def test_finished_maps_whose_output_is_lost_run_again() -> None:
    play = Play(map_reduce(2, 1, ExchangeKind.RANGE))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.finish("j/map/in#0.0")
    play.finish("j/map/in#1.0")
    assert play.leave("b") == ["reopened j/in", "launch j/map/in#1.1 on a"]
    assert play.finish("j/map/in#1.1")[:2] == ["accept j/map/in#1.1", "fed j/in"]


def test_maps_whose_readers_are_all_done_do_not_run_again() -> None:
    play = Play(chain_of(1, 1, 1), early_launch=False)
    play.join("a", 1)
    play.tick(0)
    play.join("b", 1)
    play.drain("a")
    play.finish("j1/map/in#0.0")
    play.finish("j1/reduce#0.0")
    assert play.leave("a") == []
    assert play.finish("j2/reduce#0.0")[-1] == "finish"


def test_lost_output_of_a_reducer_brings_back_the_released_maps_too() -> None:
    play = Play(chain_of(2, 1, 1))
    play.join("a", 2)
    play.tick(0)
    play.finish_all("j1/map/in#0.0", "j1/map/in#1.0")
    play.finish("j1/reduce#0.0")
    play.join("b", 2)
    assert play.leave("a") == [
        "reopened j2/in",
        "launch j1/map/in#0.1 on b",
        "launch j1/map/in#1.1 on b",
    ]
    assert "fed j1/in" in play.finish_all("j1/map/in#0.1", "j1/map/in#1.1")


def test_output_that_outlives_its_worker_is_not_written_again() -> None:
    play = Play(map_reduce(2, 1, ExchangeKind.RANGE))
    play.join("a", 1)
    play.join("b", 1, outlives=True)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#1.0")
    assert play.leave("b") == ["launch j/reduce#0.1 on a"]


def test_output_that_was_moved_is_not_written_again() -> None:
    play = Play(map_reduce(2, 1), early_launch=False)
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.finish("j/map/in#1.0")
    play.drain("b")
    stage = play.scheduler.progress().stages[0].stage
    play.say(OutputMoved(TaskId(stage, 1), WorkerId("a")))
    assert play.leave("b", LeaveReason.DRAINED) == []
    assert play.finish("j/map/in#0.0")[-1] == "launch j/reduce#0.0 on a"


def test_committed_sink_tasks_stay_when_their_worker_is_lost() -> None:
    play = Play(map_only(2))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.finish("j/map/in#1.0")
    assert play.leave("b") == []
    assert play.finish("j/map/in#0.0")[-1] == "finish"


def test_parts_of_a_task_that_runs_again_for_its_lost_output_are_not_kept_twice() -> None:
    stages = (
        map_stage("a", 1, sink("a"), write("b", 1, ExchangeKind.RANGE)),
        reduce_stage("b", 1, (read("b", 1, ExchangeKind.RANGE),), sink("b")),
    )
    play = Play(StageGraph(stages, "b"))
    play.join("w", 1)
    play.tick(0)
    assert play.finish("a/map/in#0.0")[0] == "accept a/map/in#0.0"
    play.leave("w")
    play.join("v", 1)
    assert play.finish("a/map/in#0.1")[0] == "accept a/map/in#0.1 without its parts"


def test_a_doubled_message_about_an_attempt_accepted_once_drops_nothing() -> None:
    play = Play(map_reduce(1, 1))
    play.join("a", 2)
    play.tick(0)
    play.finish("j/map/in#0.0")
    play.lose("j/in", 0, "a")
    play.finish("j/map/in#0.1")
    assert play.finish("j/map/in#0.0") == []
    assert play.finish("j/map/in#0.1") == []


def test_a_silent_worker_is_lost() -> None:
    play = Play(map_only(1), heartbeat_timeout_s=10.0)
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    for now_s in (4.0, 8.0):
        play.tick(now_s)
        play.beat("b")
    assert play.tick(10.5) == ["lose a", "launch j/map/in#0.1 on b"]


def test_every_message_is_a_sign_of_life() -> None:
    play = Play(map_only(2), heartbeat_timeout_s=10.0)
    play.join("a", 1)
    play.tick(0)
    play.tick(4.0)
    play.tick(8.0)
    play.finish("j/map/in#0.0")
    assert play.tick(12.0) == []


def test_nobody_is_lost_because_the_coordinator_itself_stood_still() -> None:
    play = Play(map_only(1), heartbeat_timeout_s=10.0)
    play.join("a", 1)
    play.tick(0)
    assert play.tick(500.0) == []


def test_a_late_answer_of_a_lost_worker_is_dropped() -> None:
    play = Play(map_only(1))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    assert play.leave("a") == ["launch j/map/in#0.1 on b"]
    assert play.finish("j/map/in#0.0") == ["discard j/map/in#0.0"]


def test_a_worker_that_left_does_not_come_back_under_its_id() -> None:
    play = Play(map_only(1))
    play.tick(0)
    play.leave("a")
    assert play.join("a", 1) == []
    assert play.scheduler.progress().workers == 0


def test_a_draining_worker_finishes_what_runs_and_gets_nothing_new() -> None:
    play = Play(map_only(3))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    assert play.drain("a") == []
    assert play.finish("j/map/in#0.0") == ["accept j/map/in#0.0"]
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/map/in#2.0 on b"]


def test_a_lost_input_named_by_a_reader_is_written_again_and_the_reader_waits_for_it() -> None:
    play = Play(map_reduce(2, 1))
    play.join("a", 1)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#1.0")
    assert play.fail("j/reduce#0.0", Cause.LOST_INPUT, ("j/in", 1)) == ["reopened j/in", "launch j/map/in#1.1 on a"]
    assert play.finish("j/map/in#1.1") == ["accept j/map/in#1.1", "fed j/in", "launch j/reduce#0.1 on a"]


def test_a_report_of_lost_input_older_than_the_new_output_only_retries_the_reader() -> None:
    play = Play(map_reduce(2, 2), early_launch=False)
    play.join("a", 2)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#1.0")
    play.fail("j/reduce#0.0", Cause.LOST_INPUT, ("j/in", 1))
    play.finish("j/map/in#1.1")
    assert play.fail("j/reduce#1.0", Cause.LOST_INPUT, ("j/in", 1)) == ["launch j/reduce#1.1 on a"]


def test_a_report_of_output_lost_on_a_worker_that_no_longer_holds_it_is_void() -> None:
    play = Play(map_reduce(1, 1))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    play.finish("j/map/in#0.0")
    assert play.lose("j/in", 0, "b") == []


def test_a_report_of_an_output_that_does_not_exist_is_void() -> None:
    play = Play(map_reduce(1, 1))
    play.join("a", 1)
    play.tick(0)
    play.finish("j/map/in#0.0")
    assert play.lose("j/in", 7, "a") == play.lose("j/other", 0, "a") == []
    assert play.fail("j/reduce#0.0", Cause.LOST_INPUT, ("j/in", -1)) == ["launch j/reduce#0.1 on a"]


def test_a_map_that_runs_again_for_nobody_is_stopped() -> None:
    play = Play(chain_of(1, 1, 1), early_launch=False)
    play.join("a", 2)
    play.tick(0)
    play.finish("j1/map/in#0.0")
    assert play.lose("j1/in", 0, "a") == ["reopened j1/in", "launch j1/map/in#0.1 on a"]
    assert "cancel j1/map/in#0.1 on a: not-needed" in play.finish("j1/reduce#0.0")


def test_readers_of_rows_that_a_second_run_changed_run_again() -> None:
    play = Play(chain_of(2, 2, 1))
    play.join("a", 2)
    play.tick(0)
    play.finish("j1/map/in#0.0", checksum="x")
    play.finish("j1/map/in#1.0", checksum="y")
    play.finish("j1/reduce#0.0", checksum="z")
    play.lose("j1/in", 0, "a")
    said = play.finish("j1/map/in#0.1", checksum="other")
    assert said[:2] == ["accept j1/map/in#0.1", "fed j1/in with other rows"]
    assert "warn j1/map/in#0 gave other rows when it ran again: it is not deterministic" in said
    assert "cancel j1/reduce#1.0 on a: input-changed" in said
    assert {each for each in said if each.startswith("launch")} == {
        "launch j1/reduce#0.1 on a",
        "launch j1/reduce#1.1 on a",
    }
    assert play.finish("j1/reduce#1.0") == ["discard j1/reduce#1.0"]


def test_committed_readers_of_rows_that_changed_are_told_of() -> None:
    play = Play(map_reduce(2, 2))
    play.join("a", 2)
    play.tick(0)
    play.finish("j/map/in#0.0", checksum="x")
    play.finish("j/map/in#1.0", checksum="y")
    play.finish("j/reduce#0.0")
    play.lose("j/in", 0, "a")
    said = play.finish("j/map/in#0.1", checksum="other")
    assert "1 tasks that had read the earlier rows stand, so the result may mix both" in " ".join(said)


def test_a_second_run_with_the_same_rows_changes_nothing() -> None:
    play = Play(map_reduce(2, 2, ExchangeKind.RANGE))
    play.join("a", 2)
    play.tick(0)
    play.finish("j/map/in#0.0", checksum="x")
    play.finish("j/map/in#1.0", checksum="y")
    play.finish("j/reduce#0.0")
    play.lose("j/in", 0, "a")
    assert play.finish("j/map/in#0.1", checksum="x") == ["accept j/map/in#0.1", "fed j/in"]
