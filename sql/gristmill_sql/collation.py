"""Collations: comparisons by ``COLLATE`` become comparisons of keys, which every task and every exchange understands.

Called where names are resolved. A collated text is no type of its own, so that its collation would be lost wherever
rows change hands. What cannot be written by keys is refused, and one task runs it as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from gristmill_sql.copies import all_in, copied, replaced, text_of
from gristmill_sql.expressions import enclosed, holds
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.oracle import function_names

_FUNCTIONS = {"nocase": "lower", "noaccent": "strip_accents", "nfc": "nfc_normalize"}
"""DuckDB's own collations; all others are those of ICU, by their names."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_HAND_ON = (exp.Paren, exp.Coalesce, exp.DPipe, exp.Case, exp.If, exp.Connector, exp.Not, exp.Ordered, exp.Tuple)
_FUNCTIONS_HAND_ON = frozenset({"lower", "upper", "trim", "ltrim", "rtrim", "substring", "concat", "coalesce"})
_PLACES = (*_COMPARISONS, exp.Between, exp.In, exp.Ordered)


def by_keys(expression: exp.Expr) -> exp.Expr:
    """A resolved expression whose comparisons, orders and window partitions have keys in place of collations.

    A collation of the whole value stays: it decides how the clause around it groups or sorts.
    """
    if not holds(expression, exp.Collate):
        return expression
    new = copied(expression)
    for node in list(new.find_all(*_PLACES)):
        _compare_keys(node)
    for window in new.find_all(exp.Window):
        parts = window.args.get("partition_by") or []
        window.set("partition_by", [key_of(part) for part in parts])
    return new


def key_of(value: exp.Expr) -> exp.Expr:
    """What a value sorts and groups by: the value itself unless it has a collation."""
    collation = next(_collations(value), None)
    return value if collation is None else _key(bare(value), collation)


def bare(value: exp.Expr) -> exp.Expr:
    """The value without its own collations; those of what it is computed from stay."""
    while isinstance(value, exp.Collate):
        value = value.this
    return copied(value) if _is_apart(value) else replaced(value, _without)


def _without(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Collate):
        return bare(node)
    return copied(node) if _is_apart(node) else None


def is_collated(value: exp.Expr) -> bool:
    """Whether a value itself has a collation."""
    return next(_collations(value), None) is not None


def is_named_by(query: exp.Query) -> bool:
    """Whether a column of a derived table has a collation, so that names of it in the query are compared by that."""
    if not holds(query, exp.Collate):
        return False
    root = query if isinstance(query, exp.Select) else None
    for select in all_in(query, exp.Select):
        if select is not root and any(is_collated(item.unalias()) for item in select.expressions):
            return True
    return False


def _collations(value: exp.Expr) -> Iterator[str]:
    pending = [(value, True)] if holds(value, exp.Collate) else []
    while pending:
        node, handed_on = pending.pop()
        if isinstance(node, exp.Collate):
            if not handed_on:
                raise CannotSpread("a function of a value with a collation")
            yield node.expression.name
        elif not _is_apart(node):
            pending += [(part, handed_on and _hands_on(node)) for part in node.iter_expressions()]


def _is_apart(node: exp.Expr) -> bool:
    """Whether what a value is computed from may have collations that the value does not have."""
    if isinstance(node, (*_COMPARISONS, exp.Window, exp.Query, exp.Predicate)):
        return True
    if not isinstance(node, exp.Func) or isinstance(node, _HAND_ON) or not holds(node, exp.Collate):
        return False
    return _name(node) in function_names("without texts")


def _hands_on(node: exp.Expr) -> bool:
    """Whether a value has the collations of its parts, and uses them for nothing itself."""
    if isinstance(node, _HAND_ON):
        return not (isinstance(node, exp.Case) and node.this)
    return isinstance(node, exp.Func) and _name(node) in _FUNCTIONS_HAND_ON


def _name(node: exp.Func) -> str:
    return text_of(node).partition("(")[0].casefold()


def _key(value: exp.Expr, collation: str) -> exp.Expr:
    for part in collation.lower().split("."):
        if part in _FUNCTIONS:
            value = exp.Anonymous(this=_FUNCTIONS[part], expressions=[copied(value)])
        elif part not in ("binary", "c", "posix"):
            value = exp.Anonymous(this="icu_sort_key", expressions=[copied(value), exp.Literal.string(part)])
    return value


def _compare_keys(node: exp.Expr) -> None:
    """Puts keys in place of the sides of a comparison, in a tree that is ours to change."""
    names = ("this", "expression", "low", "high") if not isinstance(node, exp.Ordered) else ("this",)
    sides = {name: side for name in names if isinstance(side := node.args.get(name), exp.Expr)}
    listed = node.expressions if isinstance(node, exp.In) else []
    collation = next((c for side in (*sides.values(), *listed) for c in _collations(side)), None)
    if collation is None:
        return
    if node.args.get("query") or any(isinstance(side, exp.Any | exp.All) for side in sides.values()):
        raise CannotSpread("a comparison with a subquery's rows by a collation")
    for name, side in sides.items():
        node.set(name, _key(enclosed(bare(side)), collation))
    if listed:
        node.set("expressions", [_key(bare(side), collation) for side in listed])
