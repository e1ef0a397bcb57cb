"""What a stage did when it ran: the figures that EXPLAIN ANALYZE shows beside the plan. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.ids import StageId
from gristmill.units import bytes_text

_SKEWED = 2.0
"""From here on the slowest task, or the one with the most rows, is told apart from the mean."""


@dataclass(frozen=True, slots=True)
class StageMeasure:
    """One stage: sums over the attempts that counted, seconds of tasks (not of the clock), bytes as they were read
    and written. ``slowest_s`` and ``most_rows`` are those of single tasks; ``retries`` are attempts that did not count.
    """

    stage: StageId
    tasks: int
    rows_in: int
    bytes_in: int
    rows_out: int
    bytes_out: int
    bytes_spilled: int
    seconds: float
    cpu_seconds: float
    slowest_s: float
    most_rows: int
    peak_bytes: int
    retries: int = 0

    def text(self) -> str:
        """The figures as one line for people."""
        parts = [
            f"{self.rows_in:,} rows ({bytes_text(self.bytes_in)}) in",
            f"{self.rows_out:,} rows ({bytes_text(self.bytes_out)}) out",
            f"{self.seconds:.2f} s in tasks, {self.cpu_seconds:.2f} s of processor",
        ]
        if self.bytes_spilled:
            parts.append(f"{bytes_text(self.bytes_spilled)} spilled")
        if (skew := _times_mean(self.slowest_s, self.seconds, self.tasks)) >= _SKEWED:
            parts.append(f"slowest task {self.slowest_s:.2f} s ({skew:.1f} times the mean)")
        if (skew := _times_mean(self.most_rows, self.rows_in, self.tasks)) >= _SKEWED:
            parts.append(f"largest task {self.most_rows:,} rows ({skew:.1f} times the mean)")
        if self.retries:
            parts.append(f"{self.retries:,} tried again")
        return "; ".join(parts)


def _times_mean(largest: float, total: float, tasks: int) -> float:
    return largest * tasks / total if total else 0.0
