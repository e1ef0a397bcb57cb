"""UNNEST of lists: taken out of expressions, since it changes how many rows there are. For blocks and for FROM."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from gristmill_sql.algebra import Item, Relation, Unnest, column
from gristmill_sql.copies import copied, replaced
from gristmill_sql.expressions import unwrapped
from gristmill_sql.names import Names
from gristmill_sql.opaque import CannotSpread


def unnest_items(lists: Sequence[tuple[str | None, exp.Expr]], names: Names) -> tuple[Item, ...]:
    """A column of elements for each list. Raises CannotSpread for what is no list: structs become several columns."""
    values = [value for _, value in lists]
    if not all(type_.endswith("[]") for type_ in names.types(values)):
        raise CannotSpread("UNNEST of something other than a list")
    return names.items([(name or "unnest", exp.Explode(this=value)) for name, value in lists])


def with_elements(relation: Relation, values: list[exp.Expr], names: Names) -> tuple[Relation, list[exp.Expr]]:
    """The relation with a row for each element of the lists that are unnested in ``values``, and those over it."""
    found = dict.fromkeys(node for value in values for node in value.find_all(exp.Explode, exp.Unnest))
    if not found:
        return relation, values
    if any(inner is not node for node in found for inner in node.find_all(exp.Explode, exp.Unnest)):
        raise CannotSpread("UNNEST in UNNEST")
    if any(node.expressions for node in found if isinstance(node, exp.Explode)):
        raise CannotSpread("UNNEST with options")
    lists = [unwrapped(node.this if isinstance(node, exp.Explode) else node.expressions[0]) for node in found]
    items = unnest_items([("unnest", each) for each in lists], names)
    columns = {node: column(item.column.name) for node, item in zip(found, items, strict=True)}

    def element(node: exp.Expr) -> exp.Expr | None:
        return copied(columns[node]) if isinstance(node, exp.Explode | exp.Unnest) else None

    return Unnest(relation, items), [replaced(value, element) for value in values]
