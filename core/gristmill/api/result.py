"""What a finished run gives back: rows as Arrow, pandas, Polars; counters; manifests; where the output lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gristmill.api.rows import open_manifest
from gristmill.coordinator.progress import Progress
from gristmill.errors import InputError
from gristmill.plan.measured import StageMeasure
from gristmill.plan.task import QuarantinedRecord
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Rows:
    """Rows in whatever form a caller wants them; who has some says how they are read."""

    def reader(self) -> pa.RecordBatchReader:
        """The rows in order as a stream that knows its schema; nothing is read before the first batch is asked for."""
        raise NotImplementedError

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order, part by part, without holding more than a batch."""
        yield from self.reader()

    def arrow(self) -> pa.Table:
        """All rows in order, in memory."""
        return self.reader().read_all()

    def pandas(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame. Raises InputError where pandas is not installed."""
        _need("pandas")
        return self.arrow().to_pandas()

    def polars(self) -> pl.DataFrame:
        """All rows as a Polars DataFrame. Raises InputError where Polars is not installed."""
        _need("polars")
        import polars

        return polars.from_arrow(self.arrow())

    def rows(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        return self.arrow().to_pylist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Result(Rows):
    """A finished chain.

    ``counters`` are sums over all committed tasks of the chain, by name. ``manifests`` has one for each output of
    each job, by its URI; ``manifest`` is that of the job asked for. ``quarantined`` are records left out because they
    always fail. ``manifest`` has no parts where the rows were never written. ``progress`` is the last look at the run:
    figures of each stage, and the peak memory of workers. ``messages`` are what the run had to say: workers that were
    lost, a map that is not deterministic.
    """

    job: str
    manifest: Manifest
    manifests: dict[str, Manifest]
    counters: dict[str, int]
    quarantined: tuple[QuarantinedRecord, ...]
    progress: Progress
    messages: tuple[str, ...]
    stages: tuple[StageMeasure, ...]
    """What each stage read, wrote and took."""
    temporary: bool
    """Whether the rows lie in a temporary folder that goes with this object: the job named no output."""
    _stores: Stores
    _explain: Callable[[Sequence[StageMeasure]], str]
    _table: pa.Table | None = None
    """The rows, where they never lay anywhere."""

    @cached_property
    def plan(self) -> str:
        """EXPLAIN of what ran."""
        return self._explain(())

    @cached_property
    def analysis(self) -> str:
        """EXPLAIN ANALYZE: the plan with the figures of its stages."""
        return self._explain(self.stages)

    @property
    def uri(self) -> str:
        """Where the rows lie; empty where that is in memory."""
        return self.manifest.uri

    def reader(self) -> pa.RecordBatchReader:
        """The rows in order as a stream that knows its schema; nothing is read before the first batch is asked for."""
        reader = open_manifest(self.manifest, self._stores) if self._table is None else self._table.to_reader()
        return pa.RecordBatchReader.from_batches(reader.schema, self._while_alive(reader))

    def _while_alive(self, batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        """The batches; a temporary folder stays as long as they are read, since this generator holds the result."""
        yield from batches

    def __len__(self) -> int:
        return self.manifest.rows if self._table is None else self._table.num_rows

    def __repr__(self) -> str:
        return f"<Result of {self.job!r}: {len(self)} rows {f'at {self.uri}' if self.uri else 'in memory'}>"


def _need(module: str) -> None:
    try:
        __import__(module)
    except ImportError:
        raise InputError(
            f"{module} is not installed", place="result", remedy=f"pip install {module}, or use .arrow()"
        ) from None
