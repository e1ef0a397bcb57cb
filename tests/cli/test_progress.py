"""What the display shows for given progress: snapshots of the text."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from gristmill.api.progress import ChainState, Progress, StageProgress
from gristmill.ids import Side, StageId
from gristmill_cli.progress import Lines, bars, line, seconds_left, totals, watching

MAPS = StageProgress(
    StageId("wordcount", Side.MAP, "books"), tasks=40, done=12, running=2, rows=1_234_567, bytes_=85_000_000, retries=1
)
REDUCES = StageProgress(StageId("wordcount", Side.REDUCE), tasks=4)
MIDWAY = Progress(ChainState.RUNNING, (MAPS, REDUCES), workers=2, elapsed_s=3.5)


def rendered(progress: Progress) -> list[str]:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(bars(progress))
    return [text.rstrip() for text in console.file.getvalue().splitlines()]


def test_bars_name_each_stage_with_its_counts_and_figures():
    assert rendered(MIDWAY) == [
        "wordcount/map/books ━━━━━━━                  12/40 1.2 M rows  81.1 MiB",
        "wordcount/reduce                               0/4",
        "running 3.50 s, 2 workers, 352.7 k rows/s, 1 retried, about 9 s left",
    ]


def test_of_many_stages_those_under_way_are_shown():
    states = [(2, 0)] * 20 + [(1, 1)] + [(0, 0)] * 20
    stages = tuple(
        StageProgress(StageId(f"j{number}", Side.REDUCE), tasks=2, done=done, running=running)
        for number, (done, running) in enumerate(states)
    )
    shown = rendered(Progress(ChainState.RUNNING, stages))
    assert [text.split()[0] for text in shown[:12]] == [f"j{number}/reduce" for number in range(20, 32)]
    assert shown[12] == "and 29 stages more"


def test_a_plain_line_leaves_out_stages_that_have_not_begun():
    assert line(MIDWAY) == (
        "wordcount/map/books 12/40 | running 3.50 s, 2 workers, 352.7 k rows/s, 1 retried, about 9 s left"
    )


@pytest.mark.parametrize(("done", "left"), [(0, None), (1, None), (10, 30.0), (40, None)])
def test_time_left_is_told_only_when_it_can_be_known(done, left):
    stage = StageProgress(StageId("j", Side.REDUCE), tasks=40, done=done)
    assert seconds_left(Progress(ChainState.RUNNING, (stage,), elapsed_s=10.0)) == left


def test_a_run_that_has_just_begun_is_not_extrapolated():
    stage = StageProgress(StageId("j", Side.REDUCE), tasks=2, done=1)
    assert seconds_left(Progress(ChainState.RUNNING, (stage,), elapsed_s=0.4)) is None


def test_what_running_tasks_have_read_moves_bars_and_the_time_left():
    stage = StageProgress(StageId("j", Side.MAP, "i"), tasks=4, running=2, underway=1.0)
    still = Progress(ChainState.RUNNING, (replace(stage, underway=0.0),), elapsed_s=10.0)
    moved = Progress(ChainState.RUNNING, (stage,), elapsed_s=10.0)
    assert seconds_left(still) is None
    assert seconds_left(moved) == 30.0
    assert drawn(still) != drawn(moved)


def drawn(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    console.print(bars(progress))
    return console.file.getvalue()


def test_totals_of_a_chain_that_is_being_planned():
    assert totals(Progress(ChainState.PLANNING, workers=1)) == "planning 0.00 s, 1 worker"


def test_workers_are_named_where_there_are_some_or_are_waited_for():
    stage = StageProgress(StageId("j", Side.MAP, "i"), tasks=2, done=1)
    begun = replace(stage, running=1)
    assert totals(Progress(ChainState.RUNNING, (stage,))) == "running 0.00 s, waiting for workers"
    assert totals(Progress(ChainState.RUNNING, (begun,), tier="whole")) == "running 0.00 s, whole"
    assert totals(Progress(ChainState.FINISHED, (stage,))) == "finished 0.00 s"


def test_lines_come_once_a_second_and_when_a_stage_ends():
    now = 0.0
    console = Console(file=io.StringIO(), width=200)
    lines = Lines(console, clock=lambda: now)
    ended = StageProgress(StageId("j", Side.MAP, "i"), tasks=1, done=1)
    begun = StageProgress(StageId("j", Side.MAP, "i"), tasks=1, running=1)
    for at, stage in [(0.2, begun), (1.0, begun), (1.2, begun), (1.4, ended), (1.6, ended), (2.5, ended)]:
        now = at
        lines.update(Progress(ChainState.RUNNING, (stage,), workers=1, elapsed_s=at))
    printed = console.file.getvalue().splitlines()
    assert [text.split(", ")[0] for text in printed] == [
        "j/map/i 0/1 | running 1.00 s",
        "j/map/i 1/1 | running 1.40 s",
        "j/map/i 1/1 | running 2.50 s",
    ]


def test_a_run_of_less_than_a_second_prints_no_lines():
    console = Console(file=io.StringIO(), width=200)
    lines = Lines(console, clock=lambda: 0.0)
    for done in (0, 1):
        lines.update(Progress(ChainState.RUNNING, (StageProgress(StageId("j", Side.MAP, "i"), tasks=1, done=done),)))
    assert console.file.getvalue() == ""


def test_messages_are_printed_at_once_and_are_not_read_as_markup():
    console = Console(file=io.StringIO(), width=200)
    lines = Lines(console, clock=lambda: 0.0)
    lines.update(MIDWAY)
    lines.update(Progress(ChainState.RUNNING, messages=("worker w1 lost [bold]",)))
    assert "worker w1 lost [bold]" in console.file.getvalue()


def test_a_pipe_gets_no_control_sequences():
    console = Console(file=io.StringIO(), width=100)
    with watching(console) as display:
        display.update(MIDWAY)
    assert "\x1b" not in console.file.getvalue()


def test_quiet_shows_nothing():
    console = Console(file=io.StringIO(), width=100)
    with watching(console, quiet=True) as display:
        display.update(MIDWAY)
    assert console.file.getvalue() == ""
