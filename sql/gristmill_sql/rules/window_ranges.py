"""Windows over all rows in ranges of the first term of their ORDER BY: running totals, ranks, RANGE frames.

Called by ``global_windows``. The ranges come from a sample of the values and change nothing but the balance. Each range
gets its own rows, and those of its neighbours that a RANGE frame with an offset reaches; what a frame that is open to
one side sees beyond is what whole ranges amount to, which takes only their totals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from gristmill.plan.schema import Column
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    JoinKind,
    Limit,
    Project,
    Relation,
    Shared,
    Unnest,
    Window,
    column,
)
from gristmill_sql.copies import copied, text_of
from gristmill_sql.expressions import bare_call, columns_in, enclosed, holds, is_aggregate, is_volatile, substituted
from gristmill_sql.rules.window_frames import Border, Frame, frame_of
from gristmill_sql.rules.window_totals import NUMBERING, adds_up, collected, raised, total_of

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge

_SAMPLED = 4_000
_MAX_RANGES = 64
_PLACED = (exp.FirstValue, exp.LastValue, exp.NthValue)
_STEADY = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|FLOAT|DOUBLE|DATE|DECIMAL\(.*\)|TIMESTAMP.*")
"""Types that keep their order when one offset is added to each value."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a window function needs beside the rows of its own range.

    ``totals``: those of all ranges before (-1) or after it (1); ``reach``: the borders of its frame in other ranges.
    """

    totals: int = 0
    reach: tuple[Border, ...] = ()


def part_of(window: exp.Expr, key_type: str) -> Part | None:
    """How a function is computed in ranges of a key of that type; None where it is not."""
    function, frame = window.this, frame_of(window)
    if isinstance(function, NUMBERING):
        return None if function.find(exp.Order) else Part(totals=-1)
    part = _open_part(function, frame) if frame.open_start or frame.open_end else _closed_part(function, frame)
    if part is None or not part.reach:
        return part
    steady = _STEADY.fullmatch(key_type)
    constant = all(b.offset is not None and _is_constant(b.offset) for b in part.reach)
    return part if steady and constant and len(window.args["order"].expressions) == 1 else None


def _open_part(function: exp.Expr, frame: Frame) -> Part | None:
    """A frame of all rows from or up to a place near the current row."""
    side = -1 if frame.open_start else 1
    near = frame.end if frame.open_start else frame.start
    edge = exp.LastValue if frame.open_start else exp.FirstValue
    if isinstance(function, edge) and near.sign == 0 and not frame.without and not function.find(exp.Order):
        return Part()  # a row equal to the current one, which lies in the same range
    if not adds_up(function):
        return None
    if near.sign == 0 or (frame.unit == "ROWS" and near.rows == side):
        return Part(side)
    return Part(side, (near,)) if frame.unit == "RANGE" and near.sign == -side else None


def _closed_part(function: exp.Expr, frame: Frame) -> Part | None:
    """A RANGE frame with two places near the current row."""
    if frame.unit != "RANGE" or frame.start.unbounded or frame.end.unbounded:
        return None
    if not is_aggregate(function) and not isinstance(bare_call(function), _PLACED):
        return None
    return Part(reach=tuple(b for b, sign in ((frame.start, -1), (frame.end, 1)) if b.sign == sign))


def _is_constant(offset: exp.Expr) -> bool:
    return not columns_in(offset) and not holds(offset, exp.Query) and not is_volatile(offset)


def in_ranges(relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> Relation:
    """The relation with window functions that have one ORDER BY and a ``Part`` each, appended."""
    return _Ranges(relation, order, items, knowledge).relation()


@dataclass(frozen=True, slots=True)
class _Placed:
    """Rows with the ``number`` of their range, and the ``place`` where they stand: copies where they are seen."""

    relation: Relation
    number: Column
    place: Column


class _Ranges:
    """Window functions with one ORDER BY over all rows."""

    def __init__(self, relation: Relation, order: exp.Expr, items: tuple[Item, ...], knowledge: Knowledge) -> None:
        self._input = relation
        self._order = order
        self._items = items
        self._knowledge = knowledge
        self._names = knowledge.names
        first = order.expressions[0]
        self._key: exp.Expr = first.this
        self._desc = bool(first.args.get("desc"))
        self._nulls_first = bool(first.args.get("nulls_first"))
        (key_type,) = knowledge.names.types([self._key])
        self._parts = [part_of(item.value, key_type) or Part() for item in items]

    def relation(self) -> Relation:
        """The input with the functions' columns appended."""
        rows = self._knowledge.share("all_rows", self._input)
        bounds = self._knowledge.share("bounds", self._bounds(rows))
        here = self._placed(rows, {}, bounds, [b for part in self._parts for b in part.reach])
        local = [Item(self._names.column(i.column.name, i.column.type), _within(i.value, here)) for i in self._items]
        result: Relation = Window(here.relation, (column(here.place.name),), tuple(local))
        if here.place != here.number:
            own = exp.EQ(this=column(here.place.name), expression=column(here.number.name))
            result = Filter(result, (own,))
        values: list[exp.Expr] = [column(one.column.name) for one in local]
        if any(part.totals for part in self._parts):
            result, values = self._with_totals(result, here.number, values, rows, bounds)
        added = (Item(item.column, value) for item, value in zip(self._items, values, strict=True))
        return Project(result, (*(Item(c, column(c.name)) for c in self._input.columns), *added))

    def _with_totals(
        self, relation: Relation, number: Column, values: list[exp.Expr], rows: Shared, bounds: Shared
    ) -> tuple[Relation, list[exp.Expr]]:
        """The values within each range, raised by what the ranges beside it amount to."""
        outside, of_range, totals = self._outside(rows, bounds)
        same = exp.EQ(this=column(number.name), expression=column(of_range.name))
        both: list[exp.Expr] = []
        for item, part, value in zip(self._items, self._parts, values, strict=True):
            if part.totals:
                other = column(next(totals).column.name)
                both.append(raised(item.value.this, value, other, item.column.type, part.totals))
            else:
                both.append(value)
        return Join(JoinKind.INNER, relation, outside, (same,)), both

    def _bounds(self, rows: Shared) -> Relation:
        """One row: values of the first term that cut the rows into ranges of about the same size."""
        again, names = self._knowledge.read(rows)
        key = self._names.item("key", substituted(self._key, names))
        every = max(1, int(self._knowledge.estimator.rows(self._input)) // _SAMPLED)
        sampled: Relation = Project(again, (key,))
        if every > 1:
            hashed = exp.Mod(this=exp.func("hash", column(key.column.name)), expression=exp.Literal.number(every))
            sampled = Filter(sampled, (exp.EQ(this=hashed, expression=exp.Literal.number(0)),))
        value = self._names.column(key.column.name, key.column.type)
        values = Aggregate(sampled, (Item(value, column(key.column.name)),), ())
        few = Limit(values, 2 * _SAMPLED)
        count = self._count() - 1
        calls = [
            (
                "bound",
                exp.PercentileDisc(
                    this=column(value.name), expression=exp.Literal.number(f"{(i + 1) / (count + 1):.6f}")
                ),
            )
            for i in range(count)
        ]
        return Aggregate(few, (), self._names.items(calls))

    def _count(self) -> int:
        """Into how many ranges the rows are cut."""
        wanted = self._knowledge.partitions(self._knowledge.estimator.bytes_(self._input))
        return min(max(2, wanted), _MAX_RANGES)

    def _placed(
        self, rows: Relation, names: dict[str, exp.Expr], bounds: Shared, reach: Iterable[Border] = ()
    ) -> _Placed:
        cuts, _ = self._knowledge.read(bounds)
        key = self._names.item("key", substituted(self._key, names))
        keyed = rows if key.passes else Project(rows, (*(Item(c, column(c.name)) for c in rows.columns), key))
        joined = Join(JoinKind.INNER, keyed, cuts)
        steps = _Steps(quote_name(key.column.name), [quote_name(c.name) for c in cuts.columns], self._desc)
        number = self._names.column("range", "INTEGER")
        kept = [Item(c, column(c.name)) for c in rows.columns]
        kept.append(Item(number, parse_one(steps.own(nulls_first=self._nulls_first), read="duckdb")))
        if not (borders := list(dict.fromkeys(reach))):
            return _Placed(Project(joined, tuple(kept)), number, number)
        seen = self._names.column("places", "BIGINT[]")
        kept.append(Item(seen, parse_one(steps.seen(borders, nulls_first=self._nulls_first), read="duckdb")))
        place = self._names.item("place", exp.Explode(this=column(seen.name)))
        return _Placed(Unnest(Project(joined, tuple(kept)), (place,)), number, place.column)

    def _outside(self, rows: Shared, bounds: Shared) -> tuple[Relation, Column, Iterator[Item]]:
        """For each range: its number, and for each function with totals what the ranges on that side amount to."""
        again, names = self._knowledge.read(rows)
        there = self._placed(again, names, bounds)
        summed = [(item.value, part.totals) for item, part in zip(self._items, self._parts, strict=True) if part.totals]
        totals = self._names.items([("total", total_of(window, names)) for window, _ in summed])
        key = Item(self._names.column("range", "INTEGER"), column(there.number.name))
        ranges = Limit(Aggregate(there.relation, (key,), totals), _MAX_RANGES + 2)
        outside = self._names.items(
            [
                ("outside", collected(window.this, total, key.column, side))
                for (window, side), total in zip(summed, totals, strict=True)
            ]
        )
        return Window(ranges, (), outside), key.column, iter(outside)


class _Steps:
    """SQL for the numbers of ranges: 1 and up in the order of the ``cuts`` between them, NULLs beyond either end."""

    def __init__(self, key: str, cuts: list[str], desc: bool) -> None:
        self._key = key
        self._cuts = cuts
        self._desc = desc

    def own(self, *, nulls_first: bool) -> str:
        """The range of a row."""
        return f"CASE WHEN {self._key} IS NULL THEN {self._of_null(nulls_first)} ELSE {self._number()} END"

    def seen(self, borders: Iterable[Border], *, nulls_first: bool) -> str:
        """The ranges that have a row whose frame, within such borders, may hold this row."""
        low, high = [self._number()], [self._number()]
        for border in borders:
            (low if border.sign > 0 else high).append(self._number(border))
        seen = f"RANGE(LEAST({', '.join(low)}), GREATEST({', '.join(high)}) + 1)"
        return f"CASE WHEN {self._key} IS NULL THEN [CAST({self._of_null(nulls_first)} AS BIGINT)] ELSE {seen} END"

    def _of_null(self, nulls_first: bool) -> int:
        return 0 if nulls_first else len(self._cuts) + 2

    def _number(self, border: Border | None = None) -> str:
        """The range of the row, or the furthest whose rows may see it.

        Offsets are added to the cuts, which are values of rows, as the window function adds them to those rows.
        """
        past, moved = ("<" if self._desc else ">"), ""
        if border is not None and border.offset is not None:
            moved = f" {'+' if (border.sign > 0) != self._desc else '-'} {text_of(enclosed(border.offset))}"
            past += "" if border.sign > 0 else "="
        steps = (f"CAST(COALESCE({self._key} {past} {cut}{moved}, false) AS INTEGER)" for cut in self._cuts)
        return f"1 + {' + '.join(steps)}"


def _within(window: exp.Expr, here: _Placed) -> exp.Expr:
    fresh = copied(window)
    fresh.set("partition_by", [column(here.place.name)])
    return fresh
