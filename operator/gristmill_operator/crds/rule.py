"""One rule of a schema in CEL, as ``x-kubernetes-validations`` has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """``cel`` must hold of ``self``, else ``message`` is told; of ``field`` (below ``self``), where one is to blame.

    ``reason`` is the machine's word for it: FieldValueInvalid, FieldValueRequired or FieldValueForbidden.
    """

    cel: str
    message: str
    field: str = ""
    reason: str = "FieldValueInvalid"

    def form(self) -> dict[str, Any]:
        """The rule as a schema has it."""
        form = {"rule": self.cel, "message": self.message}
        if self.field:
            form["fieldPath"] = f".{self.field}"
        if self.reason != "FieldValueInvalid":
            form["reason"] = self.reason
        return form


def has(name: str) -> str:
    """CEL for whether the field is written."""
    return f"has(self.{name})"


def listed(names: tuple[str, ...], word: str = "and") -> str:
    """``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last
