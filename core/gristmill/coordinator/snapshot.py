"""One look at a chain run as the value that watchers get."""

from __future__ import annotations

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.coordinator.tally import Tally
from gristmill.ids import AttemptId
from gristmill.plan.stage import Stage, StageGraph

MOST_OF_A_TASK = 0.95
"""A running task counts for no more: it writes after it has read."""


def snapshot(run: ChainRun, tier: str, state: ChainState, elapsed_s: float) -> Progress:
    """The run as it stands; messages are those since the last look."""
    stages = []
    for stage, count in zip(run.graph.stages, run.counts(), strict=True):
        tally = run.tally.stages[stage.id]
        live = list(tally.live.values())
        stages.append(
            StageProgress(
                stage.id,
                stage.tasks,
                done=count.done,
                running=count.running,
                rows=tally.rows_in + sum(rows for rows, _ in live),
                bytes_=tally.bytes_in + sum(bytes_ for _, bytes_ in live),
                spilled_bytes=tally.bytes_spilled,
                retries=count.retries,
                underway=underway(run.graph, run.tally, stage),
            )
        )
    peak = max((worker.peak_bytes for worker in run.tally.workers.values()), default=0)
    messages = tuple(run.tally.messages)
    run.tally.messages.clear()
    return Progress(state, tuple(stages), run.live_workers, elapsed_s, messages, tier, peak)


def underway(graph: StageGraph, tally: Tally, stage: Stage) -> float:
    """How much of a stage's running tasks is done, in tasks: of each the share of its rows, or bytes, that it has read.

    What a map task reads is known from its split, what a reduce task reads is taken to be the mean of its stage.
    """
    live = tally.stages[stage.id].live
    if not live:
        return 0.0
    mean = 0.0 if stage.scan else _rows_to_read(graph, tally, stage) / max(stage.tasks, 1)
    shares: dict[int, float] = {}
    for attempt, (rows, bytes_) in live.items():
        partition = AttemptId.parse(attempt).task.partition
        share = _of_split(stage, partition, rows, bytes_) if stage.scan else _share(rows, mean)
        shares[partition] = max(share, shares.get(partition, 0.0))  # of two attempts the one that is further
    return round(sum(shares.values()), 3)


def _of_split(stage: Stage, partition: int, rows: int, bytes_: int) -> float:
    if stage.scan is None or partition >= len(stage.scan.splits):
        return 0.0
    split = stage.scan.splits[partition]
    return _share(rows, split.rows) if split.rows else _share(bytes_, split.bytes_)


def _share(read: float, expected: float) -> float:
    return min(read / expected, MOST_OF_A_TASK) if expected else 0.0


def _rows_to_read(graph: StageGraph, tally: Tally, stage: Stage) -> int:
    """Rows that the stages before this one have written."""
    before = {writer.id for read in stage.reads for writer in graph.writers(read.exchange)}
    return sum(tally.stages[each].rows_out for each in before)
