"""Column names that are unique in a whole query, with the type of each. One allocator serves one compilation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from gristmill.plan.schema import Column, Schema
from gristmill_sql.algebra import Item, column
from gristmill_sql.expressions import columns_in
from gristmill_sql.oracle import Oracle

_CONDITIONS = (exp.Connector, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.Between, exp.In, exp.Like)
"""What is BOOLEAN whatever stands in it."""


class Names:
    """Hands out columns: a name that is taken gets a number, a type that is not known is asked from the oracle."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._types: dict[str, str] = {}

    def column(self, base: str, type_: str) -> Column:
        """A new column of that type, named like ``base``."""
        new = Column(self._fresh(base), type_)
        self._types[new.name] = type_
        return new

    def item(self, base: str, value: exp.Expr) -> Item:
        """A column that is computed: the input column itself where the value is one, else a new one."""
        return self.items([(base, value)])[0]

    def items(self, values: Sequence[tuple[str, exp.Expr]]) -> tuple[Item, ...]:
        """Several computed columns; their types are asked for at once."""
        types = self.types([value for _, value in values])
        return tuple(
            Item(Column(value.name, type_) if isinstance(value, exp.Column) else self.column(base, type_), value)
            for (base, value), type_ in zip(values, types, strict=True)
        )

    def types(self, values: Iterable[exp.Expr]) -> tuple[str, ...]:
        """The types of expressions over columns that were handed out here."""
        values = tuple(values)
        if all(isinstance(value, exp.Column) for value in values):
            return tuple(self._types[value.name] for value in values)
        shapes = [self._shape(value) for value in values]
        over = {c.name: c for _, columns in shapes for c in columns}
        return self._oracle.types([shape for shape, _ in shapes], tuple(over[name] for name in sorted(over)))

    def _shape(self, value: exp.Expr) -> tuple[exp.Expr, Schema]:
        """An expression of the same type as others of its shape: columns by their types, conditions as TRUE.

        So that the oracle is asked once for the twelve sums of a year's months.
        """
        found: dict[str, Column] = {}

        def shape(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                type_ = self._types[node.name]
                found[node.name] = (
                    Column(f"{type_} {len(found)}", type_) if node.name not in found else found[node.name]
                )
                return column(found[node.name].name)
            return exp.true() if isinstance(node, _CONDITIONS) else node

        return value.transform(shape), tuple(found.values())

    def schema(self, names: Iterable[str]) -> Schema:
        """Columns that were handed out, by name."""
        return tuple(Column(name, self._types[name]) for name in sorted(names))

    def knows(self, value: exp.Expr) -> bool:
        """Whether every column of an expression was handed out here."""
        return all(name in self._types for name in columns_in(value))

    def _fresh(self, base: str) -> str:
        name = base = base or "column"
        while name.casefold() in self._taken:
            self._numbers[base] = self._numbers.get(base, 1) + 1
            name = f"{base}_{self._numbers[base]}"
        self._taken.add(name.casefold())
        return name
