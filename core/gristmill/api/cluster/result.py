"""What a run on a cluster gives back: its rows as those of a run here, and where its outputs lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.status import OutputRef, outputs_of, progress_of, result_of, status_of, stores_of
from gristmill.api.result import Rows
from gristmill.api.rows import open_manifest
from gristmill.coordinator.progress import Progress
from gristmill.errors import ClusterError, GristmillError, StorageError
from gristmill.settings import load_settings
from gristmill.storage.manifest import read_manifest
from gristmill.storage.stores import Stores
from gristmill.storage.temporary import TemporaryFolder

RowSource = Callable[[], pa.RecordBatchReader]


@dataclass(frozen=True)
class ClusterResult(Rows):
    """A finished run on a cluster.

    ``outputs`` are the places of its committed outputs (a manifest lies in each), ``uri`` is where its rows lie,
    ``status`` what the resource said at the end. ``progress`` is the last look at the run, ``messages`` what it had to
    say. Rows come from the pool's lead while it lives, about a minute, and then from storage, with the caller's own
    credentials.

    Rows may be here before the resource says that the run is complete: what is told of its status then waits for that,
    a moment, and raises the error that it ended with instead, if somebody cancelled it in that moment.
    """

    job: str
    """The resource, as ``mrj/wordcount``."""
    messages: tuple[str, ...]
    _last: Progress
    _ended: Callable[[], Body]
    """The resource as it was at the end of the run."""
    _source: RowSource
    _keep: object = field(default=None)
    """What must live as long as the rows are wanted: the folder they were fetched into."""

    @cached_property
    def _body(self) -> Body:
        return self._ended()

    @property
    def status(self) -> Body:
        """What the resource said at the end."""
        return status_of(self._body)

    @property
    def outputs(self) -> tuple[OutputRef, ...]:
        """The places of its committed outputs."""
        return outputs_of(self._body)

    @property
    def uri(self) -> str:
        """Where its rows lie."""
        rows = result_of(self._body)
        return rows.uri if rows else ""

    @property
    def rows_committed(self) -> int:
        """How many rows it has."""
        rows = result_of(self._body)
        return rows.rows if rows else 0

    @property
    def progress(self) -> Progress:
        """The last look at the run."""
        return self._last if self._last.stages else progress_of(self._body)

    def reader(self) -> pa.RecordBatchReader:
        """The rows in order as a stream that knows its schema."""
        reader = self._source()
        return pa.RecordBatchReader.from_batches(reader.schema, self._while_alive(reader))

    def _while_alive(self, batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        yield from batches

    def __len__(self) -> int:
        return self.rows_committed

    def __repr__(self) -> str:
        return f"<Result of {self.job!r}: {len(self)} rows at {self.uri}>"


def result_from(resources: Resources, body: Body, progress: Progress, messages: tuple[str, ...]) -> ClusterResult:
    """The result of a completed run; rows stay where they are until they are asked for."""
    return ClusterResult(str(ref_of(body)), messages, progress, lambda: body, lambda: open_rows(resources, body))


def open_rows(resources: Resources, body: Body) -> pa.RecordBatchReader:
    """The rows of a completed run: from its lead, else from storage. Raises ClusterError where neither has them."""
    lead, uid = resources.lead_of(body), body["metadata"]["uid"]
    try:
        if lead:
            return Lead(resources.connection, lead).result(uid)
        refused = ClusterError("its lead is gone", place=str(ref_of(body)))
    except ClusterError as error:  # gone, not to be reached by this user, or too many rows for it
        refused = error
    return _from_storage(body, refused)


def _from_storage(body: Body, refused: ClusterError) -> pa.RecordBatchReader:
    result = result_of(body)
    if result is None or not result.uri:
        raise refused
    reached = Stores(stores_of(body), None)
    try:
        manifest = read_manifest(result.uri, reached)
        if manifest is None:
            raise StorageError("no manifest is there")
        return open_manifest(manifest, reached)
    except GristmillError as error:
        raise StorageError(
            f"the rows lie at {result.uri}, which cannot be read from here: {error.reason}",
            place=str(ref_of(body)),
            remedy=f"The lead that would give them away: {refused.reason}.",
        ) from error


def fetched(rows: pa.RecordBatchReader) -> tuple[RowSource, TemporaryFolder]:
    """Copies rows to this machine; they are read from there as often as wanted, while the folder lives."""
    folder = TemporaryFolder(load_settings().local_dir)
    file = folder.path / "rows.arrow"
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)
    return (lambda: pa.ipc.open_stream(pa.memory_map(str(file)))), folder
