"""Progress of a running chain on stderr: bars on a terminal, plain lines elsewhere.

The commands open a display and hand its ``update`` to the engine as the progress callback. Drawing only: where the
numbers come from is the engine's business. Results never pass here (they go to stdout).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gristmill.api.progress import ChainState, Progress, StageProgress
from gristmill.units import bytes_text
from gristmill_cli.wording import count_text, duration_text, plural, rough_duration_text

PLAIN_INTERVAL_S = 1.0
FORESIGHT_S = 3.0
SHOWN_STAGES = 12
STAGES_IN_A_LINE = 4
_BAR_CELLS = 24


class Display(Protocol):
    """Something that shows each progress value it is given."""

    def update(self, progress: Progress) -> None:
        """Shows this value; may be called from any thread."""


@contextmanager
def watching(console: Console, *, quiet: bool = False) -> Iterator[Display]:
    """A display on ``console`` for as long as the block lasts: bars where it is a terminal, else lines."""
    if quiet:
        yield Silent()
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            yield Bars(live)
    else:
        yield Lines(console)


class Silent:
    """Shows nothing."""

    def update(self, progress: Progress) -> None:
        """Does nothing: ``--quiet`` was asked for."""


class Bars:
    """A bar for each stage, drawn again in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def update(self, progress: Progress) -> None:
        """Draws the bars anew; messages stay above them."""
        for message in progress.messages:
            self._live.console.print(Text(message, style="yellow"))
        self._live.update(bars(progress))


class Lines:
    """A plain line a second at most, and one whenever a stage ends; none for what is over within a second."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._start_s = self._last_s = clock()
        self._finished: frozenset[str] = frozenset()

    def update(self, progress: Progress) -> None:
        """Prints messages at once, the state only where a line is due."""
        for message in progress.messages:
            self._print(message)
        finished = frozenset(str(stage.stage) for stage in progress.stages if stage.done == stage.tasks)
        now = self._clock()
        if now - self._start_s < PLAIN_INTERVAL_S:
            return
        if now - self._last_s >= PLAIN_INTERVAL_S or finished != self._finished:
            self._last_s, self._finished = now, finished
            self._print(line(progress))

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


def bars(progress: Progress) -> RenderableType:
    """The state of the chain as a table of bars over a line of totals."""
    shown = near(progress.stages, SHOWN_STAGES)
    grid = Table.grid(padding=(0, 1))
    for stage in shown:
        grid.add_row(
            Text(str(stage.stage), style="bold" if stage.running else "dim"),
            ProgressBar(total=max(stage.tasks, 1), completed=stage.done + stage.underway, width=_BAR_CELLS),
            Text(f"{stage.done}/{stage.tasks}", justify="right"),
            Text(_figures(stage), style="cyan"),
        )
    hidden = len(progress.stages) - len(shown)
    more = [Text(f"and {plural(hidden, 'stage')} more", style="dim")] if hidden else []
    return Group(grid, *more, Text(totals(progress), style="dim"))


def near(stages: tuple[StageProgress, ...], limit: int) -> tuple[StageProgress, ...]:
    """At most ``limit`` stages, in their order: those that are under way, then the next ones, then the last done."""
    done = [index for index, stage in enumerate(stages) if stage.done == stage.tasks]
    open_ = [index for index, stage in enumerate(stages) if stage.done < stage.tasks]
    begun_first = sorted(open_, key=lambda index: not (stages[index].done or stages[index].running))
    kept = [*begun_first, *reversed(done)][:limit]
    return tuple(stages[index] for index in sorted(kept))


def line(progress: Progress) -> str:
    """The state of the chain in one line: stages that have begun (of many the nearest), then the totals."""
    begun = tuple(stage for stage in progress.stages if stage.done or stage.running)
    parts = [f"{stage.stage} {stage.done}/{stage.tasks}" for stage in near(begun, STAGES_IN_A_LINE)]
    return " | ".join([*parts, totals(progress)])


def totals(progress: Progress) -> str:
    """State, time, workers, rate, spill and retries of the whole chain, and the time left where it can be told."""
    rows = sum(stage.rows for stage in progress.stages)
    spilled = sum(stage.spilled_bytes for stage in progress.stages)
    retries = sum(stage.retries for stage in progress.stages)
    parts = [f"{progress.state} {duration_text(progress.elapsed_s)}"]
    if progress.workers:
        parts.append(plural(progress.workers, "worker"))
    elif progress.state is ChainState.RUNNING and not any(stage.running for stage in progress.stages):
        parts.append("waiting for workers")
    if progress.tier:
        parts.append(progress.tier)
    if rows and progress.elapsed_s > 0:
        parts.append(f"{count_text(rows / progress.elapsed_s)} rows/s")
    if spilled:
        parts.append(f"{bytes_text(spilled)} spilled")
    if retries:
        parts.append(f"{retries:,} retried")
    left_s = seconds_left(progress)
    if left_s is not None:
        parts.append(f"about {rough_duration_text(left_s)} left")
    return ", ".join(parts)


def seconds_left(progress: Progress) -> float | None:
    """Time to the end if the rest of the tasks takes as long as those before; None while too little has been seen."""
    tasks = sum(stage.tasks for stage in progress.stages)
    done = sum(stage.done + stage.underway for stage in progress.stages)
    if progress.elapsed_s < FORESIGHT_S or done * 10 < tasks or not 0 < done < tasks:
        return None
    return progress.elapsed_s * (tasks - done) / done


def _figures(stage: StageProgress) -> str:
    parts = [f"{count_text(stage.rows)} rows"] if stage.rows else []
    if stage.bytes_:
        parts.append(bytes_text(stage.bytes_))
    if stage.spilled_bytes:
        parts.append(f"{bytes_text(stage.spilled_bytes)} spilled")
    return "  ".join(parts)
