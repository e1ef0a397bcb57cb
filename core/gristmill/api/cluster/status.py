"""What the status of a job or query says, as values: how far it is, why it failed, where its rows are.

Pure; written against docs/cluster.md. What an operator left out reads as nothing known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gristmill import errors
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.resources import ref_of
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import Cancelled, ClusterError, GristmillError
from gristmill.ids import Side, StageId
from gristmill.plan.job import Store
from gristmill.plan.manifest_parts import store
from gristmill.plan.manifest_yaml import Block

PENDING = "Pending"
ENDED = ("Complete", "Failed", "Cancelled")
_STATES = {
    "Running": ChainState.RUNNING,
    "Committing": ChainState.COMMITTING,
    "Complete": ChainState.FINISHED,
    "Failed": ChainState.FAILED,
    "Cancelled": ChainState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class OutputRef:
    """A committed output of a run on a cluster: whose it is, where it lies, and how large it is."""

    job: str
    name: str
    uri: str
    generation: int = 0
    rows: int = 0
    bytes_: int = 0


def status_of(body: Body) -> dict[str, Any]:
    """The status; empty before the operator saw the resource."""
    return body.get("status") or {}


def phase_of(body: Body) -> str:
    """The phase; Pending before the operator saw the resource."""
    return str(status_of(body).get("phase") or PENDING)


def message_of(body: Body) -> str:
    """What it waits for, or died of."""
    return str(status_of(body).get("message") or "")


def has_ended(body: Body) -> bool:
    """Whether nothing more will happen."""
    return phase_of(body) in ENDED


def is_active(body: Body) -> bool:
    """Whether a lead works on it."""
    return phase_of(body) in {"Planning", "Running", "Committing"}


def condition_of(body: Body, type_: str) -> dict[str, Any]:
    """The condition of that type; empty where it is not set."""
    conditions = status_of(body).get("conditions") or []
    return next((each for each in conditions if each.get("type") == type_), {})


def time_of(text: str | None) -> datetime | None:
    """A time of Kubernetes (RFC 3339)."""
    return datetime.fromisoformat(text) if text else None


def seconds_of(body: Body, now: datetime | None = None) -> float:
    """How long it has run, or ran."""
    status = status_of(body)
    start = time_of(status.get("startTime") or body["metadata"].get("creationTimestamp"))
    end = time_of(status.get("completionTime")) or now or datetime.now(UTC)
    return max(0.0, (end - start).total_seconds()) if start else 0.0


def counts_of(text: str | None) -> tuple[int, int]:
    """Done and all of ``12/40``."""
    done, _, total = (text or "").partition("/")
    return (int(done), int(total)) if done.isdigit() and total.isdigit() else (0, 0)


def progress_of(body: Body) -> Progress:
    """The progress as the status tells it, about once a second; the lead tells more."""
    status = status_of(body)
    stages = tuple(_stages(body["metadata"]["name"], status))
    state = _STATES.get(phase_of(body), ChainState.PLANNING)
    workers = int(status.get("workers") or 0) + bool(status.get("lead"))  # which is a worker too
    return Progress(state, stages, workers, seconds_of(body), tier="on the cluster")


def _stages(name: str, status: dict[str, Any]) -> Iterator[StageProgress]:
    """Map and reduce of each job of a query's chain, or of the one job."""
    whole = {"name": name, **(status.get("progress") or {})}
    for job in status.get("jobs") or [whole]:
        for side, field in ((Side.MAP, "maps"), (Side.REDUCE, "reduces")):
            done, total = counts_of(job.get(field))
            if total:
                rows = int(job.get("rows") or 0) if side is Side.MAP else 0
                yield StageProgress(StageId(str(job["name"]), side), total, done, rows=rows)


def outputs_of(body: Body) -> tuple[OutputRef, ...]:
    """The outputs that it committed."""
    return tuple(map(_output, status_of(body).get("outputs") or ()))


def result_of(body: Body) -> OutputRef | None:
    """Where the rows of the result lie."""
    result = status_of(body).get("result")
    return _output(result) if result else None


def _output(form: dict[str, Any]) -> OutputRef:
    return OutputRef(
        str(form.get("job") or ""),
        str(form.get("name") or ""),
        str(form.get("uri") or ""),
        int(form.get("generation") or 0),
        int(form.get("rows") or 0),
        int(form.get("bytes") or 0),
    )


def stores_of(body: Body) -> tuple[Store, ...]:
    """The stores that the resource names, without the credentials that its pods have."""
    forms = body["spec"].get("stores") or ()
    return tuple(store(Block("", {name: form[name] for name in form if name != "secretRef"})) for form in forms)


def failure_of(body: Body) -> GristmillError | None:
    """The error that it ended with; None where it did not fail. Its class, so its exit code, is that of a local run."""
    phase, message, place = phase_of(body), message_of(body), str(ref_of(body))
    if phase == "Cancelled":
        return Cancelled(message or f"{place} was cancelled")
    if phase != "Failed":
        return None
    condition = condition_of(body, "Failed")
    kind = getattr(errors, str(condition.get("reason") or ""), None)
    known = isinstance(kind, type) and issubclass(kind, GristmillError)
    text = message or str(condition.get("message") or "it failed and does not say why")
    return (kind if known else ClusterError)(text, place=place)  # type: ignore[misc]
