"""The prompt's door to the engine on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gristmill as gm
from gristmill.errors import InvalidPlan
from gristmill.rows.logical import quote_name
from gristmill_cli.options import OutputFormat
from gristmill_cli.prompt.statements import Asked
from gristmill_cli.running import RunOptions, explained, run_chain, show_rows


class LocalDoor:
    """Runs queries over ``tables`` here; rows come out as ``output``."""

    def __init__(self, tables: Mapping[str, str], dialect: str, options: RunOptions, output: OutputFormat) -> None:
        self._tables = tables
        self._dialect = dialect
        self._options = options
        self._output = output

    @property
    def tables(self) -> Mapping[str, str]:
        """URIs by table name."""
        return self._tables

    def schema(self, table: str) -> Sequence[tuple[str, str]]:
        """Names and types of a table's columns, from footers."""
        if table not in self._tables:
            known = ", ".join(self._tables) or "none was given with --table"
            raise InvalidPlan(f"there is no table {table!r}", place=".schema", remedy=f"Tables: {known}.")
        query = gm.sql(f"SELECT * FROM {quote_name(table)}", tables={table: self._tables[table]})
        return [(column.name, column.type) for column in query.schema]

    def show(self, query: str, asked: Asked) -> None:
        """Runs the query and writes what was asked for to stdout."""
        bound = gm.sql(query, tables=dict(self._tables), dialect=self._dialect)
        if asked is Asked.PLAN:
            print(explained(bound.chain, self._options))  # noqa: T201
            return
        result = run_chain(bound.chain, self._options)
        if asked is Asked.ANALYSIS:
            print(result.analysis)  # noqa: T201
        else:
            show_rows(result, self._output)
