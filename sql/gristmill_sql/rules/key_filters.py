"""Keys of a small side filter the other side before its rows move or are grouped.

An aggregate that is joined (what a correlated subquery becomes), or the right side of a semi, anti or left join, counts
only where its key is one of the other side's. So the table below it is semi-joined with those keys, be they a superset:
they come from that part of the other side that has the fewest rows, which is then computed once and read by both
(semi-join reduction, Bernstein and Chiu 1981; magic sets, Bancilhon et al. 1986). Only where estimates say that it
spares more rows than every task has to look up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
    Scan,
    Shared,
    Sort,
    UnionAll,
    Values,
    Window,
    column,
    names_of,
)
from gristmill_sql.copies import copied
from gristmill_sql.estimate import Estimator, equality
from gristmill_sql.expressions import unwrapped
from gristmill_sql.rules.rewriting import bottom_up, with_nodes
from gristmill_sql.task_sizes import MOVING, width

if TYPE_CHECKING:
    from gristmill_sql.options import CompileOptions
    from gristmill_sql.rules import Knowledge

_MOST_KEPT = 0.5
"""Keys that keep more than this share of the rows are no filter, by estimates that may be wrong."""
_SHARING = 100_000
"""Rows whose sparing outweighs that a part is computed by itself, and that others wait for it."""
_LEFT_FILTERED = (JoinKind.INNER, JoinKind.SEMI, JoinKind.RIGHT)
_RIGHT_FILTERED = (JoinKind.INNER, JoinKind.SEMI, JoinKind.ANTI, JoinKind.LEFT)
_KEEPING_LEFT = (JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI, JoinKind.ANTI)

Keys = Mapping[int, str]
"""Column names of one side, by the number of the join's equality that they stand in."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where rows are left out: ``relation`` has the columns ``keys``; ``grouped``: its rows are grouped above."""

    relation: Relation
    keys: Keys
    grouped: bool


@dataclass(frozen=True, slots=True)
class _Reduction:
    """A filter that may be made: of the ``target`` below ``reduced`` by the keys of ``source``, a part of ``other``."""

    other: Relation
    source: Relation
    keys: Keys
    reduced: Relation
    target: _Target
    on: tuple[exp.Expr, ...]
    """The equalities, between columns of the target and of the source."""


