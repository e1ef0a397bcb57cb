"""Order of inner joins by estimated cost: dynamic programming over all trees of few relations, greedy beyond.

What two equalities imply joins as well: of ``l = p AND l = s`` also ``p = s``, so that two small tables may meet before
the large one. Joins without a predicate between them come last. The cost of a join is the rows that it gives and the
rows that must move for it: the smaller side if it can be broadcast, else both (after Selinger et al. 1979, with bushy
trees).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import Join, JoinKind, Relation, inputs_of, names_of, with_inputs
from gristmill_sql.estimate import equality
from gristmill_sql.expressions import columns_in
from gristmill_sql.rules.equal_columns import EqualColumns
from gristmill_sql.rules.rewriting import filtered

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

MAX_EXHAUSTIVE = 8
_BROADCAST_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class _Tree:
    """A join tree over some of the leaves (bits of ``members``)."""

    relation: Relation
    members: int
    rows: float
    cost: float
    names: frozenset[str]


def order_joins(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with each group of inner joins in its cheapest order."""
    if not (isinstance(relation, Join) and relation.kind is JoinKind.INNER):
        return with_inputs(relation, tuple(order_joins(child, knowledge) for child in inputs_of(relation)))
    leaves: list[Relation] = []
    predicates: list[exp.Expr] = []
    _collect(relation, leaves, predicates)
    leaves = [order_joins(leaf, knowledge) for leaf in leaves]
    return _Orderer(leaves, predicates, knowledge).best()


def _collect(relation: Relation, leaves: list[Relation], predicates: list[exp.Expr]) -> None:
    pending = [relation]
    while pending:
        node = pending.pop()
        if isinstance(node, Join) and node.kind is JoinKind.INNER:
            predicates += node.on
            pending += [node.right, node.left]
        else:
            leaves.append(node)


class _Orderer:
    def __init__(self, leaves: list[Relation], predicates: list[exp.Expr], knowledge: Knowledge) -> None:
        estimator = self._estimator = knowledge.estimator
        self._leaves = [_Tree(leaf, 1 << i, estimator.rows(leaf), 0.0, names_of(leaf)) for i, leaf in enumerate(leaves)]
        owner = {name: leaf.members for leaf in self._leaves for name in leaf.names}
        equals = EqualColumns(predicates, owner, knowledge.names)
        self._predicates = [
            (p, _members(p, owner), equals.set_of(p)) for p in dict.fromkeys([*predicates, *equals.implied()])
        ]

    def best(self) -> Relation:
        tree = (self._exhaustive() if len(self._leaves) <= MAX_EXHAUSTIVE else None) or self._greedy()
        return filtered(tree.relation, tuple(p for p, members, _ in self._predicates if members.bit_count() < 2))

    def _exhaustive(self) -> _Tree | None:
        """The cheapest tree; None where only predicates over three relations and more link some of them."""
        best: dict[int, _Tree] = {leaf.members: leaf for leaf in self._leaves}
        everything = (1 << len(self._leaves)) - 1
        is_connected = self._is_connected(everything)
        for members in sorted(range(1, everything + 1), key=int.bit_count):
            if members in best:
                continue
            candidate = self._best_split(members, best, connected=True)
            if candidate is None and (members == everything or not is_connected):
                candidate = self._best_split(members, best, connected=False)
            if candidate is not None:
                best[members] = candidate
        return best.get(everything)

    def _best_split(self, members: int, best: dict[int, _Tree], *, connected: bool) -> _Tree | None:
        found: tuple[float, _Tree, _Tree, list[exp.Expr], float] | None = None
        part = (members - 1) & members
        while part:
            left, right = best.get(part), best.get(members ^ part)
            if left and right and left.rows >= right.rows:
                on = self._between(left, right)
                if on or not connected:
                    rows, cost = self._measure(left, right, on)
                    if found is None or cost < found[0]:
                        found = (cost, left, right, on, rows)
            part = (part - 1) & members
        return None if found is None else self._tree(*found)

    def _tree(self, cost: float, left: _Tree, right: _Tree, on: list[exp.Expr], rows: float) -> _Tree:
        relation = Join(JoinKind.INNER, left.relation, right.relation, tuple(on))
        return _Tree(relation, left.members | right.members, rows, cost, left.names | right.names)

    def _greedy(self) -> _Tree:
        trees = list(self._leaves)
        while len(trees) > 1:
            pairs = [(a, b) for i, a in enumerate(trees) for b in trees[i + 1 :]]
            linked = [(a, b) for a, b in pairs if self._between(a, b)] or pairs
            left, right = min(linked, key=lambda pair: self._measure(pair[0], pair[1], self._between(*pair))[1])
            if left.rows < right.rows:
                left, right = right, left
            on = self._between(left, right)
            rows, cost = self._measure(left, right, on)
            trees = [t for t in trees if t is not left and t is not right]
            trees.append(self._tree(cost, left, right, on, rows))
        return trees[0]

    def _measure(self, left: _Tree, right: _Tree, on: list[exp.Expr]) -> tuple[float, float]:
        """Rows and total cost of joining two trees."""
        rows = self._estimator.joined_rows(JoinKind.INNER, left.rows, right.rows, on, left.names)
        small = min(left.rows, right.rows)
        moved = 2 * small if small <= _BROADCAST_ROWS else left.rows + right.rows
        pairs = 0.0 if any(equality(p, left.names) for p in on) else left.rows * right.rows / 10
        return rows, left.cost + right.cost + rows + moved + pairs

    def _between(self, left: _Tree, right: _Tree) -> list[exp.Expr]:
        """The predicates that join two trees; of columns that are equal all over, one pair."""
        both = left.members | right.members
        found: dict[object, exp.Expr] = {}
        for number, (predicate, members, equal) in enumerate(self._predicates):
            if members & left.members and members & right.members and not members & ~both:
                found.setdefault(("set", equal) if equal is not None else number, predicate)
        return list(found.values())

    def _is_connected(self, members: int) -> bool:
        reached = members & -members
        while True:
            grown = reached
            for _, touched, _ in self._predicates:
                if touched & reached:
                    grown |= touched & members
            if grown == reached:
                return reached == members
            reached = grown


def _members(predicate: exp.Expr, owner: dict[str, int]) -> int:
    members = 0
    for name in columns_in(predicate):
        members |= owner.get(name, 0)
    return members
