"""One look at a chain run as the value that watchers get."""

from __future__ import annotations

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.progress import ChainState, Progress, StageProgress


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
            )
        )
    peak = max((worker.peak_bytes for worker in run.tally.workers.values()), default=0)
    messages = tuple(run.tally.messages)
    run.tally.messages.clear()
    return Progress(state, tuple(stages), run.live_workers, elapsed_s, messages, tier, peak)