def filter_by_keys(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with such filters where they pay."""
    if not knowledge.options.broadcast_bytes:
        return relation
    return bottom_up(relation, lambda node: _filtered(node, knowledge) if isinstance(node, Join) else node)


def _filtered(join: Join, knowledge: Knowledge) -> Relation:
    costs = _Costs(join, knowledge.estimator, knowledge.options)
    best = max(_reductions(join, knowledge), key=costs.spared, default=None)
    if best is None or not costs.pays(best):
        return join
    shared = best.source if isinstance(best.source, Shared) else knowledge.share("keys", best.source)
    again, values = knowledge.read(_narrowed(shared, frozenset(best.keys.values())))
    on = tuple(_over(p, best.target.keys[i], values[best.keys[i]]) for i, p in zip(best.keys, best.on, strict=True))
    kept = Join(JoinKind.SEMI, best.target.relation, again, on)
    other = with_nodes(best.other, {id(best.source): shared})
    reduced = with_nodes(best.reduced, {id(best.target.relation): kept})
    return (
        replace(join, left=reduced, right=other)
        if best.reduced is join.left
        else replace(join, left=other, right=reduced)
    )


def _narrowed(shared: Shared, names: frozenset[str]) -> Shared:
    pairs = [(c, s) for c, s in zip(shared.columns, shared.sources, strict=True) if c.name in names]
    return Shared(shared.name, tuple(c for c, _ in pairs), tuple(s for _, s in pairs))


def _over(predicate: exp.Expr, target: str, source: exp.Expr) -> exp.Expr:
    return type(predicate)(this=column(target), expression=copied(source))


def _reductions(join: Join, knowledge: Knowledge) -> Iterator[_Reduction]:
    for reduced, other, kinds in (
        (join.left, join.right, _LEFT_FILTERED),
        (join.right, join.left, _RIGHT_FILTERED),
    ):
        if join.kind not in kinds:
            continue
        pairs = _pairs(join, reduced, other)
        for source, keys in _sources(other, {i: theirs.name for i, (_, _, theirs) in pairs.items()}, knowledge):
            target = _target(reduced, {i: pairs[i][1].name for i in keys}, knowledge.estimator)
            if target is not None:
                used = {i: keys[i] for i in target.keys}
                on = tuple(_over(pairs[i][0], target.keys[i], column(name)) for i, name in used.items())
                yield _Reduction(other, source, used, reduced, target, on)


def _pairs(join: Join, one: Relation, other: Relation) -> dict[int, tuple[exp.Expr, exp.Column, exp.Column]]:
    """The join's equalities between a column of ``one`` and a column of ``other``, numbered."""
    found: dict[int, tuple[exp.Expr, exp.Column, exp.Column]] = {}
    for predicate in join.on:
        pair = equality(predicate, names_of(one))
        if (
            pair
            and isinstance(pair[0], exp.Column)
            and isinstance(pair[1], exp.Column)
            and pair[1].name in names_of(other)
        ):
            found[len(found)] = (unwrapped(predicate), pair[0], pair[1])
    return found


# where keys come from


def _sources(relation: Relation, keys: Keys, knowledge: Knowledge) -> Iterator[tuple[Relation, Keys]]:
    """Parts of a relation that have all values of the keys that it has, or of some of the keys."""
    if not keys:
        return
    if not isinstance(relation, Scan | Values):
        yield relation, keys
    match relation:
        case Filter() | Sort():
            yield from _sources(relation.input, keys, knowledge)
        case Project():
            yield from _sources(relation.input, _behind(keys, relation.items), knowledge)
        case Join():
            sides = [relation.left] if relation.kind in _KEEPING_LEFT else []
            sides += [relation.right] if relation.kind is JoinKind.INNER else []
            for side in sides:
                yield from _sources(side, _within(keys, relation, side, knowledge), knowledge)


def _behind(keys: Keys, items: tuple[Item, ...]) -> Keys:
    """The keys as input columns, as far as they are some under another name."""
    values = {item.column.name: item.value for item in items}
    return {i: values[name].name for i, name in keys.items() if isinstance(values.get(name), exp.Column)}


def _within(keys: Keys, join: Join, side: Relation, knowledge: Knowledge) -> Keys:
    """The keys as columns of one side of a join: themselves, or what an inner join holds to be equal."""
    names = names_of(side)
    equal: dict[str, str] = {}
    if join.kind is JoinKind.INNER:
        for predicate in join.on:
            pair = equality(predicate, names)
            if pair and all(isinstance(value, exp.Column) for value in pair) and _are_alike(pair, knowledge):
                equal[pair[1].name] = pair[0].name
    found = {i: name if name in names else equal.get(name) for i, name in keys.items()}
    return {i: name for i, name in found.items() if name is not None and name in names}


def _are_alike(pair: tuple[exp.Expr, exp.Expr], knowledge: Knowledge) -> bool:
    left, right = knowledge.names.types(pair)
    return left == right


# where rows are left out


def _target(relation: Relation, keys: Keys, estimator: Estimator) -> _Target | None:
    """The deepest place with some of the keys' columns below which rows of other keys may be missing."""
    grouped = False
    while keys:
        match relation:
            case Scan() | Filter(input=Scan()) | UnionAll():
                return _Target(relation, keys, grouped)
            case Filter(below) | Sort(below):
                relation = below
            case Project(below, items):
                relation, keys = below, _behind(keys, items)
            case Aggregate(below, groups) if groups:
                relation, keys, grouped = below, _behind(keys, groups), True
            case Window(below, partition):
                plain = {value.name for value in partition if isinstance(value, exp.Column)}
                relation, keys, grouped = below, {i: name for i, name in keys.items() if name in plain}, True
            case Join(kind, left, right) if kind in _KEEPING_LEFT:
                sides = (left, right) if kind is JoinKind.INNER else (left,)
                held = [side for side in sides if names_of(side) & set(keys.values())]
                if not held:
                    return None  # columns of the padded side
                relation = max(held, key=estimator.rows)
                keys = {i: name for i, name in keys.items() if name in names_of(relation)}
            case _:
                return None
    return None


# whether it pays


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a join costs with and without a filter, in rows that move, are grouped, or are looked up."""

    join: Join
    estimator: Estimator
    options: CompileOptions

    def pays(self, found: _Reduction) -> bool:
        """Whether a filter spares enough, and its keys are few enough for every task to have them."""
        if self.options.filter_rows < 0:
            return True
        rows = self.estimator.rows(found.source)
        columns = [c for c in found.source.columns if c.name in found.keys.values()]
        if rows * width(tuple(columns)) > self.options.broadcast_bytes:
            return False
        looked_up = rows * self.estimator.tasks(found.target.relation, rows)
        all_rows = self.estimator.rows(found.target.relation)
        few = looked_up <= all_rows and self._kept(found) <= _MOST_KEPT * all_rows
        return few and self.spared(found) >= self.options.filter_rows

    def spared(self, found: _Reduction) -> float:
        """How many rows it spares; less than none where that cannot be enough."""
        all_rows = self.estimator.rows(found.target.relation)
        joined = self.estimator.rows(found.reduced) + self.estimator.rows(found.other)
        if found.target.grouped * all_rows + MOVING * joined < self.options.filter_rows:
            return -math.inf
        kept = self._kept(found)
        keys = self.estimator.rows(found.source)
        looked_up = keys * self.estimator.tasks(found.target.relation, keys)
        grouped = all_rows - kept if found.target.grouped else 0.0
        sharing = 0 if isinstance(found.source, Shared) else _SHARING
        return grouped + self._moved(found, 1.0) - self._moved(found, kept / all_rows) - looked_up - sharing

    def _kept(self, found: _Reduction) -> float:
        rows = self.estimator.rows(found.target.relation)
        return self.estimator.joined_rows(
            JoinKind.SEMI, rows, self.estimator.rows(found.source), found.on, names_of(found.target.relation)
        )

    def _moved(self, found: _Reduction, share: float) -> float:
        """Rows that the join moves or every task looks up, if the reduced side has that share of its rows."""
        reduced, other = self.estimator.rows(found.reduced) * share, self.estimator.rows(found.other)
        ways = [MOVING * (reduced + other)]
        bytes_ = self.estimator.bytes_(found.reduced) * share
        is_inner = self.join.kind is JoinKind.INNER
        if (is_inner or found.reduced is self.join.right) and bytes_ <= self.options.broadcast_bytes:
            ways.append(reduced * self.estimator.tasks(found.other, reduced))
        fits = self.estimator.bytes_(found.other) <= self.options.broadcast_bytes
        if (is_inner or found.other is self.join.right) and fits and not found.target.grouped:
            ways.append(other * self.estimator.tasks(found.reduced, other))
        return min(ways)
