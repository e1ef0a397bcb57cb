"""How often status is written: etcd keeps every write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from operator_values import NOW

from gristmill_operator.pacing import LONGEST_S, PASSING_S, passes, write_in
from gristmill_operator.status import Condition, ConditionType, Phase, Status

RUNNING = Status(phase=Phase.RUNNING, start_time=NOW - 10, told={"progress": {"rows": 1}})
MORE = replace(RUNNING, told={"progress": {"rows": 2}})


def test_what_is_written_already_is_not_written() -> None:
    assert write_in(RUNNING, RUNNING, 0, 0, NOW) is None


@pytest.mark.parametrize(
    "new",
    [
        replace(RUNNING, phase=Phase.COMPLETE),
        replace(RUNNING, leads=2),
        replace(RUNNING, told={"result": {"uri": "s3://x"}}),
        RUNNING.with_condition(Condition(ConditionType.PODS_READY, False, "ImagePullBackOff")),
    ],
)
def test_what_people_act_on_is_written_at_once(new: Status) -> None:
    assert write_in(RUNNING, new, NOW, NOW, NOW) == 0.0


NEW = Status()
PENDING = replace(NEW, phase=Phase.PENDING, start_time=NOW, observed_generation=1, pool="gpool-warm").with_condition(
    Condition(ConditionType.RUNNING, False, "Sent")
)
PLANNED = replace(PENDING, phase=Phase.RUNNING, told={"run": "r"}).with_condition(
    Condition(ConditionType.PLANNED, True, "Planned")
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NEW, PENDING),
        (PENDING, PENDING.with_condition(Condition(ConditionType.RUNNING, False, "Sending"))),
        (PENDING, PLANNED),
        (NEW, PLANNED),
        (PLANNED, replace(PLANNED, phase=Phase.COMMITTING)),
    ],
)
def test_what_passes_is_written_where_it_lasts(old: Status, new: Status) -> None:
    assert passes(old, new)
    assert write_in(old, new, 0, NOW, NOW) == pytest.approx(PASSING_S)
    assert write_in(old, new, 0, NOW - 0.15, NOW) == pytest.approx(0.05)
    assert write_in(old, new, NOW, NOW - 1, NOW) == 0.0


@pytest.mark.parametrize(
    "new",
    [
        replace(PENDING, leads=1, lead="mrj-x-lead-0"),
        replace(PENDING, phase=Phase.FAILED),
        replace(PENDING, phase=Phase.SUSPENDED),
        replace(PENDING, told={"outputs": [{"uri": "s3://x"}]}),
        PENDING.with_condition(Condition(ConditionType.PODS_READY, False, "Unschedulable")),
    ],
)
def test_what_does_not_pass_by_itself_waits_for_nothing(new: Status) -> None:
    assert write_in(NEW, new, NOW, NOW, NOW) == 0.0


def test_progress_is_written_once_a_second_and_less_often_of_long_runs() -> None:
    assert write_in(RUNNING, MORE, NOW - 0.4, 0, NOW) == pytest.approx(0.6)
    assert write_in(RUNNING, MORE, NOW - 1, 0, NOW) == 0.0
    old = replace(RUNNING, start_time=NOW - 500)
    assert write_in(old, replace(MORE, start_time=NOW - 500), NOW, 0, NOW) == pytest.approx(5)
    ancient = replace(MORE, start_time=NOW - 10**6)
    assert write_in(replace(RUNNING, start_time=NOW - 10**6), ancient, NOW, 0, NOW) == LONGEST_S


def test_a_day_of_progress_is_less_than_ten_thousand_writes() -> None:
    writes, written, now = 0, NOW, NOW
    while now < NOW + 86_400:
        now += 1
        wait_s = write_in(replace(RUNNING, start_time=NOW), replace(MORE, start_time=NOW), written, 0, now)
        if wait_s == 0:
            writes, written = writes + 1, now
    assert writes < 10_000
