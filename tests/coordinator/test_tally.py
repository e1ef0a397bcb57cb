"""Sums over a chain: each task counts once."""

from gristmill.coordinator.tally import Tally
from gristmill.ids import AttemptId, Side, StageId, TaskId
from gristmill.plan.stage import Stage, StageGraph, Step
from gristmill.plan.task import QuarantinedRecord, TaskResult

STAGE = StageId("j", Side.MAP, "in")


def _result(number: int) -> TaskResult:
    return TaskResult(
        attempt=AttemptId(TaskId(STAGE, 1), number),
        outputs=(),
        parts=(),
        rows_in=7,
        bytes_in=70,
        rows_out=3,
        bytes_out=30,
        bytes_spilled=0,
        seconds=1.0,
        cpu_seconds=1.0,
        peak_bytes=1,
        counters=(("seen", 7),),
        quarantined=(QuarantinedRecord("a.txt", 2, "boom"),),
    )


def test_a_task_that_ran_again_for_its_lost_output_counts_once() -> None:
    tally = Tally(StageGraph((Stage(STAGE, 2, Step("j", "in", None), ()),), "j"))
    tally.accept(_result(0))
    tally.accept(_result(1))
    assert tally.total_counters() == {"seen": 7}
    assert tally.stages[STAGE].rows_in == 7
    assert len(tally.quarantined["j"]) == 1
