"""Scopes: which names an expression of a query block may use, and the unique columns that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from gristmill.plan.schema import Column, Schema
from gristmill_sql.algebra import Relation


@dataclass(frozen=True, slots=True)
class Named:
    """A column as the query sees it."""

    name: str
    column: Column


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound query: its relation, and the columns that it shows, by position."""

    relation: Relation
    shown: tuple[Named, ...]

    @property
    def columns(self) -> Schema:
        """The shown columns."""
        return tuple(named.column for named in self.shown)


@dataclass(frozen=True)
class Source:
    """A table, derived table or CTE in FROM, under its alias; ``merged`` are columns that USING shows only once."""

    alias: str
    columns: tuple[Named, ...]
    merged: frozenset[str] = frozenset()

    def find(self, name: str) -> Column | None:
        """The column of that name."""
        return self._by_name.get(name.casefold())

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {named.name.casefold(): named.column for named in reversed(self.columns)}


@dataclass(slots=True)
class Scope:
    """The names of one query block; ``outer`` is that of the block around a subquery.

    ``aliases`` are the block's own select aliases, which DuckDB lets other clauses use where no column has the name.
    """

    outer: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)

    def own(self, parts: list[str]) -> tuple[Column, list[str]] | None:
        """The column that a dotted name stands for in this block, and the struct fields after it."""
        name, *rest = parts
        if rest and (source := self._source(name)):
            found = source.find(rest[0])
            if found:
                return found, rest[1:]
        found = next((column for source in self.sources if (column := source.find(name))), None)
        if found:
            return found, rest
        return None

    def resolve(self, parts: list[str]) -> tuple[Column, list[str]] | None:
        """The same, looking outwards from block to block."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.own(parts):
                return found
            scope = scope.outer
        return None

    def visible(self, alias: str = "") -> list[Named]:
        """The columns that ``*`` (or ``alias.*``) stands for, in order."""
        found: list[Named] = []
        for source in self.sources:
            if alias and source.alias.casefold() != alias.casefold():
                continue
            found += [n for n in source.columns if alias or n.name.casefold() not in source.merged]
        return found

    def _source(self, alias: str) -> Source | None:
        return next((source for source in self.sources if source.alias.casefold() == alias.casefold()), None)
