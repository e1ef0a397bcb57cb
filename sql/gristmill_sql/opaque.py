"""Queries and blocks that one task runs as they are: the way out for what cannot be spread yet.

Called by the binder when it meets something that it has no operator for. The result is right by construction, since
DuckDB runs the user's own text; what it reads is spread, and cut to the rows and columns that the text needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import chain

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.schema import Schema
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Opaque, Scan, column
from gristmill_sql.catalog import Table
from gristmill_sql.copies import copied, replaced, text_of
from gristmill_sql.early_filters import with_filters
from gristmill_sql.expressions import columns_in
from gristmill_sql.names import Names
from gristmill_sql.oracle import Oracle, empty_relation
from gristmill_sql.scope import Bound, Named, Scope
from gristmill_sql.tables import table_name


class CannotSpread(Exception):
    """A construct that has no operator in the algebra; the text says which."""


BindClosed = Callable[[exp.Query], Bound | None]
"""Binds a query that stands alone; None where that needs one task, too."""


def opaque_block(
    node: exp.Query, tables: dict[str, Table], columns: Schema, names: Names, reason: str, bind: BindClosed
) -> Opaque:
    """A whole query block (with its own WITH, if any) over what it reads.

    Derived tables that can be spread are its inputs, and so are tables, cut to the columns that are mentioned and the
    rows that the WHERE above them keeps.
    """
    mentioned = _mentioned(node, tables)
    inputs = _Inputs(tables, names, mentioned, bind)
    text = text_of(inputs.cut_out(with_filters(node, tables, mentioned)))
    aliases = ", ".join(quote_name(column.name) for column in columns)
    sql = f"SELECT * FROM ({text}) AS block({aliases})"
    prefix = [f"{name} AS (SELECT {_renamed(bound)} FROM {name}_rows)" for name, bound in inputs.found]
    return Opaque(
        tuple(bound.relation for _, bound in inputs.found),
        tuple(f"{name}_rows" for name, _ in inputs.found),
        f"WITH {', '.join(prefix)} {sql}" if prefix else sql,
        columns,
        reason,
        ordered=node.args.get("order") is not None,
    )


class _Inputs:
    """What a block reads, taken out of its text."""

    def __init__(self, tables: dict[str, Table], names: Names, mentioned: set[str] | None, bind: BindClosed) -> None:
        self.found: list[tuple[str, Bound]] = []
        self._tables = tables
        self._names = names
        self._mentioned = mentioned
        self._bind = bind
        self._scans: dict[str, str] = {}
        self._recursive: set[str] = set()

    def cut_out(self, node: exp.Query) -> exp.Expr:
        """The text over inputs by name."""
        clause = node.args.get("with_")
        if clause is not None and clause.args.get("recursive"):
            self._recursive = {cte.alias.casefold() for cte in clause.expressions if names_itself(cte)}
        return node.transform(self._replaced, copy=True)

    def _replaced(self, part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Table):
            return self._table(part)
        if isinstance(part, exp.Subquery) and isinstance(part.parent, exp.From | exp.Join) and not _has_more(part):
            return self._closed(part.this, lambda name: exp.Table(this=exp.to_identifier(name), **_alias(part))) or part
        if isinstance(part, exp.Select) and _is_operand(part):
            return self._closed(part, lambda name: exp.select("*").from_(name)) or part
        return part

    def _closed(self, query: exp.Expr, reader: Callable[[str], exp.Expr]) -> exp.Expr | None:
        """What reads a query's rows, if it stands alone and can be spread."""
        own = {table_name(t).casefold() for t in query.find_all(exp.Table)}
        if not isinstance(query, exp.Query) or not own or own & self._recursive:
            return None
        bound = self._bind(query)
        if bound is None or len({n.name.casefold() for n in bound.shown}) < len(bound.shown):
            return None
        return reader(self._added(bound))

    def _added(self, bound: Bound) -> str:
        name = f"in{len(self.found)}"
        self.found.append((name, bound))
        return name

    def _table(self, part: exp.Table) -> exp.Expr:
        key = table_name(part).casefold()
        if key not in self._tables:
            return part
        if key not in self._scans:
            self._scans[key] = self._added(_scan(self._tables[key], self._mentioned, self._names))
        alias = part.args.get("alias") or exp.TableAlias(this=exp.to_identifier(part.name, quoted=True))
        return exp.Table(**{**part.args, "this": exp.to_identifier(self._scans[key]), "db": None, "alias": alias})


def _is_operand(part: exp.Select) -> bool:
    """Whether a SELECT is the first side of a set operation, or all of a common table expression."""
    return part.arg_key == "this" and isinstance(part.parent, exp.SetOperation | exp.CTE)


