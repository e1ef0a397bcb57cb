"""The journal of a run: what a lead that takes over finds, and when it must not believe it."""

from __future__ import annotations

from pathlib import Path

from gristmill.ids import AttemptId, ExchangeId, Side, StageId, TaskId
from gristmill.plan.stage import Stage, StageGraph, Step
from gristmill.plan.task import Location, MapOutput, PendingPart, TaskResult
from gristmill.storage.stores import Stores
from gristmill_worker.journal import Journal, merged

STAGE = StageId("job", Side.MAP, "in")


def _graph(tasks: int = 2) -> StageGraph:
    return StageGraph((Stage(STAGE, tasks, Step("job", "in", None), ()),), "job")


def _result(partition: int, number: int = 0, *, part: bool = False, host: str = "h") -> TaskResult:
    output = MapOutput(ExchangeId("job", "in"), Location("w", host, "/p"), partition, 1, 8, (1,), (8,), (), "c")
    parts = (PendingPart("job", "", partition, "u", "s", 1, 1, "c"),) if part else ()
    return TaskResult(AttemptId(TaskId(STAGE, partition), number), (output,), parts, 1, 1, 1, 1, 0, 0.1, 0.1, 1)


def test_what_was_flushed_is_read_by_the_next_lead_and_gone_after_the_run(tmp_path: Path) -> None:
    first = Journal(str(tmp_path), "run", _graph(), Stores())
    first.note(_result(0))
    first.flush()
    first.note(_result(1))
    first.flush()
    first.note(_result(1, 1))  # never flushed: that lead died
    second = Journal(str(tmp_path), "run", _graph(), Stores())
    assert second.read() == [_result(0), _result(1)]
    second.note(_result(1, 1))
    second.flush()
    assert Journal(str(tmp_path), "run", _graph(), Stores()).read() == [_result(0), _result(1, 1)]
    second.remove()
    assert Journal(str(tmp_path), "run", _graph(), Stores()).read() == []


def test_a_journal_of_another_plan_does_not_count(tmp_path: Path) -> None:
    first = Journal(str(tmp_path), "run", _graph(2), Stores())
    first.note(_result(0))
    first.flush()
    assert Journal(str(tmp_path), "run", _graph(3), Stores()).read() == []
    assert Journal(str(tmp_path), "other", _graph(2), Stores()).read() == []


def test_a_run_without_scratch_has_no_journal() -> None:
    journal = Journal("", "run", _graph(), Stores())
    journal.note(_result(0))
    journal.flush()
    journal.remove()
    assert journal.read() == []


def test_a_short_run_writes_nothing(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "run", _graph(), Stores())
    journal.note(_result(0))
    journal.remove()
    assert list(tmp_path.rglob("*")) == []


def test_parts_of_the_first_result_stand_when_lost_output_was_written_again() -> None:
    again = merged([_result(0, part=True), _result(0, 1, host="other")])
    assert len(again) == 1
    assert again[0].attempt.number == 1
    assert again[0].parts == _result(0, part=True).parts
    assert again[0].outputs[0].location.host == "other"
