"""Getting blocks of map output: which ones a reader needs, where they are, and what to say when they are lost.

The reader asks a BlockFetcher for the runs of its partition; this module has the fetcher for files of this machine,
``flight`` the one that also asks other workers. A run is checked block by block as it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from gristmill.errors import GristmillError, LostBlock
from gristmill.ids import ExchangeId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.task import ExchangeFeed, MapOutput
from gristmill.shuffle.format import Block, CorruptFile, Index, OpenFile, decode_block, read_index
from gristmill.shuffle.narrow import widened

if TYPE_CHECKING:
    from gristmill.shuffle.bounds import KeyRange


def lost_block(exchange: ExchangeId, task_order: int, reason: str) -> LostBlock:
    """The error that makes the coordinator run the map again; ``lost_output`` reads it."""
    return LostBlock(reason, place=f"{exchange}#{task_order}", remedy="The map that wrote it runs again.")


def lost_output(error: GristmillError) -> tuple[ExchangeId, int] | None:
    """Exchange and task order of the lost map output that a LostBlock names; None for any other error."""
    if not isinstance(error, LostBlock):
        return None
    exchange, _, task_order = error.place.rpartition("#")
    return ExchangeId.parse(exchange), int(task_order)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of map outputs that one reading task needs."""

    spec: Exchange
    partition: int
    bounds: bytes = b""

    def outputs(self, outputs: Sequence[MapOutput]) -> list[MapOutput]:
        """The outputs that have such rows, in task order."""
        ordered = sorted(outputs, key=lambda output: output.task_order)
        if self.spec.kind in (ExchangeKind.FORWARD, ExchangeKind.HELD):
            return [output for output in ordered if output.task_order == self.partition]
        return [output for output in ordered if self._rows(output)]

    def _rows(self, output: MapOutput) -> int:
        partitioned = len(output.partition_rows) > 1
        return output.partition_rows[self.partition] if partitioned else output.rows

    @property
    def key_range(self) -> KeyRange | None:
        """The range of keys, for a RANGE exchange."""
        if self.spec.kind is not ExchangeKind.RANGE:
            return None
        from gristmill.shuffle.bounds import KeyRange  # DuckDB with it, which a worker's agent does without

        return KeyRange.of(self.bounds, self.partition, self.spec.partitions)

    def blocks(self, index: Index) -> list[Block]:
        """The blocks of one file that hold such rows; of a RANGE run the outer ones may hold others too."""
        if (range_ := self.key_range) is not None:
            keys = index.first_keys
            chosen = range(0) if keys is None else range_.blocks(keys, self.spec.order)
            return index.blocks(chosen.start, chosen.stop)
        if self.spec.kind in (ExchangeKind.HASH, ExchangeKind.CUSTOM):
            return index.blocks_of(self.partition)
        return index.all_blocks()


@dataclass(frozen=True, slots=True)
class Run:
    """The blocks of one map output that a reader needs, in order, and their bytes."""

    exchange: ExchangeId
    task_order: int
    forms: Sequence[pa.Schema]
    """The schema of the rows, then the narrow forms that blocks may have."""
    blocks: tuple[Block, ...]
    messages: Sequence[pa.Buffer]
    selection: Selection

    @property
    def memory(self) -> int:
        """Bytes that the rows take in memory."""
        return sum(block.memory for block in self.blocks)

    @property
    def schema(self) -> pa.Schema:
        """The schema of the rows."""
        return self.forms[0]

    def encoded(self) -> Iterator[pa.RecordBatch]:
        """The rows of each block in its form, those of the outer ones that are not of the selection too.

        Raises LostBlock.
        """
        for block, message in zip(self.blocks, self.messages, strict=True):
            try:
                yield decode_block(message, block, self.forms)
            except (CorruptFile, pa.ArrowException, OSError) as error:
                raise lost_block(self.exchange, self.task_order, str(error)) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows. Raises LostBlock."""
        range_ = self.selection.key_range
        for at, block in enumerate(self.encoded()):
            batch = widened(block, self.schema)
            outer = at in (0, len(self.blocks) - 1)
            yield range_.cut(batch, self.selection.spec.range_order) if range_ and outer else batch


class BlockFetcher(Protocol):
    """Gets the runs of map outputs from wherever they lie."""

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """One run for each output that has rows of the selection, in task order.

        Up to ``memory_bytes`` of what had to be fetched are held in memory, the rest in ``spill_dir``. Raises
        LostBlock.
        """


class LocalFiles:
    """The fetcher of a machine by itself: every file is on its disk."""

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """One run for each output that has rows of the selection, mapped into memory. Raises LostBlock."""
        for output in selection.outputs(feed.outputs):
            yield local_run(output, selection)


_BROKEN = (CorruptFile, OSError, pa.ArrowException, ValueError, KeyError)


def local_run(output: MapOutput, selection: Selection) -> Run:
    """The run of an output whose file is here. Raises LostBlock."""
    try:
        file = OpenFile.open(Path(output.location.path))
        blocks = selection.blocks(file.index)
        messages = [file.message(block) for block in blocks]
    except _BROKEN as error:
        raise lost_block(output.exchange, output.task_order, f"{output.location.path}: {error}") from error
    return Run(output.exchange, output.task_order, file.index.forms, tuple(blocks), messages, selection)


class DurableStore(Protocol):
    """Object storage, as far as the shuffle reads it; storage gives one."""

    def size(self, uri: str) -> int:
        """Bytes of the object. Raises OSError."""

    def read(self, uri: str, offset: int, length: int) -> bytes:
        """A range of the object. Raises OSError."""


def durable_run(output: MapOutput, selection: Selection, store: DurableStore) -> Run:
    """The run of an output from its copy in object storage, in four reads. Raises LostBlock."""
    uri = output.location.durable

    def read(offset: int, length: int) -> pa.Buffer:
        return pa.py_buffer(store.read(uri, offset, length))

    try:
        index = read_index(read, store.size(uri))
        blocks = selection.blocks(index)
        start = blocks[0].offset if blocks else 0
        span = read(start, blocks[-1].offset + blocks[-1].length - start) if blocks else pa.py_buffer(b"")
        messages = [span[block.offset - start : block.offset - start + block.length] for block in blocks]
    except _BROKEN as error:
        raise lost_block(output.exchange, output.task_order, f"{uri}: {error}") from error
    return Run(output.exchange, output.task_order, index.forms, tuple(blocks), messages, selection)
