"""A small exchange on disk: maps that write tables, and reducers that read partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.ids import ExchangeId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.task import ExchangeFeed, Location, MapOutput
from gristmill.rows.types import unify
from gristmill.shuffle.blocks import BlockFetcher, LocalFiles
from gristmill.shuffle.bounds import choose_bounds
from gristmill.shuffle.grouping import PartitionOf
from gristmill.shuffle.merge import Combine
from gristmill.shuffle.reader import read_partition
from gristmill.shuffle.writer import ShuffleWriter, WrittenFile

EXCHANGE = ExchangeId("job", "input")
PLENTY = 1 << 30


@dataclass
class SmallExchange:
    """Everything one exchange does, in one process."""

    spec: Exchange
    folder: Path
    memory_bytes: int = PLENTY
    compression: str | None = None
    combine: Combine | None = None
    partition_of: PartitionOf | None = None
    fetch: BlockFetcher = field(default_factory=LocalFiles)
    outputs: list[MapOutput] = field(default_factory=list)
    written: list[WrittenFile] = field(default_factory=list)

    def map(self, *tables: pa.Table, rows_a_batch: int = 1000, address: str = "", host: str = "here") -> None:
        """One map attempt for each table."""
        for table in tables:
            task_order = len(self.outputs)
            path = self.folder / f"map-{task_order}.shuffle"
            writer = ShuffleWriter(
                self.spec,
                path,
                self.memory_bytes,
                self.compression,
                self.folder / "spill",
                self.combine,
                self.partition_of,
            )
            for batch in table.to_batches(max_chunksize=rows_a_batch) or [pa.RecordBatch.from_pylist([], table.schema)]:
                writer.write(batch)
            file = writer.finish()
            self.written.append(file)
            self.outputs.append(
                MapOutput(
                    EXCHANGE,
                    Location("worker", host, str(file.path), address),
                    task_order,
                    file.rows,
                    file.bytes_,
                    file.partition_rows,
                    file.partition_bytes,
                    file.schema,
                    file.checksum,
                    file.sample,
                )
            )

    def feed(self) -> ExchangeFeed:
        """The sealed feed of all maps."""
        ranged = self.spec.kind is ExchangeKind.RANGE
        samples = [output.sample for output in self.outputs]
        bounds = choose_bounds(samples, self.spec.order, self.spec.partitions) if ranged else b""
        schema = unify([output.schema for output in self.outputs], "exchange")
        return ExchangeFeed(EXCHANGE, tuple(self.outputs), schema, bounds)

    def reader(self, partition: int, memory_bytes: int | None = None) -> pa.RecordBatchReader:
        """One reducer's rows."""
        memory = memory_bytes or self.memory_bytes
        spill = self.folder / "reader"
        return read_partition(self.feed(), self.spec, partition, self.fetch, memory, spill, self.combine)

    def read(self, partition: int, memory_bytes: int | None = None) -> pa.Table:
        """One reducer's rows as a table."""
        return self.reader(partition, memory_bytes).read_all().combine_chunks()

    def read_all(self, memory_bytes: int | None = None) -> list[pa.Table]:
        """Every reducer's rows."""
        return [self.read(partition, memory_bytes) for partition in range(self.spec.partitions)]

    def moved(self, task_order: int, **changes: str) -> None:
        """Changes where one output is said to lie."""
        output = self.outputs[task_order]
        self.outputs[task_order] = replace(output, location=replace(output.location, **changes))


@pytest.fixture
def small_exchange(tmp_path: Path) -> Callable[..., SmallExchange]:
    """Makes exchanges, each in a folder of its own."""
    count = 0

    def make(spec: Exchange, tables: Sequence[pa.Table] = (), **options: object) -> SmallExchange:
        nonlocal count
        count += 1
        folder = tmp_path / f"exchange-{count}"
        folder.mkdir()
        made = SmallExchange(spec, folder, **options)  # type: ignore[arg-type]
        made.map(*tables)
        return made

    return make
