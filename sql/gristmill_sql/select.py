"""One SELECT statement under construction: clauses are added until the next one needs a subselect.

The planner writes all fragments through it, so that a task's SQL reads as a person would write it. Text only; it
knows no relations and no jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, OrderTerm
from gristmill_sql.copies import text_of


@dataclass(frozen=True, slots=True)
class Select:
    """``columns`` are the names it gives. ``items`` None: those columns of ``source`` as they are.

    ``exact``: no other column of ``source`` has a name that something else in the query may have.
    """

    source: str
    columns: tuple[str, ...]
    items: tuple[tuple[str, str], ...] | None = None
    where: tuple[str, ...] = ()
    group: tuple[str, ...] | None = None
    having: str = ""
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    exact: bool = True

    def filtered(self, predicates: Iterable[exp.Expr]) -> Select:
        """Only rows for which all predicates hold."""
        texts = tuple(_operand(p) for p in predicates)
        base = self if self._takes_where else self._nested()
        return replace(base, where=(*base.where, *texts))

    def projected(self, items: Sequence[Item]) -> Select:
        """Computed columns instead of these."""
        if self.order and not all(item.passes for item in items):  # a new name may hide what the order reads
            return self._nested().projected(items)
        if self.items is not None and not self.order and all(isinstance(item.value, exp.Column) for item in items):
            return self._renamed(items)
        base = self if self.items is None and self.group is None else self._nested()
        names = tuple(item.column.name for item in items)
        if all(item.passes for item in items):
            return replace(base, columns=names, items=None)
        return replace(base, columns=names, items=tuple((text_of(item.value), item.column.name) for item in items))

    def _renamed(self, items: Sequence[Item]) -> Select:
        """The same computed columns under other names; those that GROUP BY counts stay in their places."""
        given = dict(zip((name for _, name in self.items or ()), self.items or (), strict=True))
        pairs = tuple((given[item.value.name][0], item.column.name) for item in items)
        moved = self.group and tuple(text for text, _ in pairs[: len(self.group)]) != tuple(
            text for text, _ in (self.items or ())[: len(self.group)]
        )
        if moved:
            return self._nested().projected(items)
        return replace(self, columns=tuple(name for _, name in pairs), items=pairs)

    def extended(self, items: Sequence[Item]) -> Select:
        """Computed columns beside these, of the rows that there are: a window or UNNEST comes after LIMIT."""
        is_plain = self.items is None and self.group is None and self.limit is None and not self.offset
        base = self if is_plain else self._nested()
        pairs = tuple((quote_name(name), name) for name in base.columns)
        added = tuple((text_of(item.value), item.column.name) for item in items)
        return replace(base, columns=base.columns + tuple(name for _, name in added), items=pairs + added)

    def closed(self) -> Select:
        """The same rows as a source: what comes next sees its columns, not how they are computed."""
        return self._nested()

    def cut(self, names: Sequence[str]) -> Select:
        """Only those of its columns, in that order."""
        if tuple(names) == self.columns:
            return self
        if self.items is None:
            return replace(self, columns=tuple(names))
        by_name = {name: text for text, name in self.items}
        if self.group is not None or self.order:
            return replace(self._nested(), columns=tuple(names))
        return replace(self, columns=tuple(names), items=tuple((by_name[n], n) for n in names))

    def grouped(self, keys: Sequence[Item], calls: Sequence[Item], *, having: str = "") -> Select:
        """One row for each group."""
        base = self if self._takes_where else self._nested()
        pairs = tuple((text_of(item.value), item.column.name) for item in (*keys, *calls))
        group = tuple(str(i + 1) for i in range(len(keys)))
        return replace(base, columns=tuple(name for _, name in pairs), items=pairs, group=group, having=having)

    def ordered(self, terms: Sequence[OrderTerm]) -> Select:
        """The rows in order."""
        base = self if not self.order and self.limit is None and not self.offset else self._nested()
        return replace(base, order=tuple(order_text(term) for term in terms))

    def limited(self, count: int | None, offset: int) -> Select:
        """At most ``count`` rows after ``offset``."""
        base = self if self.limit is None and not self.offset else self._nested()
        return replace(base, limit=count, offset=offset)

    def joined(self, kind: str, other: Select, on: Sequence[exp.Expr], columns: tuple[str, ...]) -> Select:
        """Joined with another SELECT; ``kind`` is DuckDB's words before JOIN."""
        condition = " AND ".join(_operand(p) for p in on) or "true"
        return Select(f"{self.as_source()} {kind}JOIN {other.as_source()} ON {condition}", columns)

    def over(self, source: str) -> Select:
        """The same statement with the rows of ``source`` as its ``input``."""
        if self.source == "input":
            return replace(self, source=source)
        return Select(f"(WITH input AS (FROM {source}) {self.text})", self.columns)

    def as_source(self) -> str:
        """Its rows as something that may stand in FROM."""
        is_bare = self._takes_where and self.items is None and not self.where and self.exact
        return self.source if is_bare else f"({self.text})"

    @property
    def text(self) -> str:
        """The statement."""
        items = ", ".join(quote_name(c) if i is None else _item(i) for c, i in self._pairs()) or "1 AS nothing"
        parts = [f"SELECT {items} FROM {self.source}"]
        if self.where:
            parts.append("WHERE " + " AND ".join(self.where))
        if self.group:
            parts.append("GROUP BY " + ", ".join(self.group))
        if self.having:
            parts.append("HAVING " + self.having)
        if self.order:
            parts.append("ORDER BY " + ", ".join(self.order))
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        if self.offset:
            parts.append(f"OFFSET {self.offset}")
        return " ".join(parts)

    def _pairs(self) -> Iterable[tuple[str, tuple[str, str] | None]]:
        return zip(self.columns, self.items or [None] * len(self.columns), strict=True)

    @property
    def _takes_where(self) -> bool:
        return self.items is None and self.group is None and not self.order and self.limit is None and not self.offset

    def _nested(self) -> Select:
        return Select(f"({self.text})", self.columns)


def _item(item: tuple[str, str]) -> str:
    text, name = item
    return text if text == quote_name(name) else f"{text} AS {quote_name(name)}"


def _operand(predicate: exp.Expr) -> str:
    text = text_of(predicate)
    return f"({text})" if isinstance(predicate, exp.Or) else text


def order_text(term: OrderTerm) -> str:
    """A term of ORDER BY in full."""
    return f"{text_of(term.value)} {'DESC' if term.desc else 'ASC'} NULLS {'FIRST' if term.nulls_first else 'LAST'}"
