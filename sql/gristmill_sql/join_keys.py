"""The keys of a join: the equalities by which rows of both sides can be brought together. Called by its planner."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gristmill_sql.algebra import Item, Join, names_of
from gristmill_sql.copies import copied
from gristmill_sql.estimate import equality
from gristmill_sql.expressions import columns_of_all
from gristmill_sql.flow import Flow
from gristmill_sql.names import Names
from gristmill_sql.oracle import Unbindable

_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINY",
    "USMALL",
    "UINT",
    "UBIG",
    "DECIMAL",
    "FLOAT",
    "DOUBLE",
)
_TIMES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True, slots=True)
class JoinKeys:
    """The equalities of a join as columns of one type: what each side is partitioned by, position by position."""

    left: tuple[Item, ...]
    right: tuple[Item, ...]


def join_keys(node: Join, names: Names) -> JoinKeys:
    """The equalities by which rows of both sides can be brought together, each column in one of them only."""
    left: list[Item] = []
    right: list[Item] = []
    for predicate in node.on:
        pair = equality(predicate, names_of(node.left))
        if pair is None or not columns_of_all([pair[1]]) <= names_of(node.right):
            continue
        sides = _same_type(*pair, names)
        if sides is not None and sides[0] not in left and sides[1] not in right:
            left.append(sides[0])
            right.append(sides[1])
    return JoinKeys(tuple(left), tuple(right))


def _same_type(left: exp.Expr, right: exp.Expr, names: Names) -> tuple[Item, Item] | None:
    """The two sides as key columns of one type; None where DuckDB's comparison has rules of its own."""
    try:
        types = names.types([left, right])
        if types[0] == types[1]:
            return names.item("key", left), names.item("key", right)
        if not any(all(t.startswith(family) for t in types) for family in (_NUMERIC, _TIMES)):
            return None
        (common,) = names.types([exp.Coalesce(this=copied(left), expressions=[copied(right)])])
    except Unbindable:
        return None
    return _cast(left, types[0], common, names), _cast(right, types[1], common, names)


def _cast(value: exp.Expr, type_: str, common: str, names: Names) -> Item:
    if type_ == common:
        return names.item("key", value)
    cast = exp.Cast(this=copied(value), to=exp.DataType.build(common, dialect="duckdb"))
    return Item(names.column("key", common), cast)


def key_positions(flow: Flow, keys: tuple[Item, ...]) -> tuple[int, ...] | None:
    """For each key by which an open flow is partitioned, the join key that is the same column; None if one is not."""
    if flow.open is None or not flow.partitioned or flow.single:
        return None
    found = []
    for same in flow.partitioned:
        position = next((i for i, item in enumerate(keys) if item.passes and item.column.name in same), None)
        if position is None:
            return None
        found.append(position)
    return tuple(found)


def texts_of(keys: tuple[Item, ...]) -> str:
    return ", ".join(item.column.name for item in keys)
