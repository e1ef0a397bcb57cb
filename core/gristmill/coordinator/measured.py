"""The figures of a run's stages, for EXPLAIN ANALYZE."""

from __future__ import annotations

from gristmill.coordinator.chain_run import ChainRun
from gristmill.plan.measured import StageMeasure


def measured_stages(run: ChainRun) -> tuple[StageMeasure, ...]:
    """What each stage of the run has read, written, and taken so far, in graph order."""
    measures = []
    for stage, count in zip(run.graph.stages, run.counts(), strict=True):
        tally = run.tally.stages[stage.id]
        measures.append(
            StageMeasure(
                stage.id,
                stage.tasks,
                tally.rows_in,
                tally.bytes_in,
                tally.rows_out,
                tally.bytes_out,
                tally.bytes_spilled,
                tally.seconds,
                tally.cpu_seconds,
                tally.slowest_s,
                tally.most_rows_in,
                tally.peak_bytes,
                count.retries,
            )
        )
    return tuple(measures)
