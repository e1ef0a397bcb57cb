"""Column names that are unique in a whole query, with the type of each. One allocator serves one compilation."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from sqlglot import exp

from gristmill.plan.schema import Column, Schema
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, Values
from gristmill_sql.expressions import columns_in, columns_of_all
from gristmill_sql.oracle import Oracle

_CONDITIONS = (exp.Connector, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.Between, exp.In, exp.Like)
"""What is BOOLEAN whatever stands in it."""

_TYPES: dict[Hashable, str] = {}
"""The types of expressions by their shapes: they are the same in every query of a process."""
_MOST_TYPES = 10_000


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

    def one_row(self) -> Values:
        """The one row of a SELECT without FROM; its column is for what needs at least one."""
        only = self.column("one", "INTEGER")
        return Values(f"SELECT 1 AS {quote_name(only.name)}", (only,), 1)

    def types(self, values: Iterable[exp.Expr]) -> tuple[str, ...]:
        """The types of expressions over columns that were handed out here."""
        values = tuple(values)
        if all(isinstance(value, exp.Column) for value in values):
            return tuple(self._types[value.name] for value in values)
        shapes = [self._shape(value) for value in values]
        known = {shape: _TYPES.get(shape) for shape in shapes}
        asked = {shape: value for shape, value in zip(shapes, values, strict=True) if known[shape] is None}
        if asked:
            over = self.schema(columns_of_all(asked.values()))
            learned = dict(zip(asked, self._oracle.types(asked.values(), over), strict=True))
            if len(_TYPES) > _MOST_TYPES:
                _TYPES.clear()
            _TYPES.update(learned)
            known |= learned
        return tuple(known[shape] or "" for shape in shapes)

    def _shape(self, value: exp.Expr) -> Hashable:
        """What decides an expression's type: its tree, with columns by their types, and conditions as such.

        So that the oracle is asked once for the twelve sums of a year's months.
        """
        shape: list[object] = []
        columns: dict[str, int] = {}
        pending: list[object] = [value]
        while pending:
            node = pending.pop()
            if isinstance(node, exp.Column):
                shape += (exp.Column, self._types[node.name], columns.setdefault(node.name, len(columns)))
            elif isinstance(node, _CONDITIONS):
                shape.append(_CONDITIONS)
            elif isinstance(node, exp.Expr):
                shape += (type(node), *node.args)
                pending += node.args.values()
            elif isinstance(node, list):
                shape.append(len(node))
                pending += node
            else:
                shape.append(node)
        return tuple(shape)

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
