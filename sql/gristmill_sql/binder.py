"""Binding of whole queries: WITH, set operations, ORDER BY and LIMIT around them; blocks are bound by ``block``.

One binder serves one compilation. It raises CannotSpread for what the algebra has no operator for; the nearest
enclosing block without outer columns then becomes Opaque.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Limit,
    Opaque,
    OrderTerm,
    Project,
    Relation,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Unnest,
    Values,
    column,
)
from gristmill_sql.catalog import Table
from gristmill_sql.collation import is_named_by
from gristmill_sql.copies import all_in, copied, replaced, text_of
from gristmill_sql.decorrelate import expressions_of, free_columns
from gristmill_sql.expressions import is_volatile
from gristmill_sql.literals import data_type, typed_text
from gristmill_sql.names import Names
from gristmill_sql.opaque import CannotSpread, names_itself, opaque_block
from gristmill_sql.oracle import Oracle, Unbindable, empty_relation
from gristmill_sql.pivots import bind_pivot
from gristmill_sql.scope import Bound, Named, Scope, Source
from gristmill_sql.tables import table_name

_SERIES_ROWS = 1_000
"""So many rows are assumed of a table function."""
_NULL_OF_NO_ROWS = (exp.Sum, exp.Avg, exp.Min, exp.Max)
"""Aggregates whose value nobody needs to ask for."""


@dataclass(slots=True)
class Definition:
    """A common table expression: its text, what it may name, and its relation once it was bound for sharing."""

    name: str
    body: exp.Query
    aliases: tuple[str, ...]
    environment: Environment
    outer: Scope | None
    uses: int
    bound: Bound | None = None
    recursive: exp.CTE | None = None


Environment = Mapping[str, Definition]


class Binder:
    """Turns queries into relations."""

    def __init__(self, tables: dict[str, Table], oracle: Oracle) -> None:
        self.tables = tables
        self.oracle = oracle
        self.names = Names(oracle)
        self.shared: dict[str, Relation] = {}

    def whole(self, node: exp.Query) -> Bound:
        """The query that the user wrote."""
        if is_named_by(node):
            refusal = CannotSpread("a derived table's column with a collation")
            return self._opaque(node, {}, refusal, is_subquery=False, in_parts=False)
        return self.query(node, {})

    def query(self, node: exp.Query, environment: Environment, outer: Scope | None = None) -> Bound:
        """Any query; what cannot be spread becomes Opaque, unless it uses columns of ``outer``."""
        try:
            return self._query(node, self._with(node, environment, outer), outer)
        except (CannotSpread, Unbindable) as refusal:
            return self._opaque(node, environment, refusal, is_subquery=outer is not None)

    def _query(self, node: exp.Query, environment: Environment, outer: Scope | None) -> Bound:
        from gristmill_sql.block import Block

        match node:
            case exp.Select():
                return Block(self, node, environment, outer).bind()
            case exp.SetOperation():
                return self._ordered(node, self._set_operation(node, environment, outer))
            case exp.Subquery():
                return self._ordered(node, self.query(node.this, environment, outer))
            case exp.Values():
                return self.values(node)
            case exp.Pivot():
                return self._pivoted(node, environment)
        raise CannotSpread(f"{node.key.upper()} as a query")

    def _pivoted(self, node: exp.Pivot, environment: Environment) -> Bound:
        """PIVOT or UNPIVOT as a statement: the rows of ``SELECT *`` from what it names."""
        rows = exp.select("*").from_(copied(node.this))
        return bind_pivot(self, node, self.query(rows, environment), node.this.alias_or_name)

    # common table expressions

    def _with(self, node: exp.Query, environment: Environment, outer: Scope | None = None) -> Environment:
        clause = node.args.get("with_")
        if clause is None:
            return environment
        known = dict(environment)
        for cte in clause.expressions:
            if clause.recursive and names_itself(cte):
                known[cte.alias.casefold()] = Definition(cte.alias, cte.this, (), dict(known), outer, 2, recursive=cte)
                continue
            aliases = tuple(c.name for c in cte.args["alias"].args.get("columns") or ())
            uses = sum(table_name(t).casefold() == cte.alias.casefold() for t in all_in(node, exp.Table))
            uses = 1 if cte.args.get("materialized") is False else uses
            known[cte.alias.casefold()] = Definition(cte.alias, cte.this, aliases, dict(known), outer, uses)
        return known

    def common_table(self, definition: Definition) -> Bound:
        """A reference to a CTE: bound in place if it is used once or cheap, else computed once and shared."""
        if definition.recursive is not None:
            definition.bound = definition.bound or self._recursion(definition, definition.recursive)
            return self.share(definition.name, definition.bound)
        if definition.uses == 1 or (definition.bound and _is_cheap(definition.bound.relation)):
            return self._defined(definition)
        if definition.bound is None:
            definition.bound = self._defined(definition)
            if _is_cheap(definition.bound.relation):
                return definition.bound
        return self.share(definition.name, definition.bound)

    def _defined(self, definition: Definition) -> Bound:
        return _renamed(self.query(definition.body, definition.environment, definition.outer), definition.aliases)

    def _recursion(self, definition: Definition, cte: exp.CTE) -> Bound:
        """All rows of a recursive CTE, which one task computes from what it reads."""
        rows = exp.select("*").from_(exp.Table(this=exp.to_identifier(definition.name, quoted=True)))
        rows.set("with_", exp.With(expressions=[copied(cte)], recursive=True))
        refusal = CannotSpread("a recursive common table expression")
        return self._opaque(rows, definition.environment, refusal, is_subquery=False)

    def share(self, name: str, bound: Bound) -> Bound:
        """A reader of a relation that is computed once, under new column names."""
        key = next((k for k, relation in self.shared.items() if relation is bound.relation), None)
        if key is None:
            key = name if name not in self.shared else f"{name}_{len(self.shared)}"
            self.shared[key] = bound.relation
        unique = tuple(dict.fromkeys(bound.columns))
        fresh = {old: self.names.column(old.name, old.type) for old in unique}
        free = free_columns(bound.relation)
        reader = Shared(key, tuple(fresh.values()), tuple(c.name for c in unique), free)
        return Bound(reader, tuple(Named(n.name, fresh[n.column]) for n in bound.shown))

    def shared_as_it_is(self, name: str, relation: Relation) -> Shared:
        """A reader of a relation that is computed once, under its own column names."""
        reader = self.share(name, Bound(relation, tuple(Named(c.name, c) for c in relation.columns))).relation
        assert isinstance(reader, Shared)
        return replace(reader, columns=relation.columns)

    def value_of_no_rows(self, call: exp.Expr) -> exp.Expr:
        """The value of an aggregate call over no rows, as a typed literal."""
        (type_,) = self.names.types([call])
        if isinstance(call, _NULL_OF_NO_ROWS):
            return typed_text(None, type_)
        nothing = replaced(call, self._null)
        text = f"SELECT {text_of(nothing)} AS value WHERE false"
        return typed_text(self.oracle.constant(f"SELECT CAST(value AS VARCHAR) FROM ({text})"), type_)

    def _null(self, node: exp.Expr) -> exp.Expr | None:
        return typed_text(None, *self.names.types([node])) if isinstance(node, exp.Column) else None

    # tables and constants

    def table(self, table: Table) -> Bound:
        """All rows of a table, its columns under new names."""
        columns = tuple(self.names.column(c.name, c.type) for c in table.facts.schema)
        sources = tuple(c.name for c in table.facts.schema)
        shown = tuple(Named(s, c) for s, c in zip(sources, columns, strict=True))
        verbatim = all(c.name == s for c, s in zip(columns, sources, strict=True))
        return Bound(Scan(table, columns, sources, verbatim), shown)

    def values(self, node: exp.Values) -> Bound:
        """Constant rows: VALUES lists whose cells name no columns."""
        if node.find(exp.Column, exp.Table, exp.Subquery):
            raise CannotSpread("VALUES that are not constant")
        bare = copied(node)
        bare.set("alias", None)
        schema = self.oracle.describe(text_of(bare))
        columns = tuple(self.names.column(c.name, c.type) for c in schema)
        sql = f"SELECT * FROM ({text_of(bare)}) AS rows({', '.join(quote_name(c.name) for c in columns)})"
        relation = Values(sql, columns, len(node.expressions))
        return Bound(relation, tuple(Named(s.name, c) for s, c in zip(schema, columns, strict=True)))

    def constant_rows(self, node: exp.Expr) -> Bound:
        """What a constant item of FROM gives: VALUES, or a table function of constants."""
        if isinstance(node, exp.Values):
            return self.values(node)
        if node.find(exp.Column, exp.Query):
            raise CannotSpread(f"{node.key.upper()} of columns in FROM")
        text = f"SELECT * FROM {text_of(node)}"
        schema = self.oracle.describe(text)
        columns = tuple(self.names.column(c.name, c.type) for c in schema)
        sql = f"SELECT * FROM ({text}) AS rows({', '.join(quote_name(c.name) for c in columns)})"
        return Bound(
            Values(sql, columns, _SERIES_ROWS), tuple(Named(s.name, c) for s, c in zip(schema, columns, strict=True))
        )

    # set operations

    def _set_operation(self, node: exp.SetOperation, environment: Environment, outer: Scope | None) -> Bound:
        by_name = bool(node.args.get("by_name"))
        if node.args.get("on") or node.args.get("side") or (by_name and not isinstance(node, exp.Union)):
            raise CannotSpread("a set operation by some of its names")
        operands = [node.this, node.expression] if by_name else _operands(node)
        sides = [self.query(side, environment, outer) for side in operands]
        if isinstance(node, exp.Union):
            sides = by_names(sides, self.names) if by_name else sides
            return self._union(sides, distinct=bool(node.args.get("distinct")))
        is_all = not node.args.get("distinct")
        return self._difference(sides[0], sides[1], keep_common=isinstance(node, exp.Intersect), is_all=is_all)

    def _union(self, sides: list[Bound], *, distinct: bool) -> Bound:
        types = self._common_types(sides)
        columns = tuple(self.names.column(n.name, t) for n, t in zip(sides[0].shown, types, strict=True))
        united: Relation = UnionAll(tuple(self._cast(side, types) for side in sides), columns)
        if distinct:
            united = Aggregate(united, tuple(Item(c, column(c.name)) for c in columns), ())
        return Bound(united, tuple(Named(n.name, c) for n, c in zip(sides[0].shown, columns, strict=True)))

    def _difference(self, left: Bound, right: Bound, *, keep_common: bool, is_all: bool) -> Bound:
        """INTERSECT or EXCEPT: rows grouped with a mark of their side (as GROUP BY, NULLs are equal)."""
        marked = [
            Bound(Project(side.relation, (*_items(side), mark)), (*side.shown, Named("mark", mark.column)))
            for side, mark in ((left, self._mark("true")), (right, self._mark("false")))
        ]
        union = self._union(marked, distinct=False)
        *keys, mark = union.columns
        own, other = column(mark.name), exp.Not(this=column(mark.name))
        calls = self.names.items([("in_left", _times(own)), ("in_right", _times(other))])
        grouped = Aggregate(union.relation, tuple(Item(c, column(c.name)) for c in keys), calls)
        in_left, in_right = (column(c.column.name) for c in calls)
        if is_all:
            times = exp.func("least", in_left, in_right) if keep_common else exp.Sub(this=in_left, expression=in_right)
            return Bound(self._repeated(grouped, tuple(keys), times), union.shown[:-1])
        zero = exp.Literal.number(0)
        there = exp.GT(this=in_right, expression=zero) if keep_common else exp.EQ(this=in_right, expression=zero)
        kept = Filter(grouped, (exp.GT(this=in_left, expression=copied(zero)), there))
        return Bound(kept, union.shown[:-1])

    def _repeated(self, relation: Relation, columns: Schema, times: exp.Expr) -> Relation:
        """Each row so many times."""
        numbers = exp.Unnest(expressions=[exp.func("range", exp.Cast(this=times, to=data_type("BIGINT")))])
        number = Item(self.names.column("time", "BIGINT"), numbers)
        return Project(Unnest(relation, (number,)), tuple(Item(c, column(c.name)) for c in columns))

    def _mark(self, value: str) -> Item:
        return Item(self.names.column("mark", "BOOLEAN"), exp.Boolean(this=value == "true"))

    def _common_types(self, sides: list[Bound]) -> tuple[str, ...]:
        if len({tuple(c.type for c in side.columns) for side in sides}) == 1:
            return tuple(c.type for c in sides[0].columns)
        branches = []
        for side in sides:
            cells = tuple(Column(f"c{i}", c.type) for i, c in enumerate(side.columns))
            branches.append(f"SELECT * FROM {empty_relation(cells)}")
        return tuple(c.type for c in self.oracle.describe(" UNION ALL ".join(branches)))

    def _cast(self, side: Bound, types: tuple[str, ...]) -> Relation:
        """The side with exactly its shown columns, in order, of those types, each under a name of its own."""
        items = []
        for shown, type_ in zip(side.columns, types, strict=True):
            value: exp.Expr = column(shown.name)
            if shown.type != type_:
                value = exp.Cast(this=value, to=data_type(type_))
            items.append(Item(self.names.column(shown.name, type_), value))
        return Project(side.relation, tuple(items))

    # ORDER BY and LIMIT over output columns

    def _ordered(self, node: exp.Query, bound: Bound) -> Bound:
        scope = Scope(sources=[Source("", bound.shown)])
        relation = bound.relation
        if order := node.args.get("order"):
            terms = tuple(each for term in order.expressions for each in self._output_terms(term, bound, scope))
            relation = Sort(relation, terms)
        return Bound(self.limited(node, relation), bound.shown)

    def _output_terms(self, term: exp.Expr, bound: Bound, scope: Scope) -> list[OrderTerm]:
        value = term.this
        desc, nulls_first = bool(term.args.get("desc")), bool(term.args.get("nulls_first"))
        if isinstance(value, exp.Var) and value.name.upper() == "ALL":
            return [OrderTerm(column(c.name), desc, nulls_first) for c in bound.columns]
        if isinstance(value, exp.Literal) and not value.is_string:
            value = column(bound.columns[int(value.name) - 1].name)
        else:
            value = replaced(value, lambda node: _output_column(node, scope))
        return [OrderTerm(value, desc, nulls_first)]

    def limited(self, node: exp.Query, relation: Relation) -> Relation:
        """The relation under the query's LIMIT and OFFSET."""
        count, offset = (self._row_count(node.args.get(clause)) for clause in ("limit", "offset"))
        return relation if count is None and not offset else Limit(relation, count, offset or 0)

    def _row_count(self, clause: exp.Expr | None) -> int | None:
        if clause is None:
            return None
        value = clause.args.get("count") if isinstance(clause, exp.Fetch) else clause.expression
        options = clause.args.get("limit_options")
        is_count = options is None or not (options.args.get("percent") or options.args.get("with_ties"))
        if value is None or value.find(exp.Column, exp.Query) or not is_count:
            raise CannotSpread("a LIMIT that is not a constant number of rows")
        if isinstance(value, exp.Literal) and value.is_int and int(value.name) < 1 << 63:
            return int(value.name)
        text, _ = self.oracle.evaluate(exp.Cast(this=copied(value), to=data_type("BIGINT")))
        return int(text) if text is not None else None

    # the way out

    def _opaque(
        self,
        node: exp.Query,
        environment: Environment,
        refusal: Exception,
        *,
        is_subquery: bool,
        in_parts: bool = True,
    ) -> Bound:
        whole = _with_definitions(node, environment)
        try:
            schema = self.oracle.describe(text_of(whole))
        except InvalidQuery:
            if is_subquery:  # it uses outer columns, so that only the block around it stands alone
                raise CannotSpread(str(refusal)) from None
            raise
        reason = str(refusal).split("\n", maxsplit=1)[0]
        columns = tuple(self.names.column(c.name, c.type) for c in schema)
        known = self._with(whole, {})
        bind = (lambda query: self._closed(query, known)) if in_parts else (lambda query: None)
        relation = opaque_block(whole, self.tables, columns, self.names, reason, bind)
        return Bound(relation, tuple(Named(s.name, c) for s, c in zip(schema, columns, strict=True)))

    def _closed(self, node: exp.Query, environment: Environment) -> Bound | None:
        """A query that stands alone, if more than one task can run it."""
        try:
            bound = self.query(copied(node), environment)
        except (CannotSpread, Unbindable, InvalidQuery):
            return None
        relation = bound.relation
        while isinstance(relation, Project | Filter | Sort):
            relation = relation.input
        return None if isinstance(relation, Opaque) else bound


