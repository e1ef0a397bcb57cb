"""Estimated rows and bytes of relations, from what footers say of tables. Decides costs, never results.

Follows System R (Selinger et al. 1979) where nothing better is known: fixed selectivities, and joins divided by the
number of distinct keys, which for an unknown column is the size of the smaller table (a foreign key meets its key).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Join,
    JoinKind,
    Limit,
    Opaque,
    Project,
    Relation,
    Sample,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Values,
    Window,
    inputs_of,
    names_of,
)
from gristmill_sql.expressions import columns_in, conjuncts, disjuncts, implied_for, unwrapped
from gristmill_sql.task_sizes import TableRead, width

_RANGE = 0.3
_BETWEEN = 0.1
_HAVING = 0.1
"""Share of groups with an aggregate beyond a bound: who asks looks for what is out of the common."""
_LIKE = 0.1
_OTHER = 0.5
_ASSUMED_ROWS = 1_000_000
_GROUPING = 0.1
"""Share of rows that are groups of their own where no key's distinct values are known."""


class Estimator:
    """Estimates for the relations of one query; remembers what it computed and what it learned of columns."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Relation, float]] = {}
        self._bytes: dict[int, tuple[Relation, float]] = {}
        self._tables: dict[int, tuple[Relation, list[TableRead]]] = {}
        self._distinct: dict[str, float] = {}
        self._table_rows: dict[str, float] = {}
        self._shared: dict[str, Relation] = {}
        self._aggregates: set[str] = set()
        self._pairs: dict[exp.Expr, tuple[float, float]] = {}
        self._shares: dict[tuple[exp.Expr, frozenset[str]], float] = {}

    def define(self, name: str, relation: Relation) -> None:
        """Tells what a shared relation is."""
        self._shared[name] = relation

    def rows(self, relation: Relation) -> float:
        """How many rows a relation may have, at least 1."""
        known = self._rows.get(id(relation))
        if known is None or known[0] is not relation:
            for child in inputs_of(relation):
                self.rows(child)
            known = (relation, max(1.0, self._estimate(relation)))
            self._rows[id(relation)] = known
            self._pairs.clear()  # more may be known of its columns now
            self._shares.clear()
        return known[1]

    def at_most(self, relation: Relation) -> float:
        """How many rows it has at most, surely: by the known rows of tables."""
        match relation:
            case Scan():
                rows = relation.table.facts.rows
                return math.inf if rows is None else rows
            case Shared():
                return self.at_most(self._shared[relation.name]) if relation.name in self._shared else math.inf
            case Aggregate() if not relation.keys:
                return 1
            case Limit(count=count) if count is not None:
                return min(count, self.at_most(relation.input))
            case UnionAll():
                return sum(self.at_most(child) for child in relation.inputs)
            case Join(JoinKind.INNER, left, right):
                return self.at_most(left) * self.at_most(right)
            case Join(JoinKind.SEMI | JoinKind.ANTI | JoinKind.ASOF | JoinKind.ASOF_LEFT, left, _):
                return self.at_most(left)
            case Filter() | Project() | Aggregate() | Window() | Sort() | Limit() | Sample():
                return self.at_most(relation.input)
        return math.inf

    def bytes_(self, relation: Relation) -> float:
        """How many bytes its rows may take in Arrow's form."""
        known = self._bytes.get(id(relation))
        if known is None or known[0] is not relation:
            known = self._bytes[id(relation)] = (relation, self.rows(relation) * width(relation.columns))
        return known[1]

    def tasks(self, relation: Relation, looked_up: float = 0.0) -> int:
        """How many map tasks the largest table below a relation has, if each of them looks up so many rows."""
        return max([table.tasks(looked_up) for table in self._tables_below(relation)], default=1)

    def _tables_below(self, relation: Relation) -> list[TableRead]:
        known = self._tables.get(id(relation))
        if known is None or known[0] is not relation:
            tables = [table for child in inputs_of(relation) for table in self._tables_below(child)]
            known = (relation, [TableRead.of(relation)] if isinstance(relation, Scan) else tables)
            self._tables[id(relation)] = known
        return known[1]

    def groups(self, relation: Relation, keys: Iterable[exp.Expr]) -> float:
        """How many groups its rows fall into."""
        rows = self.rows(relation)
        known, unknown = 1.0, 0
        for key in keys:
            distinct = self._distinct_of(key)
            known, unknown = (known * distinct, unknown) if distinct else (known, unknown + 1)
        if not unknown:
            return min(rows, known)
        return min(rows, max(known, rows * _GROUPING))

    def joined_rows(
        self, kind: JoinKind, left: float, right: float, on: Iterable[exp.Expr], sides: frozenset[str]
    ) -> float:
        """Rows of a join of so many rows; ``sides`` are the names of the left side's columns."""
        divisor, selectivity, cap = 1.0, 1.0, 1.0
        for predicate in on:
            pair = equality(predicate, sides)
            if pair is None:
                selectivity *= self._left_to_join(predicate, sides)
                continue
            distinct, smaller = self._pair(predicate, *pair)
            divisor *= distinct
            cap = max(cap, smaller)  # several equalities have at most as many keys as a table that they are of
        inner = left * right * selectivity / max(1.0, min(divisor, cap))
        matched = min(1.0, selectivity * right / max(1.0, min(divisor, cap)))
        match kind:
            case JoinKind.SEMI:
                return left * matched
            case JoinKind.ANTI:
                return left * max(0.1, 1 - matched)
            case JoinKind.ASOF | JoinKind.ASOF_LEFT:
                return left
            case JoinKind.LEFT:
                return max(inner, left)
            case JoinKind.RIGHT:
                return max(inner, right)
            case JoinKind.FULL:
                return max(inner, left + right)
        return inner

    def _left_to_join(self, predicate: exp.Expr, sides: frozenset[str]) -> float:
        """The share of pairs for which a predicate over both sides holds, where what an OR implies for either side has
        filtered that side already (rules.predicates)."""
        used = columns_in(predicate)
        key = (predicate, used & sides)
        if (share := self._shares.get(key)) is None:
            share = self.selectivity(predicate)
            for own in (used & sides, used - sides):
                if (implied := implied_for(predicate, own)) is not None:
                    share /= self.selectivity(implied)
            self._shares[key] = share
        return min(1.0, share)

    def selectivity(self, predicate: exp.Expr) -> float:
        """The share of rows for which a predicate holds."""
        predicate = unwrapped(predicate)
        match predicate:
            case exp.And():
                return math.prod(self.selectivity(p) for p in conjuncts(predicate))
            case exp.Or():
                return min(1.0, sum(self.selectivity(p) for p in disjuncts(predicate)))
            case exp.Not():
                return max(0.05, 1 - self.selectivity(predicate.this))
            case exp.EQ():
                return self._equal(predicate.this, predicate.expression)
            case exp.In():
                return min(_OTHER, len(predicate.expressions) * self._equal(predicate.this, exp.Null()))
            case exp.Between():
                return _BETWEEN
            case exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                return _HAVING if columns_in(predicate) & self._aggregates else _RANGE
            case exp.Like() | exp.ILike():
                return 1 - _LIKE if predicate.args.get("negate") else _LIKE
            case exp.NEQ():
                return 0.9
        return _OTHER

    def _equal(self, left: exp.Expr, right: exp.Expr) -> float:
        distinct = self._distinct_of(left) or self._distinct_of(right)
        return 1 / distinct if distinct else _LIKE

    def _distinct_of(self, value: exp.Expr) -> float | None:
        """Distinct values of an expression: not more than those of its columns together."""
        if isinstance(value, exp.Column):
            return self._distinct.get(value.name)
        if isinstance(value, exp.Case) and len(value.args["ifs"]) == 1 and not value.args.get("default"):
            return self._distinct_of(value.args["ifs"][0].args["true"])
        known = [self._distinct.get(name) for name in columns_in(value)]
        if not known or any(distinct is None for distinct in known):
            return None
        product = math.prod(distinct for distinct in known if distinct is not None)
        if isinstance(value, exp.Extract) and value.name.upper() == "YEAR":
            return max(1.0, product / 365)
        return product

    def _pair(self, equality: exp.Expr, left: exp.Expr, right: exp.Expr) -> tuple[float, float]:
        """Distinct values of an equality's keys, and the rows of the smaller of their tables. The order of joins asks
        for the same ones again and again."""
        found = self._pairs.get(equality)
        if found is None:
            smaller = min(self._rows_behind(left), self._rows_behind(right))
            known = [d for side in (left, right) if (d := self._distinct_of(side))]
            found = self._pairs[equality] = (max(known) if len(known) == 2 else min([smaller, *known])), smaller
        return found

    def _rows_behind(self, value: exp.Expr) -> float:
        return max([self._table_rows.get(name, _ASSUMED_ROWS) for name in columns_in(value)], default=1.0)

    def _estimate(self, node: Relation) -> float:
        match node:
            case Scan():
                return self._scan(node)
            case Values():
                self._distinct.update((column.name, float(node.rows)) for column in node.columns)
                return node.rows
            case Shared():
                return self._reader(node)
            case Filter():
                return self.rows(node.input) * math.prod(self.selectivity(p) for p in node.predicates)
            case Join():
                left, right = self.rows(node.left), self.rows(node.right)
                return self.joined_rows(node.kind, left, right, node.on, names_of(node.left))
            case Aggregate():
                self._aggregates |= {call.column.name for call in node.calls}
                groups = self.groups(node.input, [key.value for key in node.keys]) if node.keys else 1.0
                return self._derived(node, groups)
            case Limit():
                return min(self.rows(node.input), node.count if node.count is not None else math.inf)
            case Sample():
                return node.count if node.share is None else self.rows(node.input) * float(node.share)
            case UnionAll():
                for column, *parts in zip(node.columns, *(child.columns for child in node.inputs), strict=True):
                    known = [self._distinct.get(part.name) for part in parts]
                    if any(known):
                        self._distinct[column.name] = sum(distinct or 1.0 for distinct in known)
                return self._derived(node, sum(self.rows(child) for child in node.inputs))
            case Opaque():
                return self._derived(node, max((self.rows(child) for child in node.inputs), default=1.0))
            case Project():
                for item in node.items:
                    if not item.passes and (distinct := self._distinct_of(item.value)):
                        self._distinct[item.column.name] = distinct
                return self._derived(node, self.rows(node.input))
        return self.rows(node.input)

    def _scan(self, node: Scan) -> float:
        facts = node.table.facts
        rows = float(facts.rows) if facts.rows is not None else facts.bytes_ / max(1, width(facts.schema))
        distinct = dict(facts.distinct)
        for column, source in zip(node.columns, node.sources, strict=True):
            self._table_rows[column.name] = max(1.0, rows)
            if source in distinct:
                self._distinct[column.name] = float(distinct[source])
        return rows

    def _reader(self, node: Shared) -> float:
        if node.name not in self._shared:
            return self._derived(node, _ASSUMED_ROWS)
        rows = self.rows(self._shared[node.name])
        for column, source in zip(node.columns, node.sources, strict=True):
            for known in (self._distinct, self._table_rows):
                if source in known:
                    known.setdefault(column.name, known[source])
        return self._derived(node, rows)

    def _derived(self, node: Relation, rows: float) -> float:
        for column in node.columns:
            self._table_rows.setdefault(column.name, max(1.0, rows))
        return rows


def equality(predicate: exp.Expr, left: frozenset[str]) -> tuple[exp.Expr, exp.Expr] | None:
    """The two sides of ``a = b`` where one reads only ``left`` columns and the other none of them; left one first.

    IS NOT DISTINCT FROM is an equality, too.
    """
    predicate = unwrapped(predicate)
    if not isinstance(predicate, exp.EQ | exp.NullSafeEQ):
        return None
    one, other = predicate.this, predicate.expression
    read, read_there = columns_in(one), columns_in(other)
    if not read or not read_there:
        return None
    if read <= left and not read_there & left:
        return one, other
    return (other, one) if read_there <= left and not read & left else None
