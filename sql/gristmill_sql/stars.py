"""Stars and ``COLUMNS(…)`` in a SELECT list: which columns they stand for, one term each. Called by ``block``.

DuckDB itself says which names a pattern, lambda or list picks, over an empty table of the visible columns.
"""

from __future__ import annotations

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import column
from gristmill_sql.copies import copied, replaced, text_of
from gristmill_sql.expressions import holds
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.oracle import Oracle, empty_relation
from gristmill_sql.resolve import resolve_columns
from gristmill_sql.scope import Named, Scope

Target = tuple[str, exp.Expr]
"""A name of the SELECT list, and its resolved value."""


def star_targets(node: exp.Expr, scope: Scope, oracle: Oracle) -> list[Target] | None:
    """What a term of the SELECT list stands for if it is a star or holds COLUMNS; None for all others."""
    if isinstance(node, exp.Star):
        return _star(node, _columns_of(scope.visible()), scope)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return _star(node.this, _columns_of(scope.visible(node.table)) or _fields_of(node, scope, oracle), scope)
    if holds(node, exp.Columns):
        return _columns(node, scope, oracle)
    if holds(node, exp.Star) and any(
        isinstance(star.parent, exp.Like | exp.ILike | exp.SimilarTo) for star in node.find_all(exp.Star)
    ):
        return _picked(node, scope, oracle)
    return None


def picked_columns(node: exp.Expr, scope: Scope, oracle: Oracle) -> list[Named]:
    """The visible columns that a star with a pattern, or the argument of COLUMNS, picks."""
    star = node.this if isinstance(node, exp.Columns) else node
    visible = scope.visible(star.table if isinstance(star, exp.Column) else "")
    named = {n.name.casefold(): n for n in visible}
    if len(named) < len(visible):
        raise CannotSpread("COLUMNS over equal names")
    return [named[c.name.casefold()] for c in _described(node, scope, oracle)]


def _described(node: exp.Expr, scope: Scope, oracle: Oracle) -> Schema:
    """The columns that DuckDB makes of a term of the SELECT list."""
    shown = [
        (source, [n for n in source.columns if n.name.casefold() not in source.merged]) for source in scope.sources
    ]
    schemas = ((source, tuple(Column(n.name, n.column.type) for n in columns)) for source, columns in shown if columns)
    rows = (f"{empty_relation(schema)} AS {quote_name(source.alias or 'rows')}" for source, schema in schemas)
    try:
        return oracle.describe(f"SELECT {text_of(node)} FROM {', '.join(rows)}")
    except InvalidQuery:
        raise CannotSpread("COLUMNS in this place") from None


def _columns_of(visible: list[Named]) -> list[Target]:
    return [(named.name, column(named.column.name)) for named in visible]


def _fields_of(node: exp.Column, scope: Scope, oracle: Oracle) -> list[Target]:
    """The fields of a struct, for a star after a column."""
    found = scope.own([node.table])
    fields = None if found is None else struct_fields(column(found[0].name), found[0].type, oracle)
    if fields is None or node.this.args.get("replace"):
        raise CannotSpread("a star after something that is neither a table nor a struct")
    return fields


def struct_fields(value: exp.Expr, type_: str, oracle: Oracle) -> list[Target] | None:
    """A column for each field of a value of that type; None where it is no struct."""
    if not type_.startswith("STRUCT(") or type_.endswith("]"):
        return None
    fields = oracle.describe(f"SELECT unnest(CAST(NULL AS {type_}))")
    return [(f.name, exp.func("struct_extract", copied(value), exp.Literal.string(f.name))) for f in fields]


def _star(star: exp.Star, everything: list[Target], scope: Scope) -> list[Target]:
    left_out = list(star.args.get("except_") or ())
    new = {e.alias.casefold(): e.this for e in star.args.get("replace") or ()}
    renamed = [(e.this, e.alias) for e in star.args.get("rename") or ()]
    if star.args.get("ilike"):
        raise CannotSpread("a star with ILIKE in another dialect's form")
    names = [name.casefold() for name, _ in everything]
    if any(names.count(each) > 1 for each in (*new, *(e.name.casefold() for e, _ in renamed if not _table_of(e)))):
        raise CannotSpread("a star that changes one of several columns of a name")
    targets = []
    for name, value in everything:
        if not any(_is_that(each, name, value, scope) for each in left_out):
            shown = next((alias for each, alias in renamed if _is_that(each, name, value, scope)), name)
            key = name.casefold()
            targets.append((shown, resolve_columns(new[key], scope) if key in new else value))
    return targets


def _table_of(node: exp.Expr) -> str:
    return node.table if isinstance(node, exp.Column) else ""


def _is_that(node: exp.Expr, name: str, value: exp.Expr, scope: Scope) -> bool:
    """Whether a name after EXCLUDE or RENAME, with its table or without, is this column of the star."""
    if table := _table_of(node):
        if any(node.name.casefold() in source.merged for source in scope.sources):
            raise CannotSpread("a star that changes one side of a column of USING")
        found = scope.own([table, node.name])
        return found is not None and isinstance(value, exp.Column) and found[0].name == value.name
    return node.name.casefold() == name.casefold()


def _picked(node: exp.Expr, scope: Scope, oracle: Oracle) -> list[Target]:
    return [(n.name, column(n.column.name)) for n in picked_columns(node, scope, oracle)]


def _columns(node: exp.Expr, scope: Scope, oracle: Oracle) -> list[Target]:
    """A term with COLUMNS, once for each column that is picked."""
    calls = list(node.find_all(exp.Columns))
    if any(call.args.get("unpack") or call.find(exp.Query) for call in calls) or len({*calls}) > 1:
        raise CannotSpread("several COLUMNS in one expression, or one that is unpacked")
    shown = _described(node, scope, oracle)
    picked = picked_columns(calls[0], scope, oracle)
    if len(shown) != len(picked):
        raise CannotSpread("COLUMNS in this place")
    values = [_over(node.unalias(), each, scope) for each in picked]
    return [(c.name, value) for c, value in zip(shown, values, strict=True)]


def _over(node: exp.Expr, picked: Named, scope: Scope) -> exp.Expr:
    """The term for one column. What it says besides is resolved as ever; that column is already."""
    if isinstance(node, exp.Columns):
        return column(picked.column.name)
    marker = "\0picked"
    marked = replaced(node, lambda part: exp.Identifier(this=marker) if isinstance(part, exp.Columns) else None)
    value = resolve_columns(marked, scope)
    return replaced(value, lambda part: _marked(part, marker, picked))


def _marked(part: exp.Expr, marker: str, picked: Named) -> exp.Expr | None:
    return column(picked.column.name) if isinstance(part, exp.Identifier) and part.this == marker else None
