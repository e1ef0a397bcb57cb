"""Which field of a schema a key names.

Asked by ``ordering``, and by the coordinator for the types of keys: that one has no rows, and is where a query was
asked, so this is without Arrow's functions and without arrays, with the first of which pyarrow would import pandas.
"""

from __future__ import annotations

import pyarrow as pa

from gristmill.errors import InvalidPlan
from gristmill.plan.problems import did_you_mean


def key_field(schema: pa.Schema, by: str) -> tuple[pa.Field, tuple[int, ...]]:
    """The field named ``by``, or the one that a dotted path into structs names; and where it lies, part by part.

    Raises InvalidPlan with the columns there are.
    """
    at = schema.get_field_index(by)
    if at >= 0:
        return schema.field(at), (at,)
    name, *path = by.split(".")
    places = [schema.get_field_index(name)]
    field = schema.field(places[0]) if places[0] >= 0 else None
    for part in path:
        places.append(field.type.get_field_index(part) if field and pa.types.is_struct(field.type) else -1)
        field = field.type.field(places[-1]) if field and places[-1] >= 0 else None
    if field is None:
        remedy = did_you_mean(by, schema.names) or "There are no columns at all."
        raise InvalidPlan(f"there is no column {by!r}", remedy=remedy)
    return field, tuple(places)
