"""The prompt's door to the engine on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gristmill.errors import InvalidPlan
from gristmill.plan.query import Scalar
from gristmill.rows.logical import quote_name
from gristmill_cli.known_tables import KnownTables
from gristmill_cli.options import OutputFormat
from gristmill_cli.prompt.statements import Asked, view_of
from gristmill_cli.running import RunOptions, answer
from gristmill_sql.parameters import wanted_parameters

Params = Sequence[Scalar] | Mapping[str, Scalar]


class LocalDoor:
    """Runs queries over ``tables`` here; rows come out as ``output``. Views that were made stay while it lives.

    ``params`` are for the queries that have parameters.
    """

    def __init__(
        self, tables: KnownTables, params: Params, dialect: str, options: RunOptions, output: OutputFormat
    ) -> None:
        self._tables = tables
        self._params = params
        self._dialect = dialect
        self._options = options
        self._output = output

    @property
    def tables(self) -> Mapping[str, str]:
        """What stands behind each name."""
        return self._tables.shown

    def schema(self, table: str) -> Sequence[tuple[str, str]]:
        """Names and types of a table's columns, from footers."""
        if table not in self.tables:
            known = ", ".join(self.tables) or "none was given with --table or --catalog"
            raise InvalidPlan(f"there is no table {table!r}", place=".schema", remedy=f"Tables: {known}.")
        query = self._tables.query(f"SELECT * FROM {quote_name(table)}")
        return [(column.name, column.type) for column in query.schema]

    def show(self, query: str, asked: Asked) -> None:
        """Runs the query and writes what was asked for to stdout."""
        if (view := view_of(query)) is not None:
            self._make_view(*view)
            return
        params = wanted_parameters(query, self._params, self._dialect)
        answer(self._tables.query(query, params=params, dialect=self._dialect), asked, self._options, self._output)

    def _make_view(self, name: str, text: str) -> None:
        """Keeps a view, once a query of it has been found to be right among the others."""
        made = replace(self._tables, catalog=self._tables.catalog.with_view(name, text))
        for view, _ in made.catalog.views:
            made.query(f"SELECT * FROM {quote_name(view)}", dialect=self._dialect).chain  # noqa: B018
        self._tables = made
