"""Records that always fail: proven deterministic by a second try, then skipped if the job allows, else its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gristmill.errors import GristmillError
from gristmill.ids import StageId, TaskId
from gristmill.plan.job import RetryPolicy
from gristmill.plan.task import QuarantinedRecord
from gristmill.schedule.events import Cause

PROOF = 2
"""So many failures of one task on the same record show that it will always fail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failure on a record means: what to tell the scheduler, and whether the job is over."""

    error: GristmillError
    cause: Cause = Cause.ERROR
    hopeless: bool = False


class PoisonedRecords:
    """Counts failures by record, and keeps the skip lists that orders carry."""

    def __init__(self, policies: Mapping[StageId, RetryPolicy]) -> None:
        self._policies = policies
        self._failures: Counter[tuple[TaskId, str, int]] = Counter()
        self._skips: dict[TaskId, list[tuple[str, int]]] = defaultdict(list)
        self._skipped_in_job: Counter[str] = Counter()
        self._reasons: dict[tuple[str, int], str] = {}

    def skips(self, task: TaskId) -> tuple[tuple[str, int], ...]:
        """Records (file, number) that attempts of this task leave out."""
        return tuple(self._skips.get(task, ()))

    def explained(self, records: Iterable[QuarantinedRecord]) -> tuple[QuarantinedRecord, ...]:
        """Skipped records with the error that each of them always gave."""
        return tuple(
            replace(record, error=self._reasons.get((record.file, record.record), record.error)) for record in records
        )

    def failed(self, task: TaskId, error: GristmillError) -> Verdict:
        """An attempt failed on ``error.record``. Proven records are skipped at no cost to the task's budget."""
        assert error.record is not None
        key = (task, error.file, error.record)
        self._failures[key] += 1
        allowed = self._policies[task.stage].skip_records
        if self._failures[key] < PROOF:
            return Verdict(error, Cause.CANCELLED if allowed else Cause.ERROR)
        if self._skipped_in_job[task.stage.job] < allowed:
            self._skipped_in_job[task.stage.job] += 1
            self._skips[task].append((error.file, error.record))
            self._reasons[error.file, error.record] = error.reason
            return Verdict(error, Cause.RECORD_SKIPPED)
        if allowed:
            error.remedy = (
                f"{allowed} records were skipped already, which is all the job allows\n  {error.remedy}".strip()
            )
        return Verdict(error, hopeless=True)
