"""From what a lead reports to what status shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from gristmill.wire.reports import (
    JOBS_TOLD,
    LEDGER_ENTRIES,
    WARNINGS_TOLD,
    JobReport,
    LedgerEntry,
    OutputPointer,
    RunPhase,
    RunReport,
    TaskCounts,
)
from gristmill_operator.policies.case import Outcome, Pods
from gristmill_operator.status import Phase

TEXT_LIMIT = 1024
"""Characters of one message in status."""
_JOBS_BYTES = 12_000
_OUTPUTS_BYTES = 6_000
"""Lists show only the first of what does not fit."""


def ended_by_itself(report: RunReport | None) -> Outcome | None:
    """The outcome of a run that completed or failed, whoever wanted to end it; None for all others."""
    if report is None or report.phase not in (RunPhase.COMPLETE, RunPhase.FAILED):
        return None
    phase = Phase(report.phase.value)
    return Outcome(phase, report.reason or phase.value, report.message, Pods.KEEP, report=report)


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    """At most ``limit`` characters, the middle left out."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def told(report: RunReport) -> dict[str, Any]:
    """The fields of status that come from a report; bounded whatever it holds."""
    form: dict[str, Any] = {
        "run": report.run,
        "progress": {
            "maps": _counts(report.maps),
            "reduces": _counts(report.reduces),
            "rows": report.rows,
            "bytes": report.bytes_,
            "spilledBytes": report.spilled_bytes,
            "skipped": report.skipped,
        },
        "locality": {
            "local": report.locality.local,
            "zone": report.locality.zone,
            "remote": report.locality.remote,
        },
        "ledger": [_ledger(entry) for entry in report.ledger[-LEDGER_ENTRIES:]],
        "outputs": _fitting([_pointer(output) for output in report.outputs], _OUTPUTS_BYTES),
        "result": None if report.result is None else _pointer(report.result),
        "logs": report.logs,
        "jobs": _fitting([_job(job) for job in report.jobs[:JOBS_TOLD]], _JOBS_BYTES),
        "warnings": _texts(report.warnings),
    }
    return {name: value for name, value in form.items() if value}


def _counts(counts: TaskCounts) -> str:
    return f"{counts.done}/{counts.total}"


def _ledger(entry: LedgerEntry) -> dict[str, str]:
    return {
        "time": entry.time,
        "task": shorten(entry.task, 128),
        "cause": entry.cause,
        "message": shorten(entry.message, 200),
        "action": shorten(entry.action, 128),
    }


def _pointer(pointer: OutputPointer) -> dict[str, Any]:
    return {
        "name": pointer.name[:63],
        "job": pointer.job[:63],
        "uri": pointer.uri[:2048],
        "generation": pointer.generation,
        "rows": pointer.rows,
        "bytes": pointer.bytes_,
    }


def _job(job: JobReport) -> dict[str, Any]:
    return {
        "name": job.name[:63],
        "phase": job.phase.value,
        "maps": _counts(job.maps),
        "reduces": _counts(job.reduces),
        "rows": job.rows,
    }


def _fitting(forms: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """As many from the start as fit into so many bytes of JSON; the first always."""
    sizes = accumulate(len(json.dumps(form)) for form in forms)
    return [form for at, (form, size) in enumerate(zip(forms, sizes, strict=True)) if at == 0 or size <= limit]


def _texts(texts: Iterable[str]) -> Sequence[str]:
    return [shorten(text, 256) for text in list(texts)[:WARNINGS_TOLD]]
