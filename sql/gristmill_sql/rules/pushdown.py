"""Predicate pushdown: each predicate is applied as early as its columns allow and its meaning stays.

An outer join keeps the predicates on its null-supplying side above it; a projection, an aggregate or a window lets
through what reads only columns, keys or partition keys. Volatile predicates stay where they were written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    JoinKind,
    Project,
    Relation,
    Sort,
    UnionAll,
    Window,
    column,
    inputs_of,
    names_of,
    with_inputs,
)
from gristmill_sql.expressions import columns_in, is_volatile, substituted, unwrapped
from gristmill_sql.rules.rewriting import filtered

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

Predicates = tuple[exp.Expr, ...]


def push_predicates(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with every predicate as deep as it may go."""
    return _push(relation, ())


def _push(relation: Relation, predicates: Predicates) -> Relation:
    """The rows of ``relation`` for which ``predicates`` hold."""
    match relation:
        case Filter():
            stay, go = _split(relation.predicates, lambda p: not is_volatile(p))
            if stay:
                return filtered(_push(relation.input, go), (*stay, *predicates))
            return _push(relation.input, (*go, *predicates))
        case Project():
            return _through_project(relation, predicates)
        case Join():
            return _into_join(relation, predicates)
        case Aggregate():
            return _through_keys(relation, relation.keys, predicates)
        case Window():
            keys = tuple(p for p in relation.partition if isinstance(p, exp.Column))
            items = tuple(Item(c, column(c.name)) for c in relation.input.columns if column(c.name) in keys)
            return _through_keys(relation, items, predicates)
        case Sort():
            return with_inputs(relation, (_push(relation.input, predicates),))
        case UnionAll():
            return _into_union(relation, predicates)
    inputs = tuple(_push(child, ()) for child in inputs_of(relation))
    return filtered(with_inputs(relation, inputs), predicates)


def _split(predicates: Iterable[exp.Expr], goes: object) -> tuple[Predicates, Predicates]:
    stay: list[exp.Expr] = []
    go: list[exp.Expr] = []
    for predicate in predicates:
        (go if goes(predicate) else stay).append(predicate)  # type: ignore[operator]
    return tuple(stay), tuple(go)


def _through_project(relation: Project, predicates: Predicates) -> Relation:
    values = {item.column.name: item.value for item in relation.items if not item.passes}
    volatile = {name for name, value in values.items() if is_volatile(value)}
    stay, go = _split(predicates, lambda p: not columns_in(p) & volatile)
    below = tuple(unwrapped(substituted(p, values)) for p in go)
    return filtered(with_inputs(relation, (_push(relation.input, below),)), stay)


def _through_keys(relation: Aggregate | Window, keys: tuple[Item, ...], predicates: Predicates) -> Relation:
    values = {item.column.name: item.value for item in keys}
    stay, go = _split(predicates, lambda p: bool(columns_in(p)) and columns_in(p) <= values.keys())
    below = tuple(unwrapped(substituted(p, values)) for p in go)
    return filtered(with_inputs(relation, (_push(relation.input, below),)), stay)


def _into_union(relation: UnionAll, predicates: Predicates) -> Relation:
    inputs = []
    for branch in relation.inputs:
        values = {c.name: column(b.name) for c, b in zip(relation.columns, branch.columns, strict=True)}
        inputs.append(_push(branch, tuple(substituted(p, values) for p in predicates)))
    return with_inputs(relation, tuple(inputs))


def _into_join(join: Join, predicates: Predicates) -> Relation:
    left, right = names_of(join.left), names_of(join.right)
    if join.kind is JoinKind.INNER:
        predicates, on = (), (*predicates, *join.on)
    else:
        on = join.on
    keeps_left = join.kind not in (JoinKind.RIGHT, JoinKind.FULL)
    keeps_right = join.kind in (JoinKind.INNER, JoinKind.RIGHT)
    above, to_left = _split(predicates, lambda p: keeps_left and _reads_only(p, left))
    above, to_right = _split(above, lambda p: keeps_right and _reads_only(p, right))
    filters_left = join.kind in (JoinKind.INNER, JoinKind.SEMI, JoinKind.RIGHT)
    filters_right = join.kind in (JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI, JoinKind.ANTI)
    on, on_left = _split(on, lambda p: filters_left and _reads_only(p, left))
    on, on_right = _split(on, lambda p: filters_right and _reads_only(p, right))
    sides = (_push(join.left, (*to_left, *on_left)), _push(join.right, (*to_right, *on_right)))
    return filtered(Join(join.kind, *sides, on), above)


def _reads_only(predicate: exp.Expr, names: frozenset[str]) -> bool:
    used = columns_in(predicate)
    return bool(used) and used <= names
