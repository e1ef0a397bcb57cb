"""Outlets: where the rows of a task end up, a file of map output or parts of a job's outputs.

Writers stage what they write; nobody sees it before the attempt is accepted. A task that fails aborts them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from gristmill.errors import InvalidPlan
from gristmill.kernel.partitioning import PartitionOf
from gristmill.kernel.work import Work
from gristmill.plan.stage import ExchangeWrite, HeldWrite, SinkWrite
from gristmill.plan.task import Location, MapOutput, PendingPart
from gristmill.rows.ordering import key_column
from gristmill.rows.types import schema_of
from gristmill.shuffle.layout import exchange_folder
from gristmill.shuffle.writer import ShuffleWriter
from gristmill.storage.parts import PartWriter

Combine = Callable[[pa.Table], pa.Table]


class Staged(Protocol):
    """Something that can still be dropped."""

    def abort(self) -> None:
        """Drops what was written."""
        ...


class Outlets:
    """Writes what the outlets of one task get, and collects what is to be reported."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._staged: list[Staged] = []
        self.outputs: list[MapOutput] = []
        self.parts: list[PendingPart] = []

    def abort(self) -> None:
        """Drops everything that was written so far."""
        for staged in self._staged:
            staged.abort()

    def exchange(
        self,
        outlet: ExchangeWrite,
        batches: Iterable[pa.RecordBatch],
        combine: Combine | None,
        partition_of: PartitionOf | None,
    ) -> None:
        """Writes the rows into one indexed file. ``combine`` is applied where sorted rows meet."""
        writer = self._shuffle_writer(outlet, combine, partition_of)
        checked = False
        for batch in batches:
            self._work.context.end_if_forked()
            if not checked and batch.num_columns:
                _check_columns(outlet, batch)
                checked = True
            writer.write(batch)
        self._finish(outlet, writer)

    def _shuffle_writer(
        self, outlet: ExchangeWrite, combine: Combine | None = None, partition_of: PartitionOf | None = None
    ) -> ShuffleWriter:
        work = self._work
        writer = ShuffleWriter(
            outlet.spec,
            self._output_path(outlet),
            work.memory.writer,
            work.env.compression,
            work.path("shuffle"),
            combine,
            partition_of,
        )
        self._staged.append(writer)
        return writer

    def _finish(self, outlet: ExchangeWrite, writer: ShuffleWriter) -> None:
        work, env = self._work, self._work.env
        written = writer.finish()
        work.spilled(written.bytes_spilled)
        self.outputs.append(
            MapOutput(
                outlet.exchange,
                Location(env.worker, env.host, str(written.path), env.address),
                outlet.first_task + work.partition,
                written.rows,
                written.bytes_,
                written.partition_rows,
                written.partition_bytes,
                written.schema,
                written.checksum,
                written.sample,
            )
        )

    def _output_path(self, outlet: ExchangeWrite) -> Path:
        order = self._work.order
        name = f"{outlet.first_task + self._work.partition:06}-{order.attempt.number}.arrow"
        return exchange_folder(self._work.env.outputs, order.run, outlet.exchange) / name

    def held(self, outlet: HeldWrite, batches: Iterable[tuple[str, pa.RecordBatch]]) -> None:
        """Writes rows, given with the name of their output, into the HELD exchange of each output."""
        work = self._work
        writers: dict[str, tuple[ExchangeWrite, ShuffleWriter]] = {}
        for name, batch in batches:
            work.context.end_if_forked()
            if name not in writers:
                write = ExchangeWrite(outlet.exchange(name), outlet.spec, first_task=outlet.first_part)
                writers[name] = (write, self._shuffle_writer(write))
            writers[name][1].write(batch)
        for write, writer in writers.values():
            self._finish(write, writer)

    def sink(self, outlet: SinkWrite, batches: Iterable[tuple[str, pa.RecordBatch]], keys: tuple[str, ...]) -> None:
        """Writes rows, given with the name of their output, as parts; ``keys`` are the job's key columns.

        Where no task gave a row of columns that nobody declared, there is no part either.
        """
        work = self._work
        writers: dict[str, PartWriter] = {}
        outputs = {output.name: output for output in outlet.outputs}
        for name, batch in batches:
            work.context.end_if_forked()
            if not batch.num_columns:
                continue
            if name not in writers:
                writers[name] = PartWriter(
                    outlet.job,
                    outputs[name],
                    outlet.first_part + work.partition,
                    work.order.run,
                    schema_of(batch.schema),
                    work.env.stores,
                    keys=keys,
                )
                self._staged.append(writers[name])
            writers[name].write(batch)
        for writer in writers.values():
            self.parts.extend(writer.finish())


def _check_columns(outlet: ExchangeWrite, batch: pa.RecordBatch) -> None:
    """Raises InvalidPlan for a key or a sort by a column that is not there, even where one partition needs neither."""
    none = batch.slice(0, 0)
    named = dict.fromkeys((*outlet.spec.keys, *(term.by for term in outlet.spec.order)))
    for name in named:
        try:
            key_column(none, name)
        except InvalidPlan as error:
            field = "key" if name in outlet.spec.keys else "sort"
            error.place = f"job {outlet.exchange.job}, {field} of input {outlet.exchange.input}"
            raise
