"""Binding of FROM: tables, derived tables, CTEs and joins become one relation and the sources of a scope."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill.plan.schema import Column
from gristmill_sql.algebra import Item, Join, JoinKind, Opaque, Project, Relation, Unnest, column, names_of
from gristmill_sql.copies import copied
from gristmill_sql.decorrelate import Lifted, free_columns, lift
from gristmill_sql.domain import lift_by_domain
from gristmill_sql.expressions import columns_in, conjuncts, holds
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.pivots import bind_pivot
from gristmill_sql.resolve import resolve_columns
from gristmill_sql.samples import sampled
from gristmill_sql.scope import Bound, Named, Scope, Source
from gristmill_sql.subqueries import SubqueryBinder
from gristmill_sql.tables import table_name
from gristmill_sql.unnest import unnest_items

if TYPE_CHECKING:
    from gristmill_sql.binder import Binder, Environment

_KINDS = {"": JoinKind.INNER, "LEFT": JoinKind.LEFT, "RIGHT": JoinKind.RIGHT, "FULL": JoinKind.FULL}


_ASOF = {"": JoinKind.ASOF, "LEFT": JoinKind.ASOF_LEFT}


class FromBinder:
    """Binds the FROM clause of one block, left to right; ``scope`` gains a source for each item."""

    def __init__(self, binder: Binder, environment: Environment, outer: Scope | None) -> None:
        self._binder = binder
        self._environment = environment
        self._outer = outer

    def bind(self, node: exp.Select) -> tuple[Relation | None, list[Source]]:
        """The relation of all items joined, None without FROM."""
        clause = node.args.get("from_")
        if node.args.get("laterals"):
            raise CannotSpread("LATERAL in another dialect's form")
        if clause is None:
            return None, []
        relation, sources = self._joined(clause.this, node.args.get("joins") or [])
        if sample := node.args.get("sample"):
            relation = sampled(relation, sample, self._binder.oracle)
        return relation, sources

    def _joined(self, first: exp.Expr, joins: list[exp.Join]) -> tuple[Relation, list[Source]]:
        relation, sources = self._item(first, [])
        for join in joins:
            relation, sources = self._join(relation, sources, join)
        return relation, sources

    def _item(self, node: exp.Expr, before: list[Source]) -> tuple[Relation, list[Source]]:
        """One item of FROM; a derived table may use the columns of those ``before`` it."""
        unsupported = [k for k in ("laterals", "when", "version") if node.args.get(k)]
        if unsupported or node.args.get("ordinality") or node.args.get("offset"):
            raise CannotSpread(f"{(*unsupported, 'ORDINALITY')[0].upper()} in FROM")
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery) and not node.alias:
            return self._joined(node.this, node.this.args.get("joins") or [])
        bound = self._bound(node, before)
        alias = node.args.get("alias")
        if sample := node.args.get("sample"):
            bound = replace(bound, relation=sampled(bound.relation, sample, self._binder.oracle))
        for pivot in node.args.get("pivots") or ():
            bound = bind_pivot(self._binder, pivot, bound, node.alias_or_name)
            alias = pivot.args.get("alias") or alias
        columns = [c.name for c in (alias.args.get("columns") or ())] if alias else []
        shown = tuple(replace(n, name=columns[i]) if i < len(columns) else n for i, n in enumerate(bound.shown))
        name = alias.name if isinstance(alias, exp.TableAlias) else node.alias_or_name
        sources = [Source(name, shown)]
        return self._with_inner_joins(node, bound.relation, sources)

    def _with_inner_joins(
        self, node: exp.Expr, relation: Relation, sources: list[Source]
    ) -> tuple[Relation, list[Source]]:
        if isinstance(node, exp.Table | exp.Subquery) and isinstance(node.parent, exp.Subquery):
            return relation, sources
        for join in node.args.get("joins") or []:
            relation, sources = self._join(relation, sources, join)
        return relation, sources

    def _bound(self, node: exp.Expr, before: list[Source]) -> Bound:
        binder = self._binder
        if isinstance(node, exp.Table) and (name := table_name(node).casefold()):
            if name in self._environment:
                return binder.common_table(self._environment[name])
            if name in binder.tables:
                return binder.table(binder.tables[name])
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            node = node.this
        if isinstance(node, exp.Subquery):
            scope = Scope(self._outer, before) if before else self._outer
            return binder.query(_all_of(node.this), self._environment, scope)
        if isinstance(node, exp.Values | exp.Unnest) or (isinstance(node, exp.Table) and _is_series(node.this)):
            return binder.constant_rows(node)
        raise CannotSpread(f"{type(node.this).__name__ if isinstance(node, exp.Table) else node.key.upper()} in FROM")

    def _join(self, left: Relation, sources: list[Source], node: exp.Join) -> tuple[Relation, list[Source]]:
        kind = JoinKind.INNER if node.method == "POSITIONAL" else self._kind(node)
        if isinstance(node.this, exp.Table):
            node = _with_series_as_list(node, node.this)
        if isinstance(node.this, exp.Unnest) and node.this.find(exp.Column):
            return self._unnested(kind, left, sources, node)
        right, added = self._item(node.this, sources)
        if node.method == "POSITIONAL":
            return positional(left, right), [*sources, *added]
        using = [identifier.name for identifier in node.args.get("using") or ()]
        if node.method == "NATURAL":
            using = _common_names(sources, added)
        dependent = free_columns(right) & names_of(left)
        if dependent and (using or kind not in (JoinKind.INNER, JoinKind.LEFT)):
            raise CannotSpread("LATERAL under this kind of join")
        if using:
            return self._join_using(kind, left, sources, right, added, using)
        on = self._condition(node.args.get("on"), [*sources, *added])
        if any(holds(term, exp.Query) for term in on):
            if dependent:
                raise CannotSpread("LATERAL with a subquery in the condition of its join")
            left, right, on = self._without_subqueries(left, right, on, Scope(self._outer, [*sources, *added]))
        if dependent:
            left, lifted = self._lifted(left, right)
            right, on = lifted.relation, (*lifted.predicates, *on)
        relation = Join(kind, left, right, on)
        return relation, sources if kind in (JoinKind.SEMI, JoinKind.ANTI) else [*sources, *added]

    def _lifted(self, left: Relation, right: Relation) -> tuple[Relation, Lifted]:
        """A derived table that uses columns of what stands before it, without them."""
        try:
            return left, lift(right, free_columns(right), self._binder.names)
        except CannotSpread:
            return lift_by_domain(self._binder, left, right)

    def _unnested(
        self, kind: JoinKind, left: Relation, sources: list[Source], node: exp.Join
    ) -> tuple[Relation, list[Source]]:
        """``FROM t, unnest(t.list)``: a row of t for each element."""
        unnest = node.this
        alias = unnest.args.get("alias")
        if kind is not JoinKind.INNER or node.args.get("on") or node.args.get("using") or unnest.args.get("offset"):
            raise CannotSpread("UNNEST under this kind of join")
        scope = Scope(self._outer, list(sources))
        names = [c.name for c in (alias.args.get("columns") or ())] if alias else []
        values = [resolve_columns(value, scope) for value in unnest.expressions]
        items = unnest_items([(name, value) for name, value in zip_longest(names, values)], self._binder.names)
        shown = tuple(Named(n or "unnest", i.column) for n, i in zip_longest(names, items))
        return Unnest(left, items), [*sources, Source(unnest.alias_or_name or "unnest", shown)]

    def _kind(self, node: exp.Join) -> JoinKind:
        if node.method == "ASOF" and node.side in _ASOF and node.kind in ("", "INNER", "OUTER"):
            return _ASOF[node.side]
        if node.method not in ("", "NATURAL"):
            raise CannotSpread(f"{node.method} JOIN")
        if node.kind in ("SEMI", "ANTI"):
            return JoinKind(node.kind.lower())
        if node.kind not in ("", "INNER", "OUTER", "CROSS") or node.side not in _KINDS:
            raise CannotSpread(f"{node.side} {node.kind} JOIN")
        return _KINDS[node.side]

    def _condition(self, on: exp.Expr | None, sources: list[Source]) -> tuple[exp.Expr, ...]:
        scope = Scope(self._outer, list(sources))
        terms = tuple(resolve_columns(term, scope) for term in conjuncts(on))
        return tuple(t for t in terms if not (isinstance(t, exp.Boolean) and t.this))

    def _without_subqueries(
        self, left: Relation, right: Relation, on: tuple[exp.Expr, ...], scope: Scope
    ) -> tuple[Relation, Relation, tuple[exp.Expr, ...]]:
        """A join's condition over columns alone: its subqueries are columns of the side whose columns they use."""
        subqueries = SubqueryBinder(self._binder, self._environment)
        plain = []
        for term in on:
            read = self._read_by_subqueries(term, scope) & (names_of(left) | names_of(right))
            if read <= names_of(left):
                left, value = subqueries.scalars(left, term, scope)
            elif read <= names_of(right):
                right, value = subqueries.scalars(right, term, scope)
            else:
                raise CannotSpread("a subquery over both sides of the join whose condition it is in")
            plain.append(value)
        return left, right, tuple(plain)

    def _read_by_subqueries(self, term: exp.Expr, scope: Scope) -> frozenset[str]:
        """The columns that the subqueries of a condition use, and those that IN, ANY and ALL compare with them."""
        read: set[str] = set()
        for query in term.find_all(exp.Query):
            if query.find_ancestor(exp.Query) is None:
                read |= free_columns(self._binder.query(copied(query), self._environment, scope).relation)
        for node in term.find_all(exp.In, exp.Binary):
            if node.args.get("query") or isinstance(node.args.get("expression"), exp.Any | exp.All):
                read |= columns_in(node.this)
        return frozenset(read)

    def _join_using(
        self,
        kind: JoinKind,
        left: Relation,
        sources: list[Source],
        right: Relation,
        added: list[Source],
        using: list[str],
    ) -> tuple[Relation, list[Source]]:
        pairs = [(name, _found(sources, name), _found(added, name)) for name in using]
        on: list[exp.Expr] = [exp.EQ(this=column(a.name), expression=column(b.name)) for _, a, b in pairs]
        if kind in _ASOF.values():
            on[-1] = exp.GTE(**on[-1].args)
        relation: Relation = Join(kind, left, right, tuple(on))
        if kind in (JoinKind.SEMI, JoinKind.ANTI):
            return relation, sources
        if kind in (JoinKind.INNER, JoinKind.LEFT, *_ASOF.values()):
            return relation, [*sources, *(_merged(source, using) for source in added)]
        merged = self._binder.names.items(
            [(name, exp.Coalesce(this=column(a.name), expressions=[column(b.name)])) for name, a, b in pairs]
        )
        kept = tuple(Item(c, column(c.name)) for c in relation.columns)
        relation = Project(relation, (*kept, *merged))
        shown = tuple(Named(name, item.column) for name, item in zip(using, merged, strict=True))
        hidden = [_merged(source, using) for source in (*sources, *added)]
        return relation, [Source("", shown), *hidden]


