"""``NAME=URI`` and parameter values as they are written on the command line."""

from __future__ import annotations

import re

from gristmill.errors import InvalidPlan
from gristmill.plan.parameters import parse_parameters
from gristmill.plan.query import Scalar

_NAMED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def bind_tables(texts: list[str]) -> dict[str, str]:
    """URIs by table name. Raises InvalidPlan for what is not ``NAME=URI``, and for a name given twice."""
    tables: dict[str, str] = {}
    for text in texts:
        match = _NAMED.fullmatch(text)
        if match is None or not match[2]:
            raise InvalidPlan(f"{text!r} is not NAME=URI", place="--table", remedy=_named(text))
        if match[1] in tables:
            raise InvalidPlan(f"table {match[1]} is given twice", place="--table", remedy="Use a glob for many files.")
        tables[match[1]] = match[2]
    return tables


def _named(text: str) -> str:
    """A remedy that gives the table at ``text`` a name, its own where that is one."""
    stem = text.rsplit("/", 1)[-1].split(".", maxsplit=1)[0]
    return f"For instance {stem}={text}" if stem.isidentifier() else "For instance orders='data/*.parquet'"


def bind_params(texts: list[str]) -> list[Scalar] | dict[str, Scalar]:
    """Values in order, or by name where all are ``NAME=VALUE``. Raises InvalidPlan where some are and some are not."""
    parameters = parse_parameters(texts, "--param")
    if any(one.name for one in parameters):
        return {one.name: one.value for one in parameters}
    return [one.value for one in parameters]
