"""The ledger of a run: its failures, each with cause and what was done about it, for status and the journal.

The chain run writes it, whoever reports reads the last entries. Times are the coordinator's own.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from gristmill.errors import GristmillError
from gristmill.ids import TaskId, WorkerId
from gristmill.schedule.events import Cause
from gristmill.wire.reports import LEDGER_ENTRIES, LedgerEntry

_ACTIONS = {
    Cause.OOM: "run again with more memory",
    Cause.LOST_INPUT: "the lost map output is written again",
    Cause.RECORD_SKIPPED: "run again without the record",
}
_MESSAGE_CHARACTERS = 300


class Ledger:
    """The last failures, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[LedgerEntry] = deque(maxlen=LEDGER_ENTRIES)
        self.failures = 0
        """So many there were in all."""

    @property
    def last(self) -> tuple[LedgerEntry, ...]:
        """At most ``LEDGER_ENTRIES``."""
        return tuple(self._entries)

    def failed(self, task: TaskId, cause: Cause, error: GristmillError) -> None:
        """An attempt of the task failed; whether that ends the chain, its error says."""
        self._add(task, cause, str(error), _ACTIONS.get(cause, "run again"))

    def lost(self, task: TaskId, worker: WorkerId, *, evicted: bool) -> None:
        """The worker that ran the task is gone, or was taken away by the cluster."""
        cause, how = (Cause.EVICTED, "was evicted") if evicted else (Cause.WORKER_LOST, "is gone")
        self._add(task, cause, f"worker {worker} {how}", "run again elsewhere, at no cost")

    def _add(self, task: TaskId, cause: Cause, message: str, action: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.failures += 1
        self._entries.append(LedgerEntry(now, str(task), str(cause), message[:_MESSAGE_CHARACTERS], action))