def positional(left: Relation, right: Relation) -> Opaque:
    """A positional join, which one task runs: a row's number is known where all rows are."""
    sql = "SELECT * FROM left_rows POSITIONAL JOIN right_rows"
    columns = (*left.columns, *right.columns)
    return Opaque((left, right), ("left_rows", "right_rows"), sql, columns, "a positional join", passes=True)


def _all_of(inner: exp.Query | exp.Table) -> exp.Query:
    """The query that has an alias: that in the parentheses, or all columns of a join in them."""
    if isinstance(inner, exp.Table) or (isinstance(inner, exp.Subquery) and inner.args.get("joins")):
        return exp.select("*").from_(exp.Subquery(this=copied(inner)))
    return inner


def _with_series_as_list(join: exp.Join, table: exp.Table) -> exp.Join:
    """``FROM t, range(t.n) r(i)`` as ``FROM t, unnest(range(t.n)) r(i)``; all other joins as they are."""
    call = table.this
    if (
        not _is_series(call)
        or not call.find(exp.Column)
        or any(table.args.get(k) for k in ("sample", "pivots", "joins"))
    ):
        return join
    name = "range" if call.args.get("is_end_exclusive") or call.name.lower() == "range" else "generate_series"
    given = table.args.get("alias")
    columns = (given.args.get("columns") if given else None) or [exp.to_identifier(name)]
    alias = exp.TableAlias(this=exp.to_identifier(table.alias or name), columns=[copied(c) for c in columns])
    new = copied(join)
    new.set("this", exp.Unnest(expressions=[copied(call)], alias=alias))
    return new


def _is_series(node: exp.Expr) -> bool:
    return isinstance(node, exp.GenerateSeries) or (
        isinstance(node, exp.Anonymous) and node.name.lower() in ("range", "generate_series")
    )


def _common_names(left: list[Source], right: list[Source]) -> list[str]:
    names = {n.name.casefold() for source in right for n in source.columns}
    return [n.name for source in left for n in source.columns if n.name.casefold() in names]


def _found(sources: list[Source], name: str) -> Column:
    found = next((c for source in sources if (c := source.find(name))), None)
    if found is None:
        raise CannotSpread(f"USING ({name})")
    return found


def _merged(source: Source, using: list[str]) -> Source:
    return replace(source, merged=source.merged | {name.casefold() for name in using})
