"""PIVOT and UNPIVOT in FROM: an aggregate with a filter for each new column, and a row for each old one.

Called by ``sources``. PIVOT without its list of values never comes here: ``pivot_values`` has put that in before.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill.plan.schema import Column
from gristmill_sql.algebra import Aggregate, Filter, Item, Project, Unnest, column
from gristmill_sql.copies import copied, text_of
from gristmill_sql.expressions import enclosed, is_aggregate
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.oracle import empty_relation
from gristmill_sql.resolve import resolve_columns
from gristmill_sql.scope import Bound, Named, Scope, Source
from gristmill_sql.stars import picked_columns

if TYPE_CHECKING:
    from gristmill_sql.binder import Binder


def bind_pivot(binder: Binder, node: exp.Pivot, bound: Bound, alias: str) -> Bound:
    """The rows of ``bound`` under PIVOT or UNPIVOT. Raises CannotSpread for forms that it does not know."""
    scope = Scope(sources=[Source(alias, bound.shown)])
    if node.args.get("unpivot"):
        return _Unpivot(binder, node, bound, scope).bound()
    return _Pivot(binder, node, bound, scope).bound()


class _Pivot:
    def __init__(self, binder: Binder, node: exp.Pivot, bound: Bound, scope: Scope) -> None:
        self._binder = binder
        self._node = node
        self._bound = bound
        self._scope = scope
        in_from = bool(node.args.get("fields"))
        self._lists: Sequence[exp.Expr] = node.args["fields"] if in_from else node.expressions
        self._calls: Sequence[exp.Expr] = node.expressions if in_from else node.args.get("using") or [_count()]

    def bound(self) -> Bound:
        """An Aggregate by the remaining columns, with a call for each value and aggregate."""
        has_values = all(isinstance(each, exp.In) and each.expressions for each in self._lists)
        if not has_values and (self._node.args.get("fields") or any(each.find(exp.In) for each in self._lists)):
            raise CannotSpread("PIVOT by something other than lists of values")
        calls = [resolve_columns(call.unalias(), self._scope) for call in self._calls]
        if not all(is_aggregate(call) for call in calls):
            raise CannotSpread("PIVOT with something other than aggregates")
        keys = self._keys()
        values: list[exp.Expr] = []
        if has_values:  # else there were none among the rows
            conditions = [[self._condition(each.this, value) for value in each.expressions] for each in self._lists]
            values = [_filtered(call, terms) for terms in itertools.product(*conditions) for call in calls]
        shown = self._shown(len(keys) + len(values))
        names = self._binder.names
        key_items = names.items([(k.name, column(k.column.name)) for k in keys])
        call_items = names.items([(c.name, v) for c, v in zip(shown[len(keys) :], values, strict=True)])
        columns = [item.column for item in (*key_items, *call_items)]
        relation = Aggregate(self._bound.relation, tuple(dict.fromkeys(key_items)), tuple(dict.fromkeys(call_items)))
        return Bound(relation, tuple(Named(c.name, given) for c, given in zip(shown, columns, strict=True)))

    def _keys(self) -> list[Named]:
        group = self._node.args.get("group")
        if group is not None:
            found = [n for g in group.expressions for n in self._bound.shown if _is_named(g, n)]
            if len(found) != len(group.expressions):
                raise CannotSpread("PIVOT grouped by expressions")
            return found
        parts = [*(each.this for each in self._lists), *self._calls]
        used = {c.name.casefold() for part in parts for c in part.find_all(exp.Column)}
        return [n for n in self._bound.shown if n.name.casefold() not in used]

    def _condition(self, on: exp.Expr, value: exp.Expr) -> exp.Expr:
        value = value.this if isinstance(value, exp.PivotAlias | exp.Alias) else value
        if not isinstance(value, exp.Literal | exp.Null | exp.Cast | exp.Boolean | exp.Neg) or value.find(exp.Column):
            raise CannotSpread("PIVOT with values that are no constants")
        return exp.NullSafeEQ(this=enclosed(resolve_columns(on, self._scope)), expression=copied(value))

    def _shown(self, count: int) -> tuple[Column, ...]:
        """The columns as DuckDB names them."""
        schema = tuple(Column(n.name, n.column.type) for n in self._bound.shown)
        pivot = copied(self._node)
        pivot.set("with_", None)
        rows = empty_relation(schema)
        if self._node.args.get("fields"):
            pivot.set("alias", None)
            text = f"SELECT * FROM {rows} AS rows {text_of(pivot)}"
        else:
            pivot.set("this", exp.to_table("rows"))
            text = f"WITH rows AS (FROM {rows}) {text_of(pivot)}"
        found = self._binder.oracle.describe(text)
        if len(found) != count:
            raise CannotSpread("PIVOT in this form")
        return found


class _Unpivot:
    def __init__(self, binder: Binder, node: exp.Pivot, bound: Bound, scope: Scope) -> None:
        self._binder = binder
        self._node = node
        self._bound = bound
        self._scope = scope

    def bound(self) -> Bound:
        """A row for each of the columns, with its name and value; rows without a value are left out."""
        name, value, terms = self._parts()
        unpivoted = [n for term in terms for n in self._columns(term.this if _is_alias(term) else term)]
        labels = [n.name for n in unpivoted]
        if len(terms) == len(unpivoted):
            labels = [term.alias if _is_alias(term) else label for term, label in zip(terms, labels, strict=True)]
        names = self._binder.names
        lists = (
            exp.Array(expressions=[exp.Literal.string(label) for label in labels]),
            exp.Array(expressions=[column(n.column.name) for n in unpivoted]),
        )
        items = names.items(
            [(each, exp.Explode(this=values)) for each, values in zip((name, value), lists, strict=True)]
        )
        rows: Filter | Unnest = Unnest(self._bound.relation, items)
        if not self._node.args.get("include_nulls"):
            missing = exp.Is(this=column(items[1].column.name), expression=exp.Null())
            rows = Filter(rows, (exp.Not(this=missing),))
        kept = [n for n in self._bound.shown if n not in unpivoted]
        shown = (*kept, Named(name, items[0].column), Named(value, items[1].column))
        unique = dict.fromkeys(n.column for n in shown)
        return Bound(Project(rows, tuple(Item(c, column(c.name)) for c in unique)), shown)

    def _parts(self) -> tuple[str, str, list[exp.Expr]]:
        """The names of the two new columns, and the terms that say which columns they hold."""
        fields, into = self._node.args.get("fields"), self._node.args.get("into")
        if fields:
            (field,), (value,) = fields, self._node.expressions
            if not isinstance(field, exp.In) or not isinstance(value, exp.Identifier | exp.Column):
                raise CannotSpread("UNPIVOT of several columns at once")
            return field.this.name, value.name, list(field.expressions)
        if into is None:
            return "name", "value", self._node.expressions
        if len(into.expressions) != 1:
            raise CannotSpread("UNPIVOT of several columns at once")
        return into.this.name, into.expressions[0].name, self._node.expressions

    def _columns(self, term: exp.Expr) -> list[Named]:
        if isinstance(term, exp.Star | exp.Columns):
            return picked_columns(term, self._scope, self._binder.oracle)
        found = [n for n in self._bound.shown if _is_named(term, n)]
        if len(found) != 1:
            raise CannotSpread("UNPIVOT of expressions")
        return found


def _is_named(node: exp.Expr, named: Named) -> bool:
    return isinstance(node, exp.Column) and len(node.parts) == 1 and node.name.casefold() == named.name.casefold()


def _is_alias(node: exp.Expr) -> bool:
    return isinstance(node, exp.PivotAlias | exp.Alias)


def _count() -> exp.Expr:
    return exp.Count(this=exp.Star())


def _filtered(call: exp.Expr, terms: Sequence[exp.Expr]) -> exp.Expr:
    """The call over the rows for which all terms hold."""
    own = [enclosed(call.expression.this)] if isinstance(call, exp.Filter) else []
    function = call.this if isinstance(call, exp.Filter) else call
    condition = exp.and_(*own, *(exp.Paren(this=copied(term)) for term in terms), copy=True)
    return exp.Filter(this=copied(function), expression=exp.Where(this=condition))
