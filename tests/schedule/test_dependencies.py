"""When a stage may run, by the kind of exchange that it reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from schedule_graphs import chain_of, map_only, map_reduce, map_stage, read, reduce_stage, sink, write
from schedule_play import Play

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.stage import StageGraph

EARLY = (ExchangeKind.HASH, ExchangeKind.CUSTOM, ExchangeKind.SINGLE)
SEALED_FIRST = (ExchangeKind.RANGE, ExchangeKind.BROADCAST)


def test_nothing_is_launched_before_the_first_tick() -> None:
    play = Play(map_only(1))
    assert play.join("w", 1) == []
    assert play.tick(100.0) == ["launch j/map/in#0.0 on w"]


def test_a_map_only_job_runs_from_its_first_task_to_its_last() -> None:
    play = Play(map_only(2))
    play.join("w", 1)
    assert play.tick(0) == ["launch j/map/in#0.0 on w"]
    assert play.finish("j/map/in#0.0") == ["accept j/map/in#0.0", "launch j/map/in#1.0 on w"]
    assert play.finish("j/map/in#1.0") == ["accept j/map/in#1.0", "sealed j/map/in", "job j finished", "finish"]


@pytest.mark.parametrize("kind", EARLY)
def test_an_idle_slot_runs_a_reader_early_while_the_last_maps_run(kind: ExchangeKind) -> None:
    play = Play(map_reduce(3, 2, kind))
    play.join("w", 2)
    assert play.tick(0) == ["launch j/map/in#0.0 on w", "launch j/map/in#1.0 on w"]
    assert play.finish("j/map/in#0.0") == ["accept j/map/in#0.0", "launch j/map/in#2.0 on w"]
    assert play.finish("j/map/in#1.0") == ["accept j/map/in#1.0", "launch j/reduce#0.0 on w early"]
    assert play.finish("j/map/in#2.0") == [
        "accept j/map/in#2.0",
        "fed j/in",
        "sealed j/map/in",
        "launch j/reduce#1.0 on w",
    ]


@pytest.mark.parametrize("kind", SEALED_FIRST)
def test_a_reader_that_needs_all_outputs_waits_for_the_seal(kind: ExchangeKind) -> None:
    play = Play(map_reduce(2, 1, kind))
    play.join("w", 2)
    play.tick(0)
    assert play.finish("j/map/in#0.0") == ["accept j/map/in#0.0"]
    assert play.finish("j/map/in#1.0")[1:] == ["fed j/in", "sealed j/map/in", "launch j/reduce#0.0 on w"]


def test_early_launching_can_be_switched_off() -> None:
    play = Play(map_reduce(2, 1), early_launch=False)
    play.join("w", 2)
    play.tick(0)
    assert play.finish("j/map/in#0.0") == ["accept j/map/in#0.0"]


def test_an_early_reader_gives_its_slot_to_a_map_that_runs_again_and_spends_no_budget() -> None:
    play = Play(map_reduce(2, 1))
    play.join("w", 2)
    play.tick(0)
    assert play.finish("j/map/in#0.0")[1:] == ["launch j/reduce#0.0 on w early"]
    assert play.lose("j/in", 0, "w") == ["cancel j/reduce#0.0 on w: slot-needed", "launch j/map/in#0.1 on w"]
    assert play.scheduler.progress().stages[1].failures == ()


def test_a_forward_reader_depends_on_one_writing_task_alone() -> None:
    play = Play(map_reduce(2, 2, ExchangeKind.FORWARD))
    play.join("w", 2)
    play.tick(0)
    assert play.finish("j/map/in#1.0") == ["accept j/map/in#1.0", "launch j/reduce#1.0 on w local"]


def test_several_stages_write_one_exchange_and_seal_it_together() -> None:
    stages = (
        map_stage("a", 1, write("b", 1, ExchangeKind.RANGE), name="x"),
        map_stage("a", 1, write("b", 1, ExchangeKind.RANGE), name="y"),
        reduce_stage("b", 1, (read("b", 1, ExchangeKind.RANGE),), sink("b")),
    )
    play = Play(StageGraph(stages, "b"))
    play.join("w", 2)
    play.tick(0)
    assert play.finish("a/map/x#0.0") == ["accept a/map/x#0.0", "sealed a/map/x"]
    assert play.finish("a/map/y#0.0") == [
        "accept a/map/y#0.0",
        "fed b/in",
        "sealed a/map/y",
        "job a finished",
        "launch b/reduce#0.0 on w",
    ]


def test_a_side_input_from_a_job_is_sealed_before_the_maps_that_read_it() -> None:
    side = write("b", 2, ExchangeKind.BROADCAST, "side")
    maps = map_stage("b", 2, sink("b"))
    body = replace(maps.body, side_reads=(read("b", 2, ExchangeKind.BROADCAST, "side"),))
    play = Play(StageGraph((map_stage("a", 1, side), replace(maps, body=body)), "b"))
    play.join("w", 3)
    assert play.tick(0) == ["launch a/map/in#0.0 on w"]
    assert play.finish("a/map/in#0.0")[3:] == ["job a finished", "launch b/map/in#0.0 on w", "launch b/map/in#1.0 on w"]


def test_stages_without_tasks_are_sealed_at_once() -> None:
    play = Play(map_reduce(0, 1, ExchangeKind.RANGE))
    play.join("w", 1)
    assert play.tick(0) == ["sealed j/map/in", "fed j/in", "launch j/reduce#0.0 on w"]


def test_a_chain_without_tasks_is_finished_by_the_first_tick() -> None:
    assert Play(map_only(0)).tick(0) == ["sealed j/map/in", "job j finished", "finish"]


def test_outputs_are_released_when_their_last_reader_is_done() -> None:
    play = Play(chain_of(1, 1, 1))
    play.join("w", 1)
    play.tick(0)
    play.finish("j1/map/in#0.0")
    assert play.finish("j1/reduce#0.0")[:5] == [
        "accept j1/reduce#0.0",
        "fed j2/in",
        "sealed j1/reduce",
        "job j1 finished",
        "release j1/in",
    ]


def test_the_lowest_stage_and_partition_goes_first() -> None:
    stages = (map_stage("a", 2, sink("a")), map_stage("b", 1, sink("b")))
    play = Play(StageGraph(stages, "b"))
    play.join("w", 1)
    order = play.tick(0)
    while order[-1].startswith("launch"):
        order += play.finish(order[-1].split()[1])
    assert [each for each in order if each.startswith("launch")] == [
        "launch a/map/in#0.0 on w",
        "launch a/map/in#1.0 on w",
        "launch b/map/in#0.0 on w",
    ]


def test_few_tasks_spread_over_many_workers() -> None:
    play = Play(map_only(3))
    for name in ("a", "b", "c"):
        play.join(name, 4)
    assert [each.split()[-1] for each in play.tick(0)] == ["a", "b", "c"]
