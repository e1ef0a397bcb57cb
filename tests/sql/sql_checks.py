"""Compares what a compiled query gives with what DuckDB alone gives: types exactly, rows in order where asked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
from sql_reference import Reference, Result
from third_opinion import verdict

from gristmill.plan.compile import compile_chain
from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format, Split
from gristmill.plan.validate import validate
from gristmill_sql import Catalog, CompiledQuery, CompileOptions, compile_query
from gristmill_sql.bind import unique_names

SPREADS = (
    CompileOptions(),
    CompileOptions(partitions=4, broadcast_bytes=0, single_rows=0),
    CompileOptions(partitions=7, broadcast_bytes=600, single_rows=5, filter_rows=-1),
)
"""As it would be planned; all shuffled; a mixture, with a number of partitions that is no power of two, and with keys
of one side as a filter of the other wherever that is sound."""


class Database:
    """Tables in Parquet files, as Gristmill's catalog and as views of a DuckDB connection."""

    def __init__(self, tables: Mapping[str, Path]) -> None:
        sources = {name: FileSource((str(path),), Format.PARQUET) for name, path in tables.items()}
        self.tables = dict(tables)
        self.catalog = Catalog(sources)
        self.connection = duckdb.connect(config={"threads": 1})
        for name, path in tables.items():
            self.connection.execute(f"CREATE VIEW {name} AS FROM '{path}'")

    def expected(self, sql: str) -> Result:
        """DuckDB's own answer."""
        text = sql.strip().rstrip(";")
        schema = self.connection.execute(f"DESCRIBE {text}").fetchall()
        rows = self.connection.execute(text).fetchall()
        return Result(tuple(c[0] for c in schema), tuple(c[1] for c in schema), rows)

    def check(self, sql: str, options: Iterable[CompileOptions] = SPREADS, splits: int = 3) -> list[CompiledQuery]:
        """Compiles and evaluates ``sql`` under each of the options and compares with DuckDB."""
        expected = self.expected(sql)
        compiled = [compile_query(sql, self.catalog, replace(each, ask=each.ask or self._asked)) for each in options]
        for query in compiled:
            validate(query.chain)
            compile_chain(query.chain, defaultdict(lambda: (Split((), 0),)))
            actual = Reference(splits).run(query.chain)
            try:
                same(actual, expected, ordered=query.ordered)
            except AssertionError as difference:
                difference.add_note(verdict(sql, self.tables, actual.rows, expected.rows))
                raise
            assert [c.name for c in query.schema] == _numbered(expected.names)
        return compiled

    def _asked(self, sql: str) -> list[str]:
        """The values of a PIVOT that does not list them."""
        return [str(value) for (value,) in Reference().run(compile_query(sql, self.catalog).chain).rows]


def _numbered(names: Iterable[str]) -> list[str]:
    """Names as results have them: equal ones are numbered."""
    return [column.name for column in unique_names(tuple(Column(name, "") for name in names))]


def same(actual: Result, expected: Result, *, ordered: bool) -> None:
    """Asserts that two results are equal: doubles to a relative 1e-9, rows as a multiset unless ordered."""
    assert actual.types == expected.types
    assert len(actual.rows) == len(expected.rows)
    pairs = zip(_arranged(actual.rows, ordered), _arranged(expected.rows, ordered), strict=True)
    for number, (one, other) in enumerate(pairs):
        assert all(_equal(a, b) for a, b in zip(one, other, strict=True)), f"row {number}: {one} but DuckDB {other}"


def single_reasons(query: CompiledQuery) -> list[str]:
    """Why jobs of the chain run in one task."""
    return [job.single_reason for job in query.chain.jobs if job.single_reason]


def _arranged(rows: list[tuple[object, ...]], ordered: bool) -> Iterator[tuple[object, ...]]:
    """The rows, by their first digits, and those that these do not tell apart by all their digits."""
    if ordered:
        return iter(rows)
    return iter(sorted(rows, key=lambda row: (_sort_key(row, ".6g"), _sort_key(row, ".17g"))))


def _sort_key(row: tuple[object, ...], digits: str) -> tuple[tuple[bool, str], ...]:
    return tuple((v is None, f"{v + 0.0:{digits}}" if isinstance(v, float) else str(v)) for v in row)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other
