"""What a pool asks for: nothing that its own slots do in time, and never more than there is to do."""

from __future__ import annotations

import pytest

from gristmill_worker.need import RunDemand, demand_before_plan, need_of, same_need


def _run(
    maps: int = 0, reduces: int = 0, running: int = 0, task_s: float | None = None, age_s: float = 0.0
) -> RunDemand:
    return RunDemand(maps, reduces, running, task_s, age_s)


@pytest.mark.parametrize(
    ("runs", "slots", "wanted"),
    [
        ([], 1, 0),
        ([_run(maps=3, running=1, age_s=0.5)], 1, 1),  # a small run is one pod
        ([_run(maps=40, running=1, task_s=0.05, age_s=1)], 1, 1),  # short tasks too
        ([_run(maps=40, running=1, task_s=1.0, age_s=1)], 1, 4),  # 40 s of work: done in about 10
        ([_run(maps=40, running=1, task_s=60.0, age_s=60)], 1, 41),  # never more than tasks
        ([_run(maps=3, running=1, age_s=20)], 1, 4),  # nothing has ended yet, and that takes long
        ([_run(maps=40, running=8, task_s=1.0, age_s=9)], 8, 9),  # what is there does the most of it
        ([_run(running=2, task_s=100.0, age_s=9)], 8, 2),  # nothing waits
        ([_run(maps=40, running=1, task_s=1.0), _run(reduces=40, running=1, task_s=1.0)], 1, 8),
    ],
)
def test_slots_are_asked_for_from_need(runs: list[RunDemand], slots: int, wanted: int) -> None:
    assert need_of(runs, slots, (), 0.0).slots == wanted


def test_the_need_tells_sides_places_and_idleness() -> None:
    runs = [
        RunDemand(3, 0, 1, 1.0, 5.0, (("zone-a", 300), ("zone-b", 10))),
        RunDemand(0, 2, 1, 1.0, 5.0, (("zone-b", 400),)),
    ]
    need = need_of(runs, 1, ("w-1",), 0.0)
    assert (need.maps, need.reduces, need.active_runs) == (3, 2, 2)
    assert need.places == (("zone-b", 410), ("zone-a", 300))
    assert need.idle == ("w-1",)


def test_the_need_tells_claims_of_tasks_that_can_be_nowhere_else() -> None:
    runs = [RunDemand(3, 0, 1, 1.0, 5.0, volumes=(("pvc://b", 2),)), demand_before_plan({"pvc://b", "pvc://c"}, 1.0)]
    assert need_of(runs, 1, (), 0.0).volumes == (("b", 3), ("c", 1))


def test_only_the_largest_places_are_named() -> None:
    places = tuple((f"zone-{number}", number) for number in range(50))
    need = need_of([RunDemand(1, 0, 0, 1.0, 1.0, places)], 1, (), 0.0)
    assert len(need.places) == 20
    assert need.places[0] == ("zone-49", 49)


def test_a_pool_that_stays_idle_has_no_news() -> None:
    assert same_need(need_of([], 1, ("w-1",), 5.0), need_of([], 1, ("w-1",), 6.0))
    assert not same_need(need_of([], 1, ("w-1",), 0.0), need_of([], 1, ("w-1",), 6.0))
    assert not same_need(need_of([], 1, (), 5.0), need_of([], 1, ("w-1",), 6.0))
