"""A task whose split lies on a volume runs where that is mounted, or waits: no patience and no failure moves it."""

from __future__ import annotations

from dataclasses import replace

from schedule_graphs import map_only, map_reduce
from schedule_play import Play

from gristmill.schedule.events import Cause

HERE, THERE = ("pvc://here",), ("pvc://there",)


def test_tasks_of_a_volume_go_to_the_worker_that_has_it_and_are_local() -> None:
    play = Play(map_only(4, tied=(HERE, THERE, THERE, HERE)))
    play.join("a", 4, "n1", volumes=HERE)
    play.join("b", 4, "n2", volumes=THERE)
    assert sorted(play.tick(0)) == [
        "launch j/map/in#0.0 on a local",
        "launch j/map/in#1.0 on b local",
        "launch j/map/in#2.0 on b local",
        "launch j/map/in#3.0 on a local",
    ]


def test_a_task_waits_for_a_worker_with_its_volume_however_long_and_one_is_asked_for() -> None:
    play = Play(map_only(3, tied=(HERE, THERE, THERE)), locality_wait_s=1.0)
    play.join("a", 2, "n1", volumes=HERE)
    assert play.tick(0) == ["launch j/map/in#0.0 on a local"]
    assert play.finish("j/map/in#0.0")[1:] == []
    play.beat("a")
    assert play.tick(20.0) == []
    assert play.requests[-1].volumes == (("pvc://there", 2),)
    assert play.requests[-1].places == ()
    assert play.join("b", 1, "n2", volumes=THERE) == ["launch j/map/in#1.0 on b local"]
    play.finish("j/map/in#1.0")
    assert play.finish("j/map/in#2.0")[-1] == "finish"


def test_other_tasks_of_the_stage_run_anywhere() -> None:
    play = Play(map_only(3, tied=(THERE, (), ())), locality_wait_s=1.0)
    play.join("a", 3, "n1")
    assert play.tick(0) == ["launch j/map/in#1.0 on a", "launch j/map/in#2.0 on a"]
    assert play.tick(1.5) == []


def test_a_stage_that_writes_to_a_volume_runs_where_that_is() -> None:
    graph = map_reduce(1, 2)
    maps, reduces = graph.stages
    play = Play(replace(graph, stages=(maps, replace(reduces, volumes=HERE))), early_launch=False)
    play.join("b", 4, "n2", volumes=THERE)
    play.tick(0)
    assert not [text for text in play.finish("j/map/in#0.0") if text.startswith("launch")]
    assert play.join("a", 1, "n1", volumes=(*HERE, *THERE)) == ["launch j/reduce#0.0 on a"]


def test_a_task_that_failed_is_tried_again_at_the_only_worker_with_its_volume() -> None:
    play = Play(map_only(1, tied=(THERE,)))
    play.join("a", 1, "n1")
    play.join("b", 1, "n2", volumes=THERE)
    play.tick(0)
    assert play.fail("j/map/in#0.0", Cause.EXECUTOR_LOST) == ["launch j/map/in#0.1 on b local"]


def test_no_backup_and_no_theft_moves_a_task_off_its_volume() -> None:
    play = Play(map_only(8, tied=(THERE,) * 8), backup_min_s=1.0)
    play.join("b", 1, "n2", volumes=THERE)
    play.tick(0)
    for number in range(7):
        play.finish(f"j/map/in#{number}.0", seconds=0.1)
    play.join("a", 4, "n1", volumes=HERE)
    assert play.tick(15.0) == []
    assert play.finish("j/map/in#7.0")[-1] == "finish"


def test_one_that_ran_out_of_memory_does_not_hold_up_another_without_a_volume() -> None:
    play = Play(map_only(2, tied=(THERE, ())))
    play.join("b", 1, "n2", volumes=THERE)
    play.join("a", 1, "n1")
    play.tick(0)
    play.fail("j/map/in#0.0", Cause.OOM)
    play.leave("b")
    assert play.fail("j/map/in#1.0", Cause.OOM) == ["launch j/map/in#1.1 on a exclusive x2"]


def test_readers_that_wait_give_way_to_a_map_that_can_run_only_there() -> None:
    play = Play(map_reduce(2, 1, tied=(HERE, THERE)))
    play.join("b", 1, "n2", volumes=THERE)
    play.join("a", 1, "n1", volumes=HERE)
    play.tick(0)
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/reduce#0.0 on b early"]
    play.join("idle", 4, "n3")
    assert play.lose("j/in", 1, "b") == ["cancel j/reduce#0.0 on b: slot-needed", "launch j/map/in#1.1 on b local"]
