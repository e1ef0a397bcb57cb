"""Tasks go to the nearest worker, and no slot waits longer than the bound for a better one."""

from __future__ import annotations

from schedule_graphs import map_only, map_reduce
from schedule_play import Play

from gristmill.plan.exchange import ExchangeKind
from gristmill.schedule.instructions import Locality


def test_a_worker_gets_the_tasks_of_its_own_host_first() -> None:
    play = Play(map_only(3, places=(("h1",), ("h2",), ("h1",))))
    play.join("a", 1, "h2")
    play.join("b", 2, "h1")
    assert sorted(play.tick(0)) == [
        "launch j/map/in#0.0 on b local",
        "launch j/map/in#1.0 on a local",
        "launch j/map/in#2.0 on b local",
    ]


def test_the_own_zone_comes_after_the_own_host_and_before_the_rest() -> None:
    play = Play(map_only(3, places=((), ("z1",), ("h1",))))
    play.join("a", 1, "h1", "z1")
    assert play.tick(0) == ["launch j/map/in#2.0 on a local"]
    assert play.finish("j/map/in#2.0")[1:] == ["launch j/map/in#1.0 on a zone"]
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/map/in#0.0 on a"]


def test_a_task_waits_for_its_busy_host_then_its_zone_then_goes_anywhere() -> None:
    places = (("h1", "z1"),) * 4
    play = Play(map_only(4, places=places), locality_wait_s=4.0)
    play.join("local", 1, "h1", "z1")
    assert play.tick(0) == ["launch j/map/in#0.0 on local local"]
    play.join("near", 1, "h2", "z1")
    play.join("far", 1, "h3", "z2")
    assert play.tick(1.9) == []
    assert play.tick(2.0) == ["launch j/map/in#1.0 on near zone"]
    assert play.tick(3.9) == []
    assert play.tick(4.0) == ["launch j/map/in#2.0 on far remote"]


def test_no_slot_waits_for_a_host_without_workers() -> None:
    play = Play(map_only(2, places=(("elsewhere", "z1"), ("elsewhere",))))
    play.join("a", 2, "h1", "z1")
    assert play.tick(0) == ["launch j/map/in#0.0 on a zone", "launch j/map/in#1.0 on a remote"]


def test_a_worker_without_local_data_pays_the_wait_once() -> None:
    play = Play(map_only(4, places=(("h1",),) * 4), locality_wait_s=3.0)
    play.join("local", 1, "h1")
    play.join("far", 1, "h2")
    play.tick(0)
    assert play.tick(3.0) == ["launch j/map/in#1.0 on far remote"]
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/map/in#2.0 on far remote"]


def test_a_slot_freed_on_the_host_takes_its_task_at_once() -> None:
    play = Play(map_only(2, places=(("h1",), ("h1",))))
    play.join("local", 1, "h1")
    play.join("far", 1, "h2")
    play.tick(0)
    assert play.finish("j/map/in#0.0")[1:] == ["launch j/map/in#1.0 on local local"]


def test_a_task_that_comes_back_is_near_to_its_places_again() -> None:
    play = Play(map_only(3, places=(("h1",), ("h1",), ())))
    play.join("a", 1, "h1")
    play.join("b", 1, "h1")
    play.tick(0)
    play.leave("a")
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/map/in#0.1 on b local"]


def test_the_reader_of_a_forwarded_output_runs_where_that_was_written() -> None:
    play = Play(map_reduce(2, 2, ExchangeKind.FORWARD))
    play.join("a", 1)
    play.join("b", 1)
    play.tick(0)
    assert play.finish("j/map/in#1.0")[1:] == ["launch j/reduce#1.0 on b local"]
    assert play.finish("j/map/in#0.0")[3:] == ["launch j/reduce#0.0 on a local"]


def test_localities_are_counted() -> None:
    play = Play(map_only(3, places=(("h1",), ("z1",), ())))
    play.join("a", 3, "h1", "z1")
    play.tick(0)
    (stage,) = play.scheduler.progress().stages
    assert [stage.at(each) for each in Locality] == [1, 1, 0, 1]


def test_workers_are_asked_for_where_the_tasks_are() -> None:
    play = Play(map_only(3, places=(("h1",), ("h1",), ("h2",))))
    play.tick(0)
    assert [(request.slots, request.places) for request in play.requests] == [(3, (("h1", 2), ("h2", 1)))]
