"""Whether the types of a declared schema are types: asked before anything runs, by the API and by planning."""

from __future__ import annotations

from gristmill.errors import InvalidPlan, TypeConflict
from gristmill.plan.schema import Schema
from gristmill.rows.logical import parse


def check_types(schema: Schema, place: str) -> None:
    """Raises InvalidPlan that names the first column whose type is none."""
    for column in schema:
        try:
            parse(column.type)
        except TypeConflict as error:
            raise InvalidPlan(error.reason, place=f"{place}, column {column.name!r}", remedy=error.remedy) from None
