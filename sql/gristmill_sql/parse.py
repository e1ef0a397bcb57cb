"""SQL text -> syntax tree: one SELECT-like statement in any of sqlglot's dialects, with parameters bound.

Called by the compiler first. Knows no tables and no types; what it returns is sqlglot's tree, which later steps
read and copy but never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.dialects import Dialect
from sqlglot.errors import ParseError, TokenError

from gristmill.errors import InvalidQuery
from gristmill_sql.diagnose import Span, invalid
from gristmill_sql.literals import typed_literal
from gristmill_sql.options import CompileOptions


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query's tree, the user's text that its positions refer to, and the text that DuckDB reads.

    ``text`` is the user's own where the dialect is DuckDB's and nothing had to be bound, else its translation.
    """

    tree: exp.Query
    source: str
    text: str


def parse(sql: str, options: CompileOptions) -> Parsed:
    """The one query in ``sql``. Raises InvalidQuery with the place of the fault."""
    try:
        statements = [s for s in sqlglot.parse(sql, read=_dialect(options.dialect)) if s is not None]
    except (ParseError, TokenError) as fault:
        raise _parse_error(sql, fault) from None
    if not statements:
        raise invalid(sql, "the query is empty", remedy="write a SELECT")
    if len(statements) > 1:
        raise invalid(sql, f"{len(statements)} statements where one is expected", remedy="run them one at a time")
    tree = statements[0]
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query):
        raise invalid(
            sql,
            f"{_statement_name(tree)} is not supported: Gristmill runs SELECT queries",
            at=_first_word(sql),
            remedy="write a SELECT, WITH, VALUES or FROM query",
        )
    bound = _bind_parameters(sql, tree, options.params)
    translated = options.dialect != "duckdb" or bool(options.params)
    return Parsed(bound, sql, bound.sql(dialect="duckdb", pretty=True) if translated else sql)


def _dialect(name: str) -> str:
    try:
        Dialect.get_or_raise(name)
    except ValueError as fault:
        raise InvalidQuery(str(fault), place="dialect", remedy="see sqlglot's list of dialects") from None
    return name


def _statement_name(tree: exp.Expr) -> str:
    return str(tree.this).upper() if isinstance(tree, exp.Command) else tree.key.upper()


def _first_word(sql: str) -> Span:
    start = len(sql) - len(sql.lstrip())
    word = sql[start:].split(maxsplit=1)[0] if sql.strip() else ""
    return Span(start, start + len(word))


def _parse_error(sql: str, fault: ParseError | TokenError) -> InvalidQuery:
    detail = fault.errors[0] if isinstance(fault, ParseError) and fault.errors else None
    if detail is None or not detail.get("line"):
        return invalid(sql, str(fault).split("\n", maxsplit=1)[0].rstrip("."), at=Span(len(sql.rstrip()) - 1, len(sql)))
    lines = sql.split("\n")
    highlight = str(detail.get("highlight") or " ")
    end = sum(len(line) + 1 for line in lines[: detail["line"] - 1]) + detail["col"]
    return invalid(sql, f"syntax error: {detail['description']}".rstrip("."), at=Span(end - len(highlight), end))


def _bind_parameters(sql: str, tree: exp.Query, params: Sequence[object] | Mapping[str, object]) -> exp.Query:
    placeholders = list(tree.find_all(exp.Placeholder, exp.Parameter, bfs=False))
    _check_count(sql, placeholders, params)
    if not placeholders:
        return tree
    position = iter(range(len(placeholders)))
    values = {id(node): typed_literal(_value(sql, _name(node), position, params)) for node in placeholders}
    for node in placeholders:
        node.replace(values[id(node)])
    return tree


def _name(node: exp.Expr) -> str:
    return node.name if node.this is not None else ""


def _value(sql: str, name: str, position: object, params: Sequence[object] | Mapping[str, object]) -> object:
    if isinstance(params, Mapping):
        if name in params:
            return params[name]
        raise invalid(
            sql, f"no value for parameter ${name or '?'}", remedy=f"given: {', '.join(map(str, params)) or 'none'}"
        )
    index = int(name) - 1 if name.isdigit() else next(position)  # type: ignore[call-overload]
    if isinstance(index, int) and 0 <= index < len(params):
        return params[index]
    raise invalid(sql, f"no value for parameter {index + 1}", remedy=f"{len(params)} given")


def _check_count(sql: str, placeholders: Sequence[exp.Expr], params: Sequence[object] | Mapping[str, object]) -> None:
    used = {_name(node) for node in placeholders}
    if isinstance(params, Mapping):
        unused = sorted(str(name) for name in params if name not in used)
        if unused:
            raise invalid(sql, f"parameter ${unused[0]} does not occur in the query")
    elif params:
        wanted = max((int(name) for name in used if name.isdigit()), default=len(placeholders))
        if wanted < len(params):
            raise invalid(sql, f"{len(params)} parameters given, the query takes {wanted}")
