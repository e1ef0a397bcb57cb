"""Binding of one SELECT block: FROM, WHERE, GROUP BY, HAVING, windows, QUALIFY, SELECT, DISTINCT, ORDER BY, LIMIT.

Called by the binder. The block's relation grows clause by clause in the order in which SQL evaluates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from gristmill.rows.logical import quote_name
from gristmill_sql.aggregation import Grouping
from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Opaque,
    OrderTerm,
    Project,
    Relation,
    Sort,
    Window,
    column,
)
from gristmill_sql.collation import bare, is_collated
from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import columns_in, conjuncts, has_aggregate, holds, is_aggregate, unwrapped
from gristmill_sql.grouping_sets import GroupBy, parse_group
from gristmill_sql.opaque import CannotSpread, rest_of_block
from gristmill_sql.oracle import Unbindable
from gristmill_sql.resolve import resolve_columns
from gristmill_sql.scope import Bound, Named, Scope
from gristmill_sql.sources import FromBinder
from gristmill_sql.stars import star_targets, struct_fields
from gristmill_sql.subqueries import SubqueryBinder
from gristmill_sql.unnest import with_elements

if TYPE_CHECKING:
    from gristmill_sql.binder import Binder, Environment

_UNSUPPORTED = ("cluster", "distribute", "sort", "into", "kind")


class Block:
    """One SELECT on its way to a relation."""

    def __init__(self, binder: Binder, node: exp.Select, environment: Environment, outer: Scope | None) -> None:
        self._binder = binder
        self._node = node = with_windows_in_place(node)
        self._from = FromBinder(binder, environment, outer)
        self._subqueries = SubqueryBinder(binder, environment)
        self._scope = Scope(outer)
        self._grouping: Grouping | None = None
        self._order: list[exp.Expr] = []

    def bind(self) -> Bound:
        """The block's relation and shown columns. Raises CannotSpread."""
        relation = self._where(self._sources())
        try:
            return self._above(relation)
        except (CannotSpread, Unbindable) as refusal:
            columns, sql, reads = rest_of_block(self._node, self._scope, relation.columns, self._binder.oracle, refusal)
            kept = [c for c in relation.columns if c.name in reads] or list(relation.columns[:1])
            relation = _project(relation, tuple(Item(c, column(c.name)) for c in kept))
            given = tuple(self._binder.names.column(c.name, c.type) for c in columns)
            sql = f"SELECT * FROM ({sql}) AS block({', '.join(quote_name(c.name) for c in given)})"
            reason = str(refusal).split("\n", maxsplit=1)[0]
            ordered = self._node.args.get("order") is not None
            rest = Opaque((relation,), ("rows",), sql, given, reason, ordered)
            return Bound(rest, tuple(Named(c.name, g) for c, g in zip(columns, given, strict=True)))

    def _above(self, relation: Relation) -> Bound:
        """Everything after WHERE."""
        for clause in _UNSUPPORTED:
            if self._node.args.get(clause):
                raise CannotSpread(f"{clause.upper()} in a SELECT")
        targets = self._targets()
        relation, values = self._grouped(relation, [value for _, value in targets])
        relation, values = self._windowed(relation, values)
        relation, values = with_elements(relation, values, self._binder.names)
        return self._projected(relation, [name for name, _ in targets], values)

    # FROM and WHERE

    def _sources(self) -> Relation:
        relation, self._scope.sources = self._from.bind(self._node)
        for target in self._node.expressions:
            if isinstance(target, exp.Alias):
                self._scope.aliases.setdefault(target.alias.casefold(), target.this)
        return relation or self._binder.names.one_row()

    def _where(self, relation: Relation) -> Relation:
        clause = self._node.args.get("where")
        terms = [resolve_columns(term, self._scope) for term in conjuncts(clause.this if clause else None)]
        plain: list[exp.Expr] = []
        with_subqueries: list[exp.Expr] = []
        for term in terms:
            (with_subqueries if holds(term, exp.Query, exp.Any, exp.All) else plain).append(term)
        if plain:  # first, so that subqueries are evaluated for fewer rows
            relation = Filter(relation, tuple(plain))
        predicates: list[exp.Expr] = []
        for term in with_subqueries:
            joined = self._subqueries.as_join(relation, term, self._scope)
            if joined is not None:
                relation = joined
                continue
            relation, value = self._subqueries.scalars(relation, term, self._scope)
            predicates.append(value)
        return Filter(relation, tuple(predicates)) if predicates else relation

    # SELECT list

    def _targets(self) -> list[tuple[str, exp.Expr]]:
        """Names and resolved values of the SELECT list, stars expanded."""
        targets: list[tuple[str, exp.Expr]] = []
        for node in self._node.expressions or [exp.Star()]:
            if (several := star_targets(node, self._scope, self._binder.oracle)) is not None:
                targets += several
            elif isinstance(node, exp.Aliases):
                raise CannotSpread("several names for one term of a SELECT list")
            elif (fields := self._fields(node)) is not None:
                targets += fields
            else:
                targets.append((_target_name(node), self._selected(unwrapped(node.unalias()))))
        return targets

    def _fields(self, node: exp.Expr) -> list[tuple[str, exp.Expr]] | None:
        """A column for each field of a struct that is unnested; None for all other terms."""
        bare_node = node.unalias()
        if not isinstance(bare_node, exp.Explode) or bare_node.expressions:
            return None
        value = resolve_columns(bare_node.this, self._scope)
        if value.find(exp.Query) or has_aggregate(value) or not self._binder.names.knows(value):
            return None
        (type_,) = self._binder.names.types([value])
        return struct_fields(value, type_, self._binder.oracle)

    def _selected(self, node: exp.Expr) -> exp.Expr:
        """A resolved term of the list; an outer column in parentheses, so that it becomes a column of its own."""
        value = resolve_columns(node, self._scope)
        own = {n.column.name for source in self._scope.sources for n in source.columns}
        return exp.Paren(this=value) if isinstance(value, exp.Column) and value.name not in own else value

    # GROUP BY and HAVING

    def _grouped(self, relation: Relation, values: list[exp.Expr]) -> tuple[Relation, list[exp.Expr]]:
        keys = self._group_keys(values)
        conditions = [resolve_columns(term, self._scope) for term in self._having(keys)]
        if keys is None and not any(has_aggregate(v) for v in (*values, *conditions, *self._order_values())):
            if conditions:
                raise CannotSpread("HAVING without aggregates")
            relation, everything = self._scalars(relation, [*values, *self._order_values()], self._scope)
            self._order = everything[len(values) :]
            return relation, everything[: len(values)]
        group = keys or GroupBy(())
        self._grouping = Grouping(self._binder.names, self._subqueries, self._scope, relation, group)
        values = [self._grouping.rewritten(value) for value in values]
        conditions = [self._grouping.rewritten(condition) for condition in conditions]
        self._order = [self._grouping.rewritten(value) for value in self._order_values()]
        everything = [*values, *conditions, *self._order]
        relation, everything = self._scalars(self._grouping.relation(), everything, self._grouping.scope)
        values, rest = everything[: len(values)], everything[len(values) :]
        conditions, self._order = rest[: len(conditions)], rest[len(conditions) :]
        return (Filter(relation, tuple(conditions)) if conditions else relation), values

    def _having(self, group: GroupBy | None) -> list[exp.Expr]:
        """The terms of HAVING, aliases written out: a name outside of aggregates that is no key stands for an alias."""
        having = self._node.args.get("having")
        keys = {key.name for key in (group.keys if group else ()) if isinstance(key, exp.Column)}

        def written_out(node: exp.Expr) -> exp.Expr | None:
            if isinstance(node, exp.Query) or is_aggregate(node):
                return copied(node)
            if not isinstance(node, exp.Column) or len(node.parts) > 1:
                return None
            alias, own = self._scope.aliases.get(node.name.casefold()), self._scope.own([node.name])
            return exp.Paren(this=copied(alias)) if alias and own and own[0].name not in keys else None

        return [replaced(term, written_out) for term in conjuncts(having.this if having else None)]

    def _scalars(self, relation: Relation, values: list[exp.Expr], scope: Scope) -> tuple[Relation, list[exp.Expr]]:
        done = []
        for value in values:
            relation, new = self._subqueries.scalars(relation, value, scope)
            done.append(new)
        return relation, done

    def _group_keys(self, values: list[exp.Expr]) -> GroupBy | None:
        group = self._node.args.get("group")
        if group is None:
            return None
        if any(group.args.get(k) for k in ("grouping_sets", "cube", "rollup", "totals")):
            raise CannotSpread("GROUPING SETS, ROLLUP or CUBE in another dialect's form")
        if group.args.get("all"):
            return self._all_keys(values)
        return parse_group(group, lambda node: self._group_key(node, values))

    def _all_keys(self, values: list[exp.Expr]) -> GroupBy | None:
        """GROUP BY ALL: by the terms that read a column and no aggregate; None where constants are all there is."""
        keys = [unwrapped(v) for v in values if not has_aggregate(v) and v.find(exp.Column, exp.Query)]
        own = [n for v in keys for n in v.walk(prune=_is_query) if isinstance(n, exp.Column)]
        if keys and not own:
            raise CannotSpread("GROUP BY ALL of nothing but subqueries")
        return GroupBy(tuple(dict.fromkeys(keys))) if keys else None

    def _group_key(self, node: exp.Expr, values: list[exp.Expr]) -> exp.Expr:
        if isinstance(node, exp.Literal) and not node.is_string:
            return values[int(node.name) - 1]
        return resolve_columns(node, self._scope)

    # windows and QUALIFY

    def _windowed(self, relation: Relation, values: list[exp.Expr]) -> tuple[Relation, list[exp.Expr]]:
        qualify = self._node.args.get("qualify")
        conditions = [resolve_columns(t, self._scope) for t in conjuncts(qualify.this if qualify else None)]
        if self._grouping:
            conditions = [self._grouping.rewritten(condition) for condition in conditions]
        found: dict[exp.Expr, exp.Column] = {}
        for value in (*values, *conditions, *self._order):
            for window in value.find_all(exp.Window):
                if window not in found:
                    relation, found[window] = self._window(relation, window)
        if found:
            values = [replaced(value, found.get) for value in values]
            conditions = [replaced(condition, found.get) for condition in conditions]
            self._order = [replaced(value, found.get) for value in self._order]
        return (Filter(relation, tuple(conditions)) if conditions else relation), values

    def _window(self, relation: Relation, window: exp.Window) -> tuple[Relation, exp.Column]:
        if window.args.get("alias") or any(inner is not window for inner in window.find_all(exp.Window)):
            raise CannotSpread("a named or nested window")
        partition = tuple(dict.fromkeys(unwrapped(p) for p in window.args.get("partition_by") or ()))
        item = self._binder.names.item(window.this.key, window)
        beside = isinstance(relation, Window) and relation.partition == partition
        if isinstance(relation, Window) and beside and not columns_in(window) & {i.column.name for i in relation.items}:
            return Window(relation.input, partition, (*relation.items, item)), column(item.column.name)
        return Window(relation, partition, (item,)), column(item.column.name)

    # SELECT, DISTINCT, ORDER BY, LIMIT

    def _projected(self, relation: Relation, names: list[str], values: list[exp.Expr]) -> Bound:
        if any(is_collated(value) for value in values):
            if self._node.args.get("distinct") or self._node.args.get("order"):
                raise CannotSpread("DISTINCT or ORDER BY of a column with a collation")
            values = [bare(value) for value in values]
        items = self._binder.names.items(list(zip(names, values, strict=True)))
        shown = tuple(Named(name, item.column) for name, item in zip(names, items, strict=True))
        unique = tuple(dict.fromkeys(items))
        distinct = self._node.args.get("distinct")
        if distinct is not None:
            if on := distinct.args.get("on"):
                return self._distinct_on(relation, unwrapped(on), unique, shown, values)
            relation = Aggregate(relation, unique, ())
        relation = self._sorted(relation, unique, shown, values, is_distinct=distinct is not None)
        return Bound(self._binder.limited(self._node, relation), shown)

    def _distinct_on(
        self,
        relation: Relation,
        on: exp.Expr,
        items: tuple[Item, ...],
        shown: tuple[Named, ...],
        values: list[exp.Expr],
    ) -> Bound:
        """The first row, by the ORDER BY, of each group: rows are numbered within it."""
        names = self._binder.names
        keys = names.items([("key", key) for key in self._distinct_keys(on, shown)])
        extra = tuple(key for key in keys if key not in items)
        relation = self._sorted(relation, (*items, *extra), shown, values, is_distinct=False)
        if relation == _project(relation, items) and not isinstance(relation, Sort):
            relation = _project(relation, (*items, *extra))
        terms = relation.terms if isinstance(relation, Sort) else ()
        below = relation.input if isinstance(relation, Sort) else relation
        order = [exp.Ordered(this=copied(t.value), desc=t.desc, nulls_first=t.nulls_first) for t in terms]
        partition = tuple(column(key.column.name) for key in keys)
        numbered = exp.Window(
            this=exp.RowNumber(),
            partition_by=[copied(p) for p in partition],
            order=exp.Order(expressions=order) if order else None,
        )
        number = Item(names.column("row_number", "BIGINT"), numbered)
        first = exp.EQ(this=column(number.column.name), expression=exp.Literal.number(1))
        chosen: Relation = Filter(Window(below, partition, (number,)), (first,))
        return Bound(self._binder.limited(self._node, Sort(chosen, terms) if terms else chosen), shown)

    def _distinct_keys(self, on: exp.Expr, shown: tuple[Named, ...]) -> list[exp.Expr]:
        return list(dict.fromkeys(self._distinct_key(node, shown) for node in on.expressions or [on]))

    def _distinct_key(self, node: exp.Expr, shown: tuple[Named, ...]) -> exp.Expr:
        if (position := _ordinal(node)) is not None:
            return column(shown[position - 1].column.name)
        value = resolve_columns(node, self._scope)
        return self._grouping.rewritten(value) if self._grouping else value

    def _sorted(
        self,
        relation: Relation,
        items: tuple[Item, ...],
        shown: tuple[Named, ...],
        values: list[exp.Expr],
        *,
        is_distinct: bool,
    ) -> Relation:
        order = self._node.args.get("order")
        if order is None:
            return relation if is_distinct else _project(relation, items)
        terms = self._order_terms(order, shown)
        by_value = {item.value: column(item.column.name) for item in items}
        terms = [(by_value.get(value, value), node) for value, node in terms]
        given = {item.column.name for item in items}
        extra = [value for value, _ in terms if not {c.name for c in value.find_all(exp.Column)} <= given]
        if extra and is_distinct:
            raise CannotSpread("ORDER BY of DISTINCT rows by something else")
        if any(holds(value, exp.Explode, exp.Unnest) for value in extra):
            raise CannotSpread("ORDER BY unnested elements that are not selected")
        hidden = self._binder.names.items([("sort", value) for value in extra])
        lookup = {item.value: column(item.column.name) for item in hidden}
        if not is_distinct:
            relation = _project(relation, tuple(dict.fromkeys((*items, *hidden))))
        return Sort(
            relation,
            tuple(
                OrderTerm(lookup.get(value, value), bool(node.args.get("desc")), bool(node.args.get("nulls_first")))
                for value, node in terms
            ),
        )

    def _order_terms(self, order: exp.Order, shown: tuple[Named, ...]) -> list[tuple[exp.Expr, exp.Expr]]:
        """Each term's value over the projection or its input, beside its node. Aliases win over columns."""
        terms: list[tuple[exp.Expr, exp.Expr]] = []
        resolved = iter(self._order)
        for node in order.expressions:
            if isinstance(node.this, exp.Var) and node.this.name.upper() == "ALL":
                terms += [(column(named.column.name), node) for named in shown]
            elif (position := _ordinal(node.this)) is not None:
                terms.append((column(shown[position - 1].column.name), node))
            elif (named := _shown(node.this, shown)) is not None:
                terms.append((column(named.column.name), node))
            else:
                terms.append((next(resolved), node))
        return terms

    def _order_values(self) -> list[exp.Expr]:
        """The terms of ORDER BY that are neither ordinals nor names of the SELECT list, resolved."""
        order = self._node.args.get("order")
        if order is None:
            return []
        names = {_target_name(target).casefold() for target in self._node.expressions}
        values = []
        for node in order.expressions:
            value = node.this
            plain = isinstance(value, exp.Column) and not value.table and value.name.casefold() in names
            if not plain and _ordinal(value) is None and not isinstance(value, exp.Var):
                values.append(resolve_columns(value, self._scope))
        return values