def names_itself(cte: exp.CTE) -> bool:
    """Whether a common table expression is recursive."""
    return any(table_name(t).casefold() == cte.alias.casefold() for t in cte.this.find_all(exp.Table))


def _has_more(part: exp.Subquery) -> bool:
    return any(part.args.get(key) for key in ("pivots", "sample", "joins", "laterals", "with_"))


def _alias(part: exp.Subquery) -> dict[str, exp.Expr]:
    alias = part.args.get("alias")
    return {"alias": copied(alias)} if alias is not None else {}


def _mentioned(node: exp.Query, tables: Collection[str]) -> set[str] | None:
    """The names that a query may use as columns of its tables; None if it may use any without a word.

    So do stars over tables, a table's name that stands for its rows, NATURAL joins, and PIVOT, which groups by all the
    rest.
    """
    stars = (s for s in node.find_all(exp.Star, exp.Columns) if _shows_tables(s, tables))
    aliases = {table.alias_or_name.casefold() for table in node.find_all(exp.Table)}
    rows = (c for c in node.find_all(exp.Column) if c.name.casefold() in aliases)
    natural = (j for j in node.find_all(exp.Join) if j.method == "NATURAL")
    if any(True for _ in chain(stars, rows, natural, node.find_all(exp.Pivot))):
        return None
    return {identifier.name.casefold() for identifier in node.find_all(exp.Identifier)}


def _shows_tables(star: exp.Expr, tables: Collection[str]) -> bool:
    """Whether a star may stand for columns of a table, not only of derived ones."""
    if isinstance(star.parent, exp.Count):
        return False
    select = star.parent
    if not isinstance(select, exp.Select) or not (source := select.args.get("from_")):
        return True
    items = [source.this, *(join.this for join in select.args.get("joins") or ())]
    return any(not isinstance(item, exp.Subquery) and not _is_derived(item, tables) for item in items)


def _is_derived(item: exp.Expr, tables: Collection[str]) -> bool:
    """Whether an item of FROM is a common table expression by name."""
    return isinstance(item, exp.Table) and table_name(item).casefold() not in tables


def rest_of_block(
    node: exp.Select, scope: Scope, rows: Schema, oracle: Oracle, refusal: Exception
) -> tuple[Schema, str, frozenset[str]]:
    """A block without its FROM and WHERE, over a relation ``rows`` that holds what those give.

    Gives the block's columns, its SQL, and the names of the columns that this reads.

    So that one task runs only what cannot be spread. Raises ``refusal`` where the rest does not stand alone.
    """
    rest = copied(node)
    for clause in ("from_", "joins", "where", "with_", "laterals"):
        rest.set(clause, None)
    if rest.find(exp.Query) is not rest or len(list(rest.find_all(exp.Query))) > 1:
        raise CannotSpread(str(refusal)) from None
    aliases = {target.alias.casefold() for target in node.expressions if isinstance(target, exp.Alias)}

    def resolved(part: exp.Expr) -> exp.Expr | None:
        if isinstance(part, exp.Star) and isinstance(part.parent, exp.Select):
            raise CannotSpread(str(refusal)) from None
        if not isinstance(part, exp.Column) or isinstance(part.this, exp.Star):
            return None
        names = [p.name for p in part.parts]
        is_alias = len(names) == 1 and names[0].casefold() in aliases
        own = scope.own(names)
        if own is None or (is_alias and part.find_ancestor(exp.Order)):
            return None
        found: exp.Expr = column(own[0].name)
        for field in own[1]:
            found = exp.Dot(this=found, expression=exp.to_identifier(field, quoted=True))
        return exp.alias_(found, names[-1], quoted=True) if isinstance(part.parent, exp.Select) else found

    bound = replaced(rest, resolved)
    bound.set("from_", exp.From(this=exp.Table(this=exp.to_identifier("rows"))))
    text = text_of(bound)
    try:
        schema = oracle.describe(f"WITH rows AS (FROM {empty_relation(rows)}) {text}")
    except InvalidQuery:
        raise CannotSpread(str(refusal)) from None
    if bound.find(exp.Columns):
        return schema, text, frozenset(c.name for c in rows)
    return schema, text, columns_in(bound)


def _scan(table: Table, mentioned: set[str] | None, names: Names) -> Bound:
    schema = table.facts.schema
    kept = [c for c in schema if mentioned is None or c.name.casefold() in mentioned] or list(schema[:1])
    columns = tuple(names.column(c.name, c.type) for c in kept)
    scan = Scan(table, columns, tuple(c.name for c in kept))
    return Bound(scan, tuple(Named(s.name, c) for s, c in zip(kept, columns, strict=True)))


def _renamed(bound: Bound) -> str:
    return ", ".join(f"{quote_name(n.column.name)} AS {quote_name(n.name)}" for n in bound.shown)
