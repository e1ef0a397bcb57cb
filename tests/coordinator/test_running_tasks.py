"""How far running tasks are, by what they have read."""

import pytest

from gristmill.coordinator.snapshot import MOST_OF_A_TASK, underway
from gristmill.coordinator.tally import Tally
from gristmill.ids import ExchangeId, Side, StageId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.plan.stage import ExchangeRead, ExchangeWrite, Scan, Stage, StageGraph, Step

MAP, REDUCE = StageId("j", Side.MAP, "in"), StageId("j", Side.REDUCE)
WAY, SPEC = ExchangeId("j", "in"), Exchange(ExchangeKind.HASH, 2, ("k",))
SPLITS = tuple(Split((FileRange(f"{n}.txt", 0, 1000),), 1000, rows) for n, rows in enumerate((None, 100)))
MAPS = Stage(
    MAP, 2, Step("j", "in", None), (ExchangeWrite(WAY, SPEC),), Scan("in", FileSource((), Format.TEXT), SPLITS)
)
REDUCES = Stage(REDUCE, 2, Step("j", "in", None), (), reads=(ExchangeRead("in", WAY, SPEC),))
GRAPH = StageGraph((MAPS, REDUCES), "j")


def test_nothing_runs_nothing_is_under_way():
    assert underway(GRAPH, Tally(GRAPH), MAPS) == 0


def test_a_map_task_is_as_far_as_it_has_read_of_its_split():
    tally = Tally(GRAPH)
    tally.running(MAP, f"{MAP}#0.0", 7, 250)
    assert underway(GRAPH, tally, MAPS) == 0.25
    tally.running(MAP, f"{MAP}#1.0", 50, 0)
    assert underway(GRAPH, tally, MAPS) == 0.75


def test_of_two_attempts_the_one_that_is_further_counts():
    tally = Tally(GRAPH)
    tally.running(MAP, f"{MAP}#0.0", 0, 900)
    tally.running(MAP, f"{MAP}#0.1", 0, 100)
    assert underway(GRAPH, tally, MAPS) == 0.9


def test_a_reduce_task_is_measured_by_what_the_maps_wrote():
    tally = Tally(GRAPH)
    tally.stages[MAP].rows_out = 400
    tally.running(REDUCE, f"{REDUCE}#1.0", 100, 5)
    assert underway(GRAPH, tally, REDUCES) == 0.5


@pytest.mark.parametrize("read", [1000, 10**9])
def test_a_task_that_runs_is_never_whole(read):
    tally = Tally(GRAPH)
    tally.running(MAP, f"{MAP}#0.0", 0, read)
    assert underway(GRAPH, tally, MAPS) == MOST_OF_A_TASK


def test_where_nothing_is_known_of_what_comes_nothing_is_claimed():
    tally = Tally(GRAPH)
    tally.running(REDUCE, f"{REDUCE}#0.0", 10, 10)
    assert underway(GRAPH, tally, REDUCES) == 0
