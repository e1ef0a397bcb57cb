"""Column names that are unique in a whole query, with the type of each. One allocator serves one compilation."""

from __future__ import annotations

from gristmill.plan.schema import Column, Schema


class Names:
    """Hands out names; a base that is taken gets a number."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._types: dict[str, str] = {}

    def fresh(self, base: str) -> str:
        """A name like ``base`` that no other column has, whatever the case of letters."""
        base = base or "column"
        while True:
            number = self._taken.get(base.casefold(), 0) + 1
            self._taken[base.casefold()] = number
            name = base if number == 1 else f"{base}_{number}"
            if number == 1 or name.casefold() not in self._taken:
                self._taken.setdefault(name.casefold(), 1)
                return name

    def column(self, base: str, type_: str) -> Column:
        """A new column of that type."""
        column = Column(self.fresh(base), type_)
        self._types[column.name] = type_
        return column

    def schema(self, names: list[str]) -> Schema:
        """Columns that were handed out, by name. Raises KeyError."""
        return tuple(Column(name, self._types[name]) for name in names)

    def __contains__(self, name: str) -> bool:
        return name in self._types
