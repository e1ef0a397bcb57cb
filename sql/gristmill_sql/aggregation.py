"""GROUP BY of one block: group keys and aggregate calls are taken out of its expressions and become columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Aggregate, Item, Relation, column
from gristmill_sql.expressions import bare_call, is_aggregate, replaced, unwrapped, windowless_parts
from gristmill_sql.names import Names
from gristmill_sql.scope import Scope

if TYPE_CHECKING:
    from gristmill_sql.subqueries import SubqueryBinder


class Grouping:
    """Collects the calls of one Aggregate while expressions above it are rewritten to read its columns."""

    def __init__(
        self, names: Names, subqueries: SubqueryBinder, scope: Scope, relation: Relation, keys: list[exp.Expr]
    ) -> None:
        self._names = names
        self._subqueries = subqueries
        self._scope = scope
        self._input = relation
        values = [unwrapped(self._scalar(key)) for key in keys]
        items = names.items([(key.key, value) for key, value in zip(keys, values, strict=True)])
        self._keys = {unwrapped(key): item for key, item in zip(keys, items, strict=True)}
        self._calls: dict[exp.Expr, Item] = {}

    def relation(self) -> Aggregate:
        """The Aggregate with all calls that were met."""
        return Aggregate(self._input, tuple(dict.fromkeys(self._keys.values())), tuple(self._calls.values()))

    def rewritten(self, value: exp.Expr) -> exp.Expr:
        """An expression over the block's rows as one over the groups."""
        return replaced(value, self._rewritten)

    def _rewritten(self, node: exp.Expr) -> exp.Expr | None:
        if isinstance(node, exp.Query):
            return node.copy()
        if (item := self._keys.get(unwrapped(node))) is not None:
            return column(item.column.name)
        if isinstance(node, exp.Window):
            return self._window(node)
        return column(self._call(node).column.name) if is_aggregate(node) else None

    def _window(self, node: exp.Window) -> exp.Expr:
        fresh = node.copy()
        for part in windowless_parts(fresh):
            part.replace(self.rewritten(part))
        return fresh

    def _call(self, node: exp.Expr) -> Item:
        if node not in self._calls:
            self._calls[node.copy()] = self._names.item(bare_call(node).key, self._scalar(node))
        return self._calls[node]

    def _scalar(self, value: exp.Expr) -> exp.Expr:
        self._input, value = self._subqueries.scalars(self._input, value, self._scope)
        return value