def _operands(node: exp.SetOperation) -> list[exp.Query]:
    """The two sides; for a chain of the same UNION, all of them (left-deep trees may be thousands long)."""
    right: list[exp.Query] = []
    kind = (type(node), node.args.get("distinct"))
    current: exp.Expr = node
    while (
        isinstance(current, exp.Union)
        and (type(current), current.args.get("distinct")) == kind
        and (current is node or not any(current.args.get(k) for k in ("order", "limit", "offset", "with_", "by_name")))
    ):
        right.append(current.expression)
        current = current.this
    if not right:
        return [node.this, node.expression]
    return [current, *reversed(right)]  # type: ignore[list-item]


def by_names(sides: list[Bound], names: Names) -> list[Bound]:
    """The sides of UNION BY NAME with the same names in the same order, NULL where one lacks a name."""
    wanted: dict[str, Named] = {}
    for side in sides:
        for named in side.shown:
            wanted.setdefault(named.name.casefold(), named)
    return [_with_names(side, wanted, names) for side in sides]


def _with_names(side: Bound, wanted: Mapping[str, Named], names: Names) -> Bound:
    own = {n.name.casefold(): n for n in side.shown}
    if len(own) < len(side.shown):
        raise CannotSpread("UNION BY NAME of equal names")
    lacking = {
        key: Item(names.column(named.name, named.column.type), typed_text(None, named.column.type))
        for key, named in wanted.items()
        if key not in own
    }
    shown = tuple(own[key] if key in own else Named(wanted[key].name, lacking[key].column) for key in wanted)
    return Bound(Project(side.relation, (*_items(side), *lacking.values())), shown)


