"""``INTERVAL '3 mins'``: a text that DuckDB reads as a whole, where sqlglot takes number and unit apart.

Called by ``parse`` with the tokens of a text. sqlglot's form of it, ``INTERVAL '3' MINS``, is three seconds under the
name ``mins`` to DuckDB; so is ``'3 days ago'`` three days ahead. As casts such texts stay what they are.
"""

from __future__ import annotations

import re

from sqlglot import Token, TokenType

DIALECTS = ("duckdb", "postgres", "redshift")
"""Those in which an interval's text has units of its own."""

_UNITS = "years?|months?|days?|hours?|minutes?|seconds?|milliseconds?|microseconds?|weeks?"
_PLAIN = re.compile(rf"-?\d+(\s+({_UNITS}))?|-?\d*\.\d+", re.IGNORECASE)
"""Texts that mean the same in both forms, and numbers, whose unit is a word of its own."""


def with_whole_intervals(tokens: list[Token]) -> list[Token]:
    """The tokens with ``INTERVAL 'text'`` as ``'text'::INTERVAL``, unless the text is a number and a plain unit."""
    new: list[Token] = []
    for token in tokens:
        after = token.token_type is TokenType.STRING and new and new[-1].token_type is TokenType.INTERVAL
        if not after or _PLAIN.fullmatch(token.text):
            new.append(token)
        else:
            place = (token.line, token.col, token.start, token.end)
            new[-1:] = [token, Token(TokenType.DCOLON, "::", *place), Token(TokenType.INTERVAL, "INTERVAL", *place)]
    return new
