"""Steps: runs the fragment of a step, of whatever kind, over what the step reads.

The task decides what is read and where rows go; here is only the choice of the kernel, and the identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from gristmill.errors import TypeConflict
from gristmill.ids import ExchangeId
from gristmill.kernel.columns import batches_of, retyped
from gristmill.kernel.combining import combine_pairs
from gristmill.kernel.command import CommandStep
from gristmill.kernel.context import Sides
from gristmill.kernel.database import DatabaseSettings
from gristmill.kernel.inputs import Input, StreamInput
from gristmill.kernel.job_code import place_code
from gristmill.kernel.outlets import Combine
from gristmill.kernel.partitioning import PartitionOf, partition_of
from gristmill.kernel.python import PythonStep, group_combine, grouped
from gristmill.kernel.sides import side_relations, side_tables
from gristmill.kernel.sql import SqlStep
from gristmill.kernel.streams import Spool, Stream
from gristmill.kernel.work import Work, step_name
from gristmill.plan.exchange import Exchange
from gristmill.plan.fragment import Calling, CommandFragment, PythonFragment, SqlFragment
from gristmill.plan.schema import SortKey
from gristmill.plan.stage import ExchangeRead, Step
from gristmill.rows.ordering import sort_indices
from gristmill.rows.types import cast_table, schema_of, unify

Sorted = Sequence[tuple[ExchangeRead, Stream]]
"""The inputs of a reduce, each in the order of its exchange."""


class Steps:
    """Runs steps for one task. ``folders`` are those of local files that SQL may read."""

    def __init__(self, work: Work, folders: frozenset[str]) -> None:
        self._work = work
        self._folders = folders

    def map(self, step: Step, rows: Input) -> Iterator[pa.RecordBatch]:
        """What the step gives for the records of ``rows``."""
        match step.fragment:
            case None:
                return iter(rows.stream())
            case PythonFragment() as fragment:
                return self._python(step, fragment).map(rows)
            case SqlFragment(sql):
                return self._sql(step, sql).run([rows], side_relations(step, self._work))
            case CommandFragment() as fragment:
                return self._command(step, fragment).map(rows)

    def map_combined(self, step: Step, rows: Input, combine: PythonFragment) -> Iterator[pa.RecordBatch]:
        """As ``map`` for a Python fragment of pairs, combined by key on the way."""
        assert isinstance(step.fragment, PythonFragment)
        return self._python(step, step.fragment).map_combined(rows, combine)

    def reduce(self, step: Step, inputs: Sorted) -> Iterator[pa.RecordBatch]:
        """What the step gives for the groups (or, in SQL, the rows) of the partition."""
        match step.fragment:
            case None:
                return _one_after_another(inputs)
            case PythonFragment() as fragment:
                return self._python(step, fragment).reduce(inputs)
            case SqlFragment(sql):
                rows = [self._named(read, stream) for read, stream in inputs]
                return self._sql(step, sql).run(rows, side_relations(step, self._work))
            case CommandFragment() as fragment:
                return self._command(step, fragment).reduce(grouped(inputs))

    def map_routed(self, step: Step, rows: Input, outputs: tuple[str, ...]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """As ``map``, for a job with several outputs: (output, batch). Only Python picks, else it is the first."""
        if isinstance(step.fragment, PythonFragment):
            return self._python(step, step.fragment).map_routed(rows, outputs)
        return ((outputs[0], batch) for batch in self.map(step, rows))

    def reduce_routed(
        self, step: Step, inputs: Sorted, outputs: tuple[str, ...]
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """As ``reduce``, for a job with several outputs."""
        if isinstance(step.fragment, PythonFragment):
            return self._python(step, step.fragment).reduce_routed(inputs, outputs)
        return ((outputs[0], batch) for batch in self.reduce(step, inputs))

    def table_combine(self, exchange: ExchangeId, spec: Exchange) -> Combine | None:
        """What combines sorted rows of an exchange where runs of them meet; None where nothing does."""
        if spec.combine is None:
            return None
        step = Step(exchange.job, "", spec.combine, spec.code)
        if isinstance(spec.combine, PythonFragment) and spec.combine.calling is Calling.PAIRS:
            self._code(step)
            combine = group_combine(spec.combine)
            return lambda table: combine_pairs(combine, _grouped(table, spec))
        read = ExchangeRead(exchange.input, exchange, spec)
        return lambda table: self._combine_rows(step, read, table)

    def partition_of(self, exchange: Exchange) -> PartitionOf | None:
        """The user's function that partitions the exchange, if it has one."""
        if exchange.partitioner is not None:
            place_code(exchange.code, self._work.env)
        return partition_of(exchange)

    def _combine_rows(self, step: Step, read: ExchangeRead, table: pa.Table) -> pa.Table:
        """A combine in SQL, over rows or batches, or by a command: the reduce of the table, in the columns it had."""
        rows = Stream(batches_of(_grouped(table, read.spec)), f"job {step.job}, combine")
        found = pa.Table.from_batches(list(self.reduce(step, [(read, rows)])))
        if set(found.schema.names) != set(table.schema.names):
            raise TypeConflict(
                f"it gives the columns {', '.join(found.schema.names)}",
                place=f"job {step.job}, combine",
                remedy=f"A combine gives the columns that it gets: {', '.join(table.schema.names)}.",
            )
        return _sorted(cast_table(found, schema_of(table.schema)), read.spec.order)

    def spooled(self, name: str, stream: Stream, file: str) -> StreamInput:
        """Rows of this task as an input under ``name``; ``file`` is what their records are called."""
        spool = Spool(stream, self._work.path("rows"), self._work.memory.spool, self._work.spilled)
        return StreamInput(name, stream, file, file.partition("#")[0], spool)

    def _named(self, read: ExchangeRead, stream: Stream) -> StreamInput:
        return self.spooled(read.input, stream, f"{read.exchange.job}#{self._work.partition}")

    def _python(self, step: Step, fragment: PythonFragment) -> PythonStep:
        self._code(step)
        return PythonStep(step, fragment, self._sides(step), self._work)

    def _sql(self, step: Step, sql: str) -> SqlStep:
        task = f"{step_name(step)}#{self._work.partition}"
        return SqlStep(self._database(), sql, f"{step_name(step)}, SQL", task=task)

    def _database(self) -> DatabaseSettings:
        """The DuckDB instance that this task needs."""
        env = self._work.env
        folders = self._folders | {str(env.blocks)}
        return DatabaseSettings(self._work.memory.fragment, env.scratch / "duckdb", folders, env.time_zone)

    def _command(self, step: Step, fragment: CommandFragment) -> CommandStep:
        return CommandStep(step, fragment, self._code(step), self._work)

    def _code(self, step: Step) -> Path:
        return place_code(step.code, self._work.env)

    def _sides(self, step: Step) -> Sides:
        return side_tables(step, self._work)


def _one_after_another(inputs: Sorted) -> Iterator[pa.RecordBatch]:
    """The identity as a reduce: the rows of each input in its order, under one schema."""
    if len(inputs) == 1:
        return iter(inputs[0][1])
    schema = unify([stream.schema for _, stream in inputs], "the inputs of a job without reduce")
    return (batch for _, stream in inputs for batch in retyped(iter(stream), schema))


def _grouped(table: pa.Table, spec: Exchange) -> pa.Table:
    """The table with rows of one key together: as it is where its exchange has an order, else sorted by the keys."""
    return table if spec.order else _sorted(table, tuple(SortKey(key) for key in spec.keys))


def _sorted(table: pa.Table, order: tuple[SortKey, ...]) -> pa.Table:
    return table.take(pa.array(sort_indices(table, order))) if order else table


def combines_in_memory(step: Step, combine: object) -> bool:
    """Whether a step's pairs can be combined before they become Arrow: both are Python functions of pairs."""
    fragments = (step.fragment, combine)
    return all(isinstance(each, PythonFragment) and each.calling is Calling.PAIRS for each in fragments)
