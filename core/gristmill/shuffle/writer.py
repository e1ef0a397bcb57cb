"""Writing one map attempt's rows into one exchange: an indexed file, in bounded memory.

The kernel gives it batches in record order. Rows wait in memory, grouped by partition; when memory is full they are
spilled as a run in the same format, and at the end the runs are merged into the file. Within a partition rows keep
record order, or stand in the exchange's order with ties in record order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import Schema
from gristmill.rows.types import arrow_schema, cast_table, schema_of, unify
from gristmill.shuffle.content import ContentDigest
from gristmill.shuffle.format import Block, BlockWriter, OpenFile, storage_error
from gristmill.shuffle.grouping import Grouping, PartitionOf
from gristmill.shuffle.merge import Combine, blocks_of, gathered, merge_runs
from gristmill.shuffle.narrow import joined, narrowed, widened, widened_table
from gristmill.shuffle.sampling import KeySample

_MORSEL_ROWS = 1 << 20
_MORSEL_BYTES = 32 << 20
_SCATTERED_SHARE = 0.5
_WHOLE_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What ``ShuffleWriter.finish`` wrote; the fields of MapOutput that it knows."""

    path: Path
    rows: int
    bytes_: int
    partition_rows: tuple[int, ...]
    partition_bytes: tuple[int, ...]
    schema: Schema
    checksum: str
    sample: bytes
    bytes_spilled: int