def _is_query(node: exp.Expr) -> bool:
    return isinstance(node, exp.Query)


def with_windows_in_place(node: exp.Select) -> exp.Select:
    """The block with each OVER name replaced by what its WINDOW clause says of the name."""
    clause = node.args.get("windows")
    if not clause:
        return node
    named = {window.this.name.casefold(): window for window in clause}
    new = copied(node)
    new.set("windows", None)
    for window in list(new.find_all(exp.Window)):
        alias = window.args.get("alias")
        if alias is None or window.find_ancestor(exp.Select) is not new:
            continue
        definition = _defined(alias, named)
        window.set("alias", None)
        for part in ("partition_by", "order", "spec"):
            if not window.args.get(part) and (given := definition.get(part)):
                window.set(part, [copied(g) for g in given] if isinstance(given, list) else copied(given))
    return new


def _defined(alias: object, named: Mapping[str, exp.Expr]) -> dict[str, Any]:
    """What a WINDOW clause says of a name, with what the window says that it is built on."""
    definition = named.get(alias.name.casefold()) if isinstance(alias, exp.Identifier) else None
    if definition is None:
        raise CannotSpread("a window that is not in the WINDOW clause")
    own = {part: value for part, value in definition.args.items() if value}
    base = definition.args.get("alias")
    return _defined(base, named) | own if base is not None else own


def _project(relation: Relation, items: tuple[Item, ...]) -> Relation:
    if all(item.passes for item in items) and [i.column for i in items] == list(relation.columns):
        return relation
    return Project(relation, items)


def _target_name(node: exp.Expr) -> str:
    """The name under which DuckDB shows a term of the SELECT list (an expression without alias: its text)."""
    node = unwrapped(node)
    return node.alias_or_name if isinstance(node, exp.Alias | exp.Column) else node.sql(dialect="duckdb")


def _ordinal(value: exp.Expr) -> int | None:
    return int(value.name) if isinstance(value, exp.Literal) and not value.is_string else None


def _shown(value: exp.Expr, shown: tuple[Named, ...]) -> Named | None:
    if not isinstance(value, exp.Column) or value.table:
        return None
    return next((named for named in shown if named.name.casefold() == value.name.casefold()), None)
