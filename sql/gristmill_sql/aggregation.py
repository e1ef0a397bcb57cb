"""GROUP BY of one block: group keys and aggregate calls are taken out of its expressions and become columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Aggregate, Item, Relation, column
from gristmill_sql.collation import bare, is_collated, key_of
from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import bare_call, enclosed, is_aggregate, unwrapped, windowless_parts
from gristmill_sql.grouping_sets import GroupBy, expand, grouping
from gristmill_sql.names import Names
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.scope import Named, Scope

if TYPE_CHECKING:
    from gristmill_sql.subqueries import SubqueryBinder


class Grouping:
    """Collects the calls of one Aggregate while expressions above it are rewritten to read its columns."""

    def __init__(
        self, names: Names, subqueries: SubqueryBinder, scope: Scope, relation: Relation, group: GroupBy
    ) -> None:
        self._names = names
        self._subqueries = subqueries
        self._scope = scope
        self._input = relation
        self._group = group
        self._number: Item | None = None
        self._real: exp.Expr | None = None
        values = [self._key(key_of(key)) for key in group.keys]
        items = names.items([(key.key, value) for key, value in zip(group.keys, values, strict=True)])
        if group.sets:
            expanded = expand(self._input, items, group.sets, names)
            self._input, self._number, self._real = expanded.relation, expanded.number, expanded.real
            items = expanded.keys
        self._items = items
        self._keys = {key_of(key): item for key, item in zip(group.keys, items, strict=True)}
        self._calls: dict[exp.Expr, Item] = {key: self._any_of(key) for key in group.keys if is_collated(key)}
        self._keys |= self._calls

    def relation(self) -> Aggregate:
        """The Aggregate with all calls that were met."""
        keys = (*self._items, *([self._number] if self._number else ()))
        return Aggregate(self._input, tuple(dict.fromkeys(keys)), tuple(self._calls.values()))

    @property
    def scope(self) -> Scope:
        """The block's names as its subqueries see them above the Aggregate: keys that sets cut are other columns."""
        if not self._group.sets:
            return self._scope
        cut = {key.name: item.column for key, item in zip(self._group.keys, self._items, strict=True)}
        sources = [
            replace(source, columns=tuple(Named(n.name, cut.get(n.column.name, n.column)) for n in source.columns))
            for source in self._scope.sources
        ]
        return replace(self._scope, sources=sources)

    def rewritten(self, value: exp.Expr) -> exp.Expr:
        """An expression over the block's rows as one over the groups."""
        return replaced(value, self._rewritten)

    def _rewritten(self, node: exp.Expr) -> exp.Expr | None:
        if (item := self._keys.get(unwrapped(node))) is not None:
            return column(item.column.name)
        if isinstance(node, exp.Query):
            return copied(node)
        if isinstance(node, exp.Grouping | exp.GroupingId):
            return grouping(node, self._group, column(self._number.column.name) if self._number else None)
        if isinstance(node, exp.Window):
            return self._window(node)
        return column(self._call(node).column.name) if is_aggregate(node) else None

    def _key(self, key: exp.Expr) -> exp.Expr:
        """A key over the block's rows; an outer column in parentheses, so that it becomes a column of its own."""
        value = unwrapped(self._scalar(key))
        own = {n.column.name for source in self._scope.sources for n in source.columns}
        return (
            exp.Paren(this=value) if isinstance(value, exp.Column) and key == value and value.name not in own else value
        )

    def _window(self, node: exp.Window) -> exp.Expr:
        fresh = copied(node)
        for part in windowless_parts(fresh):
            part.replace(self.rewritten(part))
        return fresh

    def _any_of(self, key: exp.Expr) -> Item:
        """One of the values that a key's collation holds to be equal, as DuckDB shows it."""
        if self._group.sets:
            raise CannotSpread("grouping sets by a collation")
        return self._names.item(key.key, exp.AnyValue(this=self._scalar(bare(key))))

    def _call(self, node: exp.Expr) -> Item:
        if is_collated(node):
            raise CannotSpread("an aggregate of a value with a collation")
        if node not in self._calls:
            call = copied(node)
            self._calls[call] = self._names.item(bare_call(call).key, self._over_real(self._scalar(call)))
        return self._calls[node]

    def _over_real(self, call: exp.Expr) -> exp.Expr:
        """The call over the rows of its input, without those that stand for groups of none."""
        if self._real is None:
            return call
        if isinstance(call, exp.Filter):
            condition = exp.And(this=copied(self._real), expression=enclosed(call.expression.this))
            return exp.Filter(this=copied(call.this), expression=exp.Where(this=condition))
        return exp.Filter(this=copied(call), expression=exp.Where(this=copied(self._real)))

    def _scalar(self, value: exp.Expr) -> exp.Expr:
        self._input, value = self._subqueries.scalars(self._input, value, self._scope)
        return value
