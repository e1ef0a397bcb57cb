"""What crosses between coordinator, worker and executor about one attempt: its order and its outcome.

Plain values; the wire form is JSON by plan.codec. Nothing here reads or writes data.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.ids import AttemptId, ExchangeId
from gristmill.plan.schema import Schema


@dataclass(frozen=True, slots=True)
class Location:
    """Where one file of map output lies.

    ``host`` is the machine (boot id): a reader there opens ``path``; others ask ``address`` (a Flight URI of the
    worker that wrote it); where both are gone, ``durable`` is a URI in object storage, if the file was copied there.
    """

    worker: str
    host: str
    path: str
    address: str = ""
    durable: str = ""


@dataclass(frozen=True, slots=True)
class MapOutput:
    """What one attempt wrote into one exchange: one indexed file.

    ``partition_bytes[p]`` and ``partition_rows[p]`` are for skew, progress and estimates (one entry for an exchange
    that is not partitioned at the writer: RANGE, BROADCAST). ``schema`` is that of the rows. ``checksum`` is over
    their content, equal for equal rows. ``sample`` holds evenly spread sort keys of a RANGE run as an Arrow IPC
    stream.
    """

    exchange: ExchangeId
    location: Location
    task_order: int
    """Position of the writing task among all writers of the exchange: (input, split) order."""
    rows: int
    bytes_: int
    partition_rows: tuple[int, ...]
    partition_bytes: tuple[int, ...]
    schema: Schema
    checksum: str
    sample: bytes = b""


@dataclass(frozen=True, slots=True)
class PendingPart:
    """A part that an attempt has uploaded without finishing: it becomes visible when the commit is rolled forward.

    ``staged`` is what finishing needs: a temporary path, or a multipart upload's id and part tags as JSON.
    """

    job: str
    output: str
    partition: int
    uri: str
    staged: str
    rows: int
    bytes_: int
    checksum: str
    key_min: str | None = None
    key_max: str | None = None
    schema: Schema = ()
    folder: str = ""
    """Hive-style folder below the output, empty without ``partition_by``."""


@dataclass(frozen=True, slots=True)
class ExchangeFeed:
    """What a task reads of one exchange: the map outputs in task order, and for RANGE the bounds.

    ``bounds`` is an Arrow IPC stream of ``partitions - 1`` rows of sort keys. ``schema`` is unified over all outputs;
    each block is cast to it. ``sealed`` is false while more outputs may come (early fetch).
    """

    exchange: ExchangeId
    outputs: tuple[MapOutput, ...]
    schema: Schema
    bounds: bytes = b""
    sealed: bool = True


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """One attempt to be run: the stage is known to the worker by ``stage_digest``, its plan is sent once.

    ``run`` is the run of the chain, unique in scratch; ``memory_bytes`` the most the executor may use;
    ``skip`` names records (file, record number) proven to fail that must be left out.
    """

    attempt: AttemptId
    run: str
    stage_digest: str
    feeds: tuple[ExchangeFeed, ...]
    memory_bytes: int
    skip: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record that was left out because it always fails."""

    file: str
    record: int
    error: str


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished attempt gives: map output, pending parts, figures. ``counters`` are the user's own."""

    attempt: AttemptId
    outputs: tuple[MapOutput, ...]
    parts: tuple[PendingPart, ...]
    rows_in: int
    bytes_in: int
    rows_out: int
    bytes_out: int
    bytes_spilled: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    counters: tuple[tuple[str, int], ...] = ()
    quarantined: tuple[QuarantinedRecord, ...] = ()
    printed: str = ""
    """The last of what the user's code printed, bounded; all of it is in the task's log."""
