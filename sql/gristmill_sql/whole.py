"""A query as DuckDB can run it whole, in one task: read and bound, not taken apart.

The API asks for it first: where the tables are small enough nothing else of the front end is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan, JobPlan, Output, SideInput
from gristmill.plan.schema import Schema
from gristmill.plan.source import Format
from gristmill_sql.about import read_query
from gristmill_sql.bind import unique_names
from gristmill_sql.catalog import Catalog, Table
from gristmill_sql.compile import given_room
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed
from gristmill_sql.statements import outputs_of
from gristmill_sql.tables import find_tables


@dataclass(frozen=True, slots=True)
class WholeQuery:
    """``text`` in DuckDB's dialect over ``tables``, under the names that they have in it.

    ``schema`` is the result's. ``bytes_`` is an estimate of what the query reads, uncompressed; ``hindrance`` says why
    it cannot run whole, empty: it can.
    """

    text: str
    tables: tuple[Table, ...]
    schema: Schema
    bytes_: int
    outputs: tuple[Output, ...] = ()
    hindrance: str = ""

    @property
    def parquet(self) -> bool:
        """Whether all its tables are Parquet files."""
        return all(table.source.format is Format.PARQUET for table in self.tables)

    def chain(self, name: str = "query") -> ChainPlan:
        """The query as one job of one task, which has the tables as side inputs."""
        sides = tuple(SideInput(table.name, table.source) for table in self.tables)
        job = JobPlan(
            f"{name}-1",
            (),
            SqlFragment(self.text),
            partition=ExchangeKind.SINGLE,
            partitions=1,
            side_inputs=sides,
            outputs=self.outputs,
            note="the whole query",
        )
        return ChainPlan((job,))


def read_whole(sql: str, catalog: Catalog, options: CompileOptions | None = None) -> WholeQuery:
    """The query as it can run whole. Raises InvalidQuery as ``compile_query`` does."""
    options = options or CompileOptions()
    return given_room(lambda: _read(sql, catalog, options))


def _read(sql: str, catalog: Catalog, options: CompileOptions) -> WholeQuery:
    oracle = Oracle()
    parsed, catalog = read_query(sql, options, oracle, catalog)
    tables = tuple(find_tables(parsed, catalog, oracle).values())
    schema = unique_names(oracle.describe(parsed.text))
    outputs = outputs_of(parsed.target, catalog, options.outputs)
    qualified = any(len(node.parts) > 1 for node in parsed.tree.find_all(exp.Table))
    hindrance = "a table's name has several parts" if qualified else ""
    return WholeQuery(parsed.text, tables, schema, _bytes_read(parsed, tables), outputs, hindrance)


def _bytes_read(parsed: Parsed, tables: tuple[Table, ...]) -> int:
    """Bytes of the columns that the query names, all where it names them by a star; of files without known columns
    their size."""
    everything = any(not isinstance(star.parent, exp.Count) for star in parsed.tree.find_all(exp.Star))
    named = {node.name.casefold() for node in parsed.tree.find_all(exp.Column, exp.Identifier)}
    total = 0
    for table in tables:
        read = [bytes_ for name, bytes_ in table.facts.column_bytes if everything or name.casefold() in named]
        total += sum(read) if table.facts.column_bytes else table.facts.bytes_
    return total
