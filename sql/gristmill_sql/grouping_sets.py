"""ROLLUP, CUBE and GROUPING SETS: each row once for every set, keys outside of the set as NULL, and the set's number.

Called by ``aggregation``. What follows is an ordinary GROUP BY by the keys and the number, spread like any other. The
set without keys has a row even of no rows: a constant row that no aggregate counts stands for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from gristmill.plan.schema import Column
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, Join, JoinKind, Project, Relation, UnionAll, Values, column
from gristmill_sql.copies import copied
from gristmill_sql.expressions import unwrapped
from gristmill_sql.literals import data_type
from gristmill_sql.names import Names
from gristmill_sql.opaque import CannotSpread

MAX_SETS = 256
Sets = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class GroupBy:
    """The distinct keys of a GROUP BY; ``sets`` has the positions of the keys of each set, none for a plain one."""

    keys: tuple[exp.Expr, ...]
    sets: Sets = ()


@dataclass(frozen=True, slots=True)
class Expanded:
    """Rows repeated for every set: the keys as they are in each, the set's number, and which rows are real.

    ``real`` None: all of them.
    """

    relation: Relation
    keys: tuple[Item, ...]
    number: Item
    real: exp.Expr | None


def parse_group(group: exp.Group, resolved: Callable[[exp.Expr], exp.Expr]) -> GroupBy:
    """The keys and sets of a clause; ``resolved`` gives the value of one of its terms."""
    keys: dict[exp.Expr, int] = {}

    def position(node: exp.Expr) -> int:
        return keys.setdefault(unwrapped(resolved(node)), len(keys))

    def sets(node: exp.Expr) -> Sets:
        """The sets that one term stands for."""
        match node:
            case exp.Rollup():
                parts = [unit(part) for part in node.expressions]
                return tuple(_united(parts[:size]) for size in range(len(parts), -1, -1))
            case exp.Cube():
                parts = [unit(part) for part in node.expressions]
                sizes = range(len(parts), -1, -1)
                return tuple(_united(chosen) for size in sizes for chosen in itertools.combinations(parts, size))
            case exp.GroupingSets():
                return tuple(each for part in node.expressions for each in sets(part))
        return (unit(node),)

    def unit(node: exp.Expr) -> tuple[int, ...]:
        members = node.expressions if isinstance(node, exp.Tuple) else [node]
        return tuple(position(member) for member in members)

    terms = [sets(node) for node in group.expressions]
    if all(len(term) == 1 for term in terms) and not group.find(exp.GroupingSets, exp.Rollup, exp.Cube):
        return GroupBy(tuple(keys))
    count = 1
    for term in terms:
        count *= len(term)
    if count > MAX_SETS:
        raise CannotSpread(f"{count} grouping sets")
    return GroupBy(tuple(keys), tuple(_united(chosen) for chosen in itertools.product(*terms)))


def _united(parts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(itertools.chain.from_iterable(parts)))


def expand(relation: Relation, keys: tuple[Item, ...], sets: Sets, names: Names) -> Expanded:
    """The rows of a relation, once for each set."""
    number = names.column("set", "INTEGER")
    rows = ", ".join(f"({index})" for index in range(len(sets)))
    numbers = Values(f"SELECT * FROM (VALUES {rows}) AS sets({quote_name(number.name)})", (number,), len(sets))
    passing = tuple(Item(c, column(c.name)) for c in relation.columns)
    computed = Project(relation, (*passing, *(key for key in keys if not key.passes)))
    cut = tuple(_cut(key, position, sets, number, names) for position, key in enumerate(keys))
    repeated: Relation = Project(
        Join(JoinKind.INNER, computed, numbers), (*passing, Item(number, column(number.name)), *cut)
    )
    real = None
    empty = [index for index, members in enumerate(sets) if not members]
    if empty:
        repeated, real = _with_empty(repeated, number, empty, names)
    renamed = tuple(Item(item.column, column(item.column.name)) for item in cut)
    return Expanded(repeated, renamed, Item(number, column(number.name)), real)


def _cut(key: Item, position: int, sets: Sets, number: Column, names: Names) -> Item:
    """A key that is NULL in the sets without it."""
    holding = [index for index, members in enumerate(sets) if position in members]
    condition = exp.In(this=column(number.name), expressions=[exp.Literal.number(index) for index in holding])
    value = exp.Case(ifs=[exp.If(this=condition if holding else exp.false(), true=column(key.column.name))])
    return Item(names.column(key.column.name, key.column.type), value)


def _with_empty(relation: Relation, number: Column, empty: Sequence[int], names: Names) -> tuple[Relation, exp.Expr]:
    """The relation with a row for each of the sets without keys, and the mark of all other rows."""
    mark = names.column("real", "BOOLEAN")
    marked = Project(relation, (*(Item(c, column(c.name)) for c in relation.columns), Item(mark, exp.true())))
    given = tuple(names.column(c.name, c.type) for c in marked.columns)
    position = [c.name for c in marked.columns].index(number.name)
    selects = []
    for index in empty:
        cells = [f"CAST(NULL AS {c.type})" for c in given]
        cells[position], cells[-1] = str(index), "false"
        selects.append(
            "SELECT " + ", ".join(f"{cell} AS {quote_name(c.name)}" for cell, c in zip(cells, given, strict=True))
        )
    constant = Values(" UNION ALL ".join(selects), given, len(empty))
    return UnionAll((marked, constant), marked.columns), column(mark.name)


def grouping(node: exp.Expr, group: GroupBy, number: exp.Expr | None) -> exp.Expr:
    """GROUPING(...): a bit for each argument, set where the argument is not in the row's set."""
    positions = [group.keys.index(unwrapped(argument)) for argument in node.expressions]
    bits = []
    for members in group.sets:
        value = 0
        for position in positions:
            value = value << 1 | (position not in members)
        bits.append(value)
    big = data_type("BIGINT")
    if number is None:
        return exp.Cast(this=exp.Literal.number(0), to=big)
    ifs = [
        exp.If(this=exp.EQ(this=copied(number), expression=exp.Literal.number(index)), true=exp.Literal.number(value))
        for index, value in enumerate(bits)
    ]
    return exp.Cast(this=exp.Case(ifs=ifs), to=big)
