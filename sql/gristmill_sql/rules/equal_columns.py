"""Sets of columns that equalities of inner joins make equal in every row. Asked by the order of joins."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from gristmill_sql.algebra import column
from gristmill_sql.expressions import unwrapped
from gristmill_sql.names import Names


class EqualColumns:
    """The sets that ``predicates`` make of columns of one type; ``owner`` tells which relation a column is of."""

    def __init__(self, predicates: Iterable[exp.Expr], owner: Mapping[str, int], names: Names) -> None:
        self._owner = owner
        self._names = names
        self._sets: dict[str, list[str]] = {}
        self._given = set[frozenset[str]]()
        for predicate in predicates:
            pair = self._pair(predicate)
            if pair is not None:
                self._given.add(frozenset(pair))
                self._unite(*pair)

    def set_of(self, predicate: exp.Expr) -> int | None:
        """The number of the set that an equality is within, of which one pair then joins any two trees.

        None for any other predicate, and where a relation has two columns of the set: nothing made those equal in it.
        """
        pair = self._pair(predicate)
        if pair is None:
            return None
        equal = self._sets[pair[0]]
        owners = {self._owner[name] for name in equal}
        return id(equal) if len(owners) == len(equal) else None

    def implied(self) -> Iterator[exp.Expr]:
        """Equalities between columns of different relations that follow from the given ones."""
        for equal in {id(each): each for each in self._sets.values()}.values():
            for one, other in itertools.combinations(equal, 2):
                if self._owner[one] != self._owner[other] and frozenset((one, other)) not in self._given:
                    yield exp.EQ(this=column(one), expression=column(other))

    def _pair(self, predicate: exp.Expr) -> tuple[str, str] | None:
        predicate = unwrapped(predicate)
        if not isinstance(predicate, exp.EQ):
            return None
        sides = (predicate.this, predicate.expression)
        if not all(isinstance(side, exp.Column) and side.name in self._owner for side in sides):
            return None
        one, other = (side.name for side in sides)
        types = self._names.types(sides)
        return (one, other) if self._owner[one] != self._owner[other] and types[0] == types[1] else None

    def _unite(self, one: str, other: str) -> None:
        left, right = self._sets.setdefault(one, [one]), self._sets.setdefault(other, [other])
        if left is not right:
            left += right
            for name in right:
                self._sets[name] = left
