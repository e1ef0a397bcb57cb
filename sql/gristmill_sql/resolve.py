"""Resolution of names in expressions: each column reference becomes the unique column that it stands for."""

from __future__ import annotations

from sqlglot import exp

from gristmill_sql.algebra import column
from gristmill_sql.collation import by_keys
from gristmill_sql.copies import copied, replaced
from gristmill_sql.macros import expanded_macro
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.scope import Scope


def resolve_columns(expression: exp.Expr, scope: Scope) -> exp.Expr:
    """A copy of an expression with its names resolved to unique columns; subqueries stay as they are.

    A name that is no column but a select alias stands for the alias's expression.
    """

    def resolved(node: exp.Expr) -> exp.Expr | None:
        if node.is_primitive:
            return None
        if isinstance(node, exp.Query):
            return copied(node)
        if isinstance(node, exp.Columns):
            raise CannotSpread("COLUMNS in this place")
        if isinstance(node, exp.Lambda):
            return _lambda(node, scope)
        if isinstance(node, exp.Comprehension):
            return _comprehension(node, scope)
        if isinstance(node.parent, exp.Collate) and node.arg_key == "expression":
            return exp.Var(this=".".join(part.name for part in node.parts)) if isinstance(node, exp.Column) else None
        if (expanded := expanded_macro(node)) is not None:
            return resolve_columns(expanded, scope)
        if isinstance(node, exp.PositionalColumn):
            return column(scope.visible()[int(node.name) - 1].column.name)
        return _column(node, scope) if isinstance(node, exp.Column) else None

    return by_keys(replaced(expression, resolved))


def _column(node: exp.Column, scope: Scope) -> exp.Expr:
    if isinstance(node.this, exp.Star):
        raise CannotSpread("a star in an expression")
    parts = [part.name for part in node.parts]
    own = scope.own(parts)
    if own is None and len(parts) == 1 and parts[0].casefold() in scope.aliases:
        key = parts[0].casefold()
        rest = {k: v for k, v in scope.aliases.items() if k != key}
        value = resolve_columns(scope.aliases[key], Scope(scope.outer, scope.sources, rest))
        return value if isinstance(value, exp.Column) else exp.Paren(this=value)
    found = own or scope.resolve(parts)
    if found is None:
        raise CannotSpread(f"the name {'.'.join(parts)}")
    result: exp.Expr = column(found[0].name)
    for field_name in found[1]:
        result = exp.Dot(this=result, expression=exp.to_identifier(field_name, quoted=True))
    return result


def _lambda(node: exp.Lambda, scope: Scope) -> exp.Expr:
    """A lambda's own parameters are identifiers, not columns: only its other names are resolved."""
    parameters = {p.name.casefold() for p in node.expressions}

    def resolved(part: exp.Expr) -> exp.Expr | None:
        if isinstance(part, exp.Column) and part.parts[0].name.casefold() not in parameters:
            return _column(part, scope)
        return None

    return replaced(node, resolved)


def _comprehension(node: exp.Comprehension, scope: Scope) -> exp.Expr:
    """``[this FOR x, i IN iterator IF condition]``: x and i become identifiers, as a lambda's parameters are."""
    own = {name.name.casefold() for key in ("expression", "position") if (name := node.args.get(key))}

    def resolved(part: exp.Expr) -> exp.Expr | None:
        if not isinstance(part, exp.Column) or part.parts[0].name.casefold() not in own:
            return None
        value: exp.Expr = exp.Identifier(this=part.parts[0].name, quoted=True)
        for field in part.parts[1:]:
            value = exp.Dot(this=value, expression=exp.to_identifier(field.name, quoted=True))
        return value

    new = copied(node)
    for key in ("this", "condition", "iterator"):
        if node.args.get(key):
            value = node.args[key] if key == "iterator" else replaced(node.args[key], resolved)
            new.set(key, resolve_columns(value, scope))
    return new
