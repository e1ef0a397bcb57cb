"""A reference evaluator of chains: runs fragments in DuckDB, partition by partition, honouring every exchange.

Small and slow on purpose: it shares no code with the engine, so that a chain's meaning is checked independently of
how the engine runs it. Splits of files are contiguous runs of rows. Schemas travel as DuckDB types.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import TASK_VARIABLE, SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan
from gristmill.plan.source import FileSource, JobSource, Source
from gristmill.rows.logical import quote_name

Rows = str
"""The name of a table in the evaluator's connection."""


@dataclass(frozen=True)
class Result:
    """Column names, DuckDB types, and rows in the order of the result's parts."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[object, ...]]


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


class Reference:
    """Evaluates chains over files, each file source cut into ``splits`` tasks."""

    def __init__(self, splits: int = 3) -> None:
        self._splits = splits
        self._connection = _database().cursor()  # its temporary tables are its own, and go with it
        self._tables = 0

    def run(self, chain: ChainPlan) -> Result:
        """The rows of the chain's result."""
        outputs: dict[str, list[Rows]] = {}
        for job in chain.jobs:
            outputs[job.name] = self._job(job, outputs)
        parts = outputs[chain.result_job.name]
        described = self._connection.execute(f"DESCRIBE {_union(parts)}").fetchall()
        rows = [row for part in parts for row in self._connection.execute(f"FROM {part}").fetchall()]
        return Result(tuple(d[0] for d in described), tuple(d[1] for d in described), rows)

    def _job(self, job: JobPlan, outputs: Mapping[str, list[Rows]]) -> list[Rows]:
        sides = {side.name: self._whole(side.source, outputs) for side in job.side_inputs}
        if job.map_only:
            return [part for input_ in job.inputs for part in self._mapped(input_, sides, outputs)]
        partitions = 1 if job.partition is ExchangeKind.SINGLE else job.partitions or 2
        given = {i.name: self._mapped(i, sides, outputs) for i in job.inputs}
        if job.partition is ExchangeKind.RANGE:
            return self._ranges(_union(part for parts in given.values() for part in parts), job, partitions)
        results = []
        for number in range(partitions):
            views = dict(sides)
            for input_ in job.inputs:
                whole = input_.exchange is ExchangeKind.BROADCAST or partitions == 1
                views[input_.name] = self._partition(
                    given[input_.name], input_.key, partitions, None if whole else number
                )
            results.append(self._fragment(job.reduce, views, next(iter(given), "")))
        return results

    def _mapped(self, input_: JobInput, sides: dict[str, Rows], outputs: Mapping[str, list[Rows]]) -> list[Rows]:
        tasks = self._tasks(input_.source, outputs)
        if input_.map is None:
            return tasks
        return [self._fragment(input_.map, {**sides, "input": task}, "") for task in tasks]

    def _fragment(self, fragment: object, views: dict[str, Rows], alone: str) -> Rows:
        assert isinstance(fragment, SqlFragment)
        for name, rows in views.items():
            self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS FROM {rows}')
        self._connection.execute(f"SET VARIABLE {TASK_VARIABLE} = '{self._tables}'")
        return self._table(fragment.sql)

    def _tasks(self, source: Source, outputs: Mapping[str, list[Rows]]) -> list[Rows]:
        if isinstance(source, JobSource):
            return outputs[source.job]
        whole = self._read(source)
        (count,) = self._connection.execute(f"SELECT count(*) FROM {whole}").fetchone() or (0,)
        size = max(1, -(-count // self._splits))
        return [self._table(f"FROM {whole} LIMIT {size} OFFSET {at}") for at in range(0, max(count, 1), size)]

    def _whole(self, source: Source, outputs: Mapping[str, list[Rows]]) -> Rows:
        return self._read(source) if isinstance(source, FileSource) else self._table(_union(outputs[source.job]))

    def _read(self, source: FileSource) -> Rows:
        return self._table(f"FROM read_parquet([{', '.join(repr(uri) for uri in source.uris)}])")

    def _partition(self, parts: list[Rows], key: tuple[str, ...], partitions: int, number: int | None) -> Rows:
        rows = _union(parts)
        if number is None:
            return self._table(rows)
        columns = ", ".join(map(quote_name, key))
        return self._table(f"FROM ({rows}) WHERE hash({columns}) % {partitions} = {number}")

    def _ranges(self, rows: str, job: JobPlan, partitions: int) -> list[Rows]:
        order = ", ".join(
            f"{quote_name(k.by)} {'DESC' if k.desc else 'ASC'} NULLS {'FIRST' if k.nulls_first else 'LAST'}"
            for k in job.sort
        )
        whole = self._table(f"FROM ({rows}) ORDER BY {order}")
        (count,) = self._connection.execute(f"SELECT count(*) FROM {whole}").fetchone() or (0,)
        size = max(1, -(-count // partitions))
        return [self._table(f"FROM {whole} LIMIT {size} OFFSET {number * size}") for number in range(partitions)]

    def _table(self, sql: str) -> Rows:
        self._tables += 1
        self._connection.execute(f"CREATE TEMP TABLE rows{self._tables} AS {sql}")
        return f"rows{self._tables}"


def _union(parts: Iterable[Rows]) -> str:
    return " UNION ALL ".join(f"FROM {part}" for part in parts)
