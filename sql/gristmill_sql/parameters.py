"""Parameters: each ``?``, ``$1`` and ``$name`` becomes a typed literal, never pasted text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gristmill.plan.problems import did_you_mean
from gristmill_sql.copies import all_in
from gristmill_sql.diagnose import invalid
from gristmill_sql.literals import typed_literal

Parameters = Sequence[object] | Mapping[str, object]


def bind_parameters(sql: str, tree: exp.Query, params: Parameters) -> bool:
    """Puts the values into the freshly parsed tree; whether there were any. Raises InvalidQuery on a mismatch."""
    placeholders = all_in(tree, exp.Placeholder, exp.Parameter)
    _check_count(sql, placeholders, params)
    position = iter(range(len(placeholders)))
    for node in placeholders:
        node.replace(typed_literal(_value(sql, _name(node), position, params)))
    return bool(placeholders)


def wanted_parameters(sql: str, params: Parameters, dialect: str) -> Parameters:
    """Those of the values that the query has parameters for: what a prompt was given is for any of its queries.

    All of them where the query cannot be parsed: whoever runs it tells why.
    """
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except SqlglotError:
        return params
    used = [_name(node) for tree in trees for node in tree.find_all(exp.Placeholder, exp.Parameter)]
    if isinstance(params, Mapping):
        return {name: value for name, value in params.items() if name in used}
    wanted = max((int(name) for name in used if name.isdigit()), default=len(used))
    return params[:wanted]


def _name(node: exp.Expr) -> str:
    return node.name if node.this is not None else ""


def _value(sql: str, name: str, position: Iterator[int], params: Parameters) -> object:
    if isinstance(params, Mapping):
        if name in params:
            return params[name]
        given = did_you_mean(name, map(str, params)) or "Give one for each parameter."
        raise invalid(sql, f"no value for parameter {f'${name}' if name else '?'}", remedy=given)
    if name and not name.isdigit():
        raise invalid(sql, f"no value for parameter ${name}", remedy="give the values by name")
    index = int(name) - 1 if name else next(position)
    if 0 <= index < len(params):
        return params[index]
    raise invalid(sql, f"no value for parameter {index + 1}", remedy=f"{len(params)} given")


def _check_count(sql: str, placeholders: Sequence[exp.Expr], params: Parameters) -> None:
    used = {_name(node) for node in placeholders}
    if isinstance(params, Mapping):
        unused = sorted(str(name) for name in params if name not in used)
        if unused:
            known = did_you_mean(unused[0], filter(None, used)) or "The query has no named parameters."
            raise invalid(sql, f"parameter ${unused[0]} does not occur in the query", remedy=known)
    elif params:
        wanted = max((int(name) for name in used if name.isdigit()), default=len(placeholders))
        if wanted < len(params):
            raise invalid(sql, f"{len(params)} parameters given, the query takes {wanted}")