def _is_cheap(relation: Relation) -> bool:
    """Whether it may as well be computed again: to the same rows, with little work."""
    while isinstance(relation, Filter | Project):
        if any(map(is_volatile, expressions_of(relation))):
            return False
        relation = relation.input
    return isinstance(relation, Scan | Values | Shared)


def _renamed(bound: Bound, aliases: tuple[str, ...]) -> Bound:
    if not aliases:
        return bound
    shown = tuple(replace(named, name=aliases[i]) if i < len(aliases) else named for i, named in enumerate(bound.shown))
    return Bound(bound.relation, shown)


def _times(mark: exp.Expr) -> exp.Expr:
    """How many rows of a group have the mark."""
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=mark))


def _items(bound: Bound) -> tuple[Item, ...]:
    return tuple(Item(c, column(c.name)) for c in dict.fromkeys(bound.columns))


def _output_column(node: exp.Expr, scope: Scope) -> exp.Expr | None:
    if not isinstance(node, exp.Column):
        return None
    found = scope.own([node.name])
    if found is None:
        raise CannotSpread(f"ORDER BY {node.name} over a set operation")
    return column(found[0].name)


def _with_definitions(node: exp.Query, environment: Environment) -> exp.Query:
    """The query with the CTEs of the blocks around it in its own WITH, so that it stands alone."""
    own = {cte.alias.casefold() for cte in (node.args["with_"].expressions if node.args.get("with_") else ())}
    used = {table_name(t).casefold() for t in node.find_all(exp.Table)}
    inherited = [d for key, d in environment.items() if key not in own and _needed(key, used, environment)]
    if not inherited:
        return node
    whole = copied(node)
    clauses = [
        copied(d.recursive)
        if d.recursive is not None
        else exp.CTE(
            this=copied(d.body),
            alias=exp.TableAlias(
                this=exp.to_identifier(d.name, quoted=True),
                columns=[exp.to_identifier(a, quoted=True) for a in d.aliases],
            ),
        )
        for d in inherited
    ]
    clause = whole.args.get("with_") or exp.With(expressions=[])
    recursive = clause.args.get("recursive") or any(d.recursive for d in inherited)
    whole.set("with_", exp.With(expressions=[*clauses, *clause.expressions], recursive=recursive))
    return whole


def _needed(key: str, used: set[str], environment: Environment) -> bool:
    pending = [name for name in used if name in environment]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name == key:
            return True
        if name not in seen:
            seen.add(name)
            body = environment[name].body
            pending += [
                table_name(t).casefold() for t in body.find_all(exp.Table) if table_name(t).casefold() in environment
            ]
    return False
