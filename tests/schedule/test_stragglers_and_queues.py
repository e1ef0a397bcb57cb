"""Backup attempts near the end of a stage; queues of short tasks and what idle workers take from them."""

from __future__ import annotations

from schedule_graphs import map_only, map_reduce
from schedule_play import Play

from gristmill.plan.exchange import ExchangeKind
from gristmill.schedule.durations import WINDOW, Durations


def nearly_done(**config: object) -> Play:
    """Four tasks, three done in 10 s each; the last runs on ``a`` since 0 s, and ``b`` idles."""
    play = Play(map_only(4), heartbeat_timeout_s=1e9, **config)
    play.join("a", 1)
    play.join("b", 3)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#2.0", "j/map/in#3.0")
    return play


def test_a_task_much_slower_than_the_median_gets_a_backup_elsewhere() -> None:
    play = nearly_done()
    assert play.tick(20.0) == []
    assert play.tick(20.2) == ["launch j/map/in#1.1 on b backup"]
    assert play.tick(50.0) == []


def test_the_first_to_finish_wins_and_the_other_is_stopped() -> None:
    play = nearly_done()
    play.tick(20.2)
    assert play.finish("j/map/in#1.1")[:2] == ["cancel j/map/in#1.0 on a: other-won", "accept j/map/in#1.1"]
    assert play.finish("j/map/in#1.0") == ["discard j/map/in#1.0"]


def test_the_straggler_itself_may_win() -> None:
    play = nearly_done()
    play.tick(20.2)
    assert play.finish("j/map/in#1.0")[:2] == ["cancel j/map/in#1.1 on b: other-won", "accept j/map/in#1.0"]


def test_a_failed_backup_leaves_the_other_attempt_alone() -> None:
    play = nearly_done()
    play.tick(20.2)
    assert play.fail("j/map/in#1.1") == []
    assert play.finish("j/map/in#1.0")[-1] == "finish"


def test_no_backup_where_they_are_switched_off() -> None:
    play = nearly_done(backups=False)
    assert play.tick(1000.0) == []


def test_no_backup_before_most_of_the_stage_is_done() -> None:
    play = Play(map_only(4), heartbeat_timeout_s=1e9)
    play.join("a", 2)
    play.join("b", 2)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#2.0")
    assert play.tick(1000.0) == []


def test_only_a_share_of_the_stage_has_backups_at_a_time() -> None:
    play = Play(map_only(40), heartbeat_timeout_s=1e9)
    play.join("a", 40)
    play.tick(0)
    play.finish_all(*(f"j/map/in#{number}.0" for number in range(30)))
    play.join("b", 40)
    assert play.tick(100.0) == [f"launch j/map/in#{number}.1 on b backup" for number in range(30, 34)]
    assert play.tick(101.0) == []
    play.finish("j/map/in#30.1")
    assert play.tick(102.0) == ["launch j/map/in#34.1 on b backup"]


def test_no_backup_on_the_same_worker() -> None:
    play = Play(map_only(4), heartbeat_timeout_s=1e9)
    play.join("a", 4)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#2.0", "j/map/in#3.0")
    assert play.tick(1000.0) == []


def test_a_backup_takes_the_slot_of_an_early_reader() -> None:
    play = Play(map_reduce(4, 9), heartbeat_timeout_s=1e9)
    play.join("a", 1)
    play.join("b", 3)
    play.tick(0)
    play.finish_all("j/map/in#0.0", "j/map/in#2.0", "j/map/in#3.0")
    assert play.scheduler.progress().busy == 4
    assert play.tick(20.2) == ["cancel j/reduce#2.0 on b: slot-needed", "launch j/map/in#1.1 on b backup"]


def test_durations_keep_a_window_of_the_latest() -> None:
    durations = Durations()
    for number in range(WINDOW * 3):
        durations.add(float(number))
    assert len(durations) == WINDOW
    assert durations.mean == durations.median == 2 * WINDOW + (WINDOW - 1) / 2


def short_stage(tasks: int = 40) -> Play:
    """One worker with one slot has run the first of many short tasks."""
    play = Play(map_only(tasks), queue_depth=4, short_task_s=0.1)
    play.join("a", 1)
    play.tick(0)
    return play


def test_short_tasks_queue_at_the_worker() -> None:
    play = short_stage()
    said = play.finish("j/map/in#0.0", seconds=0.01)
    assert said == ["accept j/map/in#0.0", *(f"launch j/map/in#{number}.0 on a" for number in range(1, 6))]


def test_the_queue_is_filled_in_batches() -> None:
    play = short_stage()
    play.finish("j/map/in#0.0", seconds=0.01)
    counts = []
    for number in range(1, 9):
        said = play.finish(f"j/map/in#{number}.0", seconds=0.01)
        counts.append(sum(each.startswith("launch") for each in said))
    assert counts == [0, 2, 0, 2, 0, 2, 0, 2]


def test_long_tasks_do_not_queue() -> None:
    play = short_stage()
    assert play.finish("j/map/in#0.0", seconds=5.0) == ["accept j/map/in#0.0", "launch j/map/in#1.0 on a"]


def test_the_last_tasks_are_left_to_all_slots_instead_of_one_queue() -> None:
    play = short_stage(tasks=3)
    said = play.finish("j/map/in#0.0", seconds=0.01)
    assert said == ["accept j/map/in#0.0", "launch j/map/in#1.0 on a"]


def test_an_idle_worker_takes_over_from_the_end_of_a_queue() -> None:
    play = short_stage(tasks=7)
    play.finish("j/map/in#0.0", seconds=0.01)
    assert play.join("b", 2) == [
        "launch j/map/in#6.0 on b",
        "cancel j/map/in#5.0 on a: stolen",
        "launch j/map/in#5.1 on b",
    ]


def test_a_stolen_attempt_that_finished_all_the_same_counts() -> None:
    play = short_stage(tasks=7)
    play.finish("j/map/in#0.0", seconds=0.01)
    play.join("b", 2)
    assert play.finish("j/map/in#5.0")[:2] == ["cancel j/map/in#5.1 on b: other-won", "accept j/map/in#5.0"]


def test_a_queued_task_whose_input_was_lost_is_not_taken_over_but_waits_again() -> None:
    play = Play(map_reduce(1, 9, ExchangeKind.RANGE), queue_depth=4, short_task_s=0.1)
    play.join("a", 1)
    play.tick(0)
    play.finish("j/map/in#0.0")
    play.finish("j/reduce#0.0", seconds=0.01)
    play.lose("j/in", 0, "a")
    assert play.join("c", 2) == [
        "launch j/map/in#0.1 on c",
        *(f"cancel j/reduce#{number}.0 on a: stolen" for number in (5, 4, 3, 2)),
    ]


def test_a_draining_worker_gives_its_queue_back() -> None:
    play = short_stage(tasks=8)
    play.finish("j/map/in#0.0", seconds=0.01)
    play.join("b", 1)
    said = play.drain("a")
    assert all(each.endswith("on a: draining") for each in said)
    assert len(said) >= 3