class ShuffleWriter:
    """Collects the rows of one attempt for one exchange.

    ``memory_bytes`` bounds what it holds itself, ``compression`` is None or ``"lz4"``. ``combine`` gets a table of
    one partition's rows in the exchange's order and gives fewer, of the same columns. ``partition_of`` is needed for
    a CUSTOM exchange. The file appears at ``path`` when it is finished; until then its name ends in ``.part``.
    Batches may differ in types: what was written is cast to the type that holds all. Raises TypeConflict,
    FragmentError from ``combine``, StorageError when the disk refuses.
    """

    def __init__(
        self,
        spec: Exchange,
        path: Path,
        memory_bytes: int,
        compression: str | None,
        spill_dir: Path,
        combine: Combine | None = None,
        partition_of: PartitionOf | None = None,
    ) -> None:
        self._grouping = Grouping(spec, combine, partition_of)
        self._spec = spec
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._memory_bytes = memory_bytes
        self._compression = compression
        self._spill_dir = spill_dir
        self._schema: Schema | None = None
        self._target = pa.schema([])
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._grouped: dict[int, list[pa.Table]] = {}
        self._grouped_bytes = 0
        self._spills: list[OpenFile] = []
        self._content: ContentDigest | None = None
        self._bytes_spilled = 0
        self._spill_number = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows, after all those before."""
        table = self._fitted(pa.Table.from_batches([batch]))
        if not table.num_rows:
            return
        if self._content is not None:
            for each in table.to_batches():
                self._content.update(0, each)
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        self._waiting_rows += table.num_rows
        if not self._grouping.whole_buffers and self._has_morsel():
            self._scatter()
        share = _WHOLE_SHARE if self._grouping.whole_buffers else _SCATTERED_SHARE
        if self._waiting_bytes + self._grouped_bytes > share * self._memory_bytes:
            self._make_room()

    def finish(self) -> WrittenFile:
        """Merges what was spilled, writes the file, and says what is in it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            written = self._write_file()
            self._part.replace(self._path)
        except OSError as error:
            raise storage_error(error, self._path) from error
        finally:
            self._drop_spills()
        return written

    def abort(self) -> None:
        """Gives up; nothing stays on disk."""
        self._drop_spills()
        self._waiting, self._grouped = [], {}
        self._part.unlink(missing_ok=True)

    def _has_morsel(self) -> bool:
        """Whether so much waits that scattering it pays: a pass over it costs Python for each partition."""
        return self._waiting_rows >= _MORSEL_ROWS or self._waiting_bytes >= min(_MORSEL_BYTES, self._memory_bytes // 6)

    def _fitted(self, table: pa.Table) -> pa.Table:
        if self._schema is not None and table.schema.equals(self._target, check_metadata=True):
            return table
        given = schema_of(table.schema)
        if self._schema is None:
            self._widen(given)
        elif given != self._schema:
            self._widen(unify([self._schema, given], place="map output"))
        return cast_table(table, self._schema or ())

    def _widen(self, schema: Schema) -> None:
        """Takes a new schema and casts all that is held and spilled to it."""
        if schema == self._schema:
            return
        before, self._schema, self._target = self._schema, schema, arrow_schema(schema)
        self._content = ContentDigest(self._target) if before is None and self._grouping.keeps_content else None
        self._waiting = [cast_table(table, schema) for table in self._waiting]
        self._grouped = {
            partition: [cast_table(widened_table(table, arrow_schema(before or ())), schema) for table in tables]
            for partition, tables in self._grouped.items()
        }
        for at, spill in enumerate(self._spills):
            rows = ((block.partition, pa.Table.from_batches([spill.rows(block)])) for block in spill.index.all_blocks())
            self._spills[at] = self._spill_file((partition, cast_table(table, schema)) for partition, table in rows)
            spill.path.unlink(missing_ok=True)

    def _take_waiting(self) -> pa.Table:
        table = pa.concat_tables(self._waiting) if self._waiting else self._target.empty_table()
        self._waiting, self._waiting_bytes, self._waiting_rows = [], 0, 0
        return table

    def _scatter(self) -> None:
        self._grouped_bytes += self._waiting_bytes
        for partition, table in self._grouping.groups(self._take_waiting()):
            self._grouped.setdefault(partition, []).append(table)

    def _take_run(self) -> Iterator[tuple[int, pa.Table]]:
        """All rows in memory, partition by partition."""
        if self._grouping.whole_buffers:
            yield from self._grouping.groups(self._take_waiting())
            return
        self._scatter()
        grouped, self._grouped, self._grouped_bytes = self._grouped, {}, 0
        for partition in sorted(grouped):
            yield from ((partition, table) for table in joined(grouped.pop(partition)))

    def _make_room(self) -> None:
        """Combines what is in memory; where that does not help enough, spills it."""
        if self._grouping.combine is None:
            self._spill(self._take_run())
            return
        combined = list(self._take_run())
        kept = sum(table.nbytes for _, table in combined)
        if kept > _WHOLE_SHARE * self._memory_bytes / 2:
            self._spill(iter(combined))
        else:
            self._waiting, self._waiting_bytes = [table for _, table in combined], kept

    def _spill(self, run: Iterator[tuple[int, pa.Table]]) -> None:
        try:
            self._spills.append(self._spill_file(run))
        except OSError as error:
            raise storage_error(error, self._spill_dir) from error
        self._bytes_spilled += self._spills[-1].data.size

    def _spill_file(self, run: Iterator[tuple[int, pa.Table]]) -> OpenFile:
        self._spill_dir.mkdir(parents=True, exist_ok=True)
        self._spill_number += 1
        path = self._spill_dir / f"{self._path.name}.{self._spill_number}.spill"
        spill = BlockWriter(path, self._target, None)
        try:
            for partition, table in run:
                for batch in blocks_of(table):
                    spill.append(partition, batch)
            spill.finish("")
        except BaseException:
            spill.close()
            path.unlink(missing_ok=True)
            raise
        return OpenFile.open(path)

    def _drop_spills(self) -> None:
        for spill in self._spills:
            spill.path.unlink(missing_ok=True)
        self._spills = []

    def _write_file(self) -> WrittenFile:
        file = BlockWriter(self._part, self._target, self._compression)
        content = self._content or ContentDigest(self._target)
        sample = KeySample(self._spec.order) if self._spec.kind is ExchangeKind.RANGE else None
        try:
            for partition, table in self._merged():
                for batch in blocks_of(narrowed(table)):
                    file.append(partition, batch, sample.add(widened(batch, self._target)) if sample else None)
                    if self._content is None:
                        content.update(partition, widened(batch, self._target))
            size = file.finish(content.text())
        finally:
            file.close()
        return self._summary(file.blocks, size, content.text(), sample.stream() if sample else b"")

    def _merged(self) -> Iterator[tuple[int, pa.Table]]:
        """All rows, partition by partition."""
        if not self._spills:
            yield from self._take_run()
            return
        if self._grouping.whole_buffers:
            self._spill(self._take_run())
        else:
            self._scatter()
        for partition in range(self._grouping.partitions):
            yield from ((partition, table) for table in self._merged_partition(partition))

    def _merged_partition(self, partition: int) -> Iterator[pa.Table]:
        if not self._grouping.whole_buffers:
            spilled = (spill.encoded_tables(partition) for spill in self._spills)
            yield from chain(*spilled, self._grouped.pop(partition, []))
            return
        runs = [spill.tables(partition) for spill in self._spills]
        if not self._spec.order:
            pieces = gathered(chain(*runs), int(_WHOLE_SHARE * self._memory_bytes))
            yield from (self._grouping.combined(partition, piece) for piece in pieces)
        else:
            combine = partial(self._grouping.combined, partition) if self._grouping.combine else None
            yield from merge_runs(runs, self._spec.order, self._memory_bytes // 2, self._spill_dir, combine)

    def _summary(self, blocks: list[Block], size: int, checksum: str, sample: bytes) -> WrittenFile:
        rows, bytes_ = [0] * self._grouping.partitions, [0] * self._grouping.partitions
        for block in blocks:
            rows[block.partition] += block.rows
            bytes_[block.partition] += block.length
        return WrittenFile(
            path=self._path,
            rows=sum(rows),
            bytes_=size,
            partition_rows=tuple(rows),
            partition_bytes=tuple(bytes_),
            schema=self._schema or (),
            checksum=checksum,
            sample=sample,
            bytes_spilled=self._bytes_spilled,
        )
