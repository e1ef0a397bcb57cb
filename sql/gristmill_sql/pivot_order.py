"""``PIVOT … ORDER BY … LIMIT …`` as a statement: sqlglot reads PIVOT without what may follow it.

Called by ``parse`` for a text in DuckDB's dialect that sqlglot refuses. Both halves are parsed by themselves, each in
its own place of an otherwise blank text, so that errors still point to where things stand.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from gristmill_sql.verbatim import Verbatim

_PIVOTS = ("PIVOT", "UNPIVOT", "PIVOT_WIDER", "PIVOT_LONGER")
_AFTER = (TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET)
_READER = "FROM x "


def parse_ordered_pivot(sql: str) -> exp.Select | None:
    """The statement as a SELECT from the PIVOT; None where the text is something else. Raises ParseError."""
    start = _clause_after_pivot(sqlglot.tokenize(sql, read=Verbatim))
    if start is None or start <= len(_READER):
        return None
    pivot = sqlglot.parse_one(sql[:start], read=Verbatim)
    tail = sqlglot.parse_one(_blank(sql[: start - len(_READER)]) + _READER + sql[start:], read=Verbatim)
    if not isinstance(tail, exp.Select) or not isinstance(pivot, exp.Query | exp.Pivot):
        return None
    tail.set("from_", exp.From(this=exp.Subquery(this=pivot)))
    return tail


def _clause_after_pivot(tokens: list[Token]) -> int | None:
    """Where ORDER BY, LIMIT or OFFSET begins after a PIVOT that is the statement itself."""
    depth, is_pivot = 0, False
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth:
            continue
        if token.token_type in (TokenType.SELECT, TokenType.FROM, TokenType.SEMICOLON):
            return None
        is_pivot = is_pivot or token.text.upper() in _PIVOTS
        if is_pivot and token.token_type in _AFTER:
            return int(token.start)
    return None


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
