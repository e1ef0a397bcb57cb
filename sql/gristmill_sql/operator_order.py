"""The order of operators as DuckDB has it, written out in parentheses.

Called by ``parse`` for texts in DuckDB's dialect. sqlglot reads ``~a + b``, ``a ^ -b``, ``x || j -> 'k'`` or
``s !~ 'x' = p`` otherwise than DuckDB does, without a word; DuckDB's own parser says what such a text means.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType
from sqlglot.errors import TokenError

from gristmill_sql.oracle import Oracle
from gristmill_sql.verbatim import Verbatim

_OWN = {
    *(TokenType.TILDE, TokenType.CARET, TokenType.DSTAR, TokenType.AMP, TokenType.PIPE, TokenType.DAMP),
    *(TokenType.ARROW, TokenType.DARROW, TokenType.AT_GT, TokenType.LT_AT, TokenType.CARET_AT, TokenType.LR_ARROW),
}
_MAYBE = re.compile(r"[~^@&]|!(?!=)|\*\*|->|<<|>>|(?<!\|)\|(?!\|)|\bin\b\s*[^\s(]", re.IGNORECASE)
"""What a text with such operators has somewhere: most have not, and are not looked at again."""
_QUERY = {TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.VALUES}
_Span = tuple[int, int]


def written_out(sql: str, oracle: Oracle) -> str:
    """The text with all parentheses of its queries, if it has operators that are read in two ways."""
    if not _MAYBE.search(sql):
        return sql
    try:
        tokens = Verbatim().tokenize(sql)
    except TokenError:
        return sql  # the parser will say where
    if not any(_is_own(token, after) for token, after in zip(tokens, [*tokens[1:], None], strict=True)):
        return sql
    new, end = "", 0
    for start, stop in _queries(tokens):
        text = oracle.written_out(sql[start:stop])
        if text is not None:
            new, end = f"{new}{sql[end:start]}{_with_bare_lambdas(text)}", stop
    return new + sql[end:]


def _with_bare_lambdas(text: str) -> str:
    """The text without the parentheses around ``(lambda x: …)``, in which sqlglot knows no lambda."""
    tokens = Verbatim().tokenize(text)
    extra = []
    for index, token in enumerate(tokens[:-2]):
        starts = token.token_type is TokenType.L_PAREN and tokens[index + 1].text == "lambda"
        if starts and (closing := _closing(tokens, index)) is not None:
            extra += [token.start, tokens[closing].start]
    parts = [text[start:end] for start, end in itertools.pairwise([0, *sorted(extra), len(text)])]
    return "".join(part[1:] if index else part for index, part in enumerate(parts))


def _is_own(token: Token, after: Token | None) -> bool:
    """Whether a token is, or with the next one begins, an operator with a place of its own in DuckDB's order."""
    kind = token.token_type
    if kind in _OWN or (kind in (TokenType.PARAMETER, TokenType.NOT) and token.text in ("@", "!")):
        return True
    if kind in (TokenType.LIKE, TokenType.ILIKE):
        return "~" in token.text
    if after is None:
        return False
    if kind is TokenType.IN:
        return after.token_type is not TokenType.L_PAREN
    return kind in (TokenType.LT, TokenType.GT) and after.token_type is kind


def _queries(tokens: Sequence[Token]) -> Iterator[_Span]:
    """Where the query of each statement stands in the text."""
    first = 0
    for index, token in enumerate(tokens):
        last = index == len(tokens) - 1
        if token.token_type is TokenType.SEMICOLON or last:
            statement = tokens[first : index + (token.token_type is not TokenType.SEMICOLON)]
            span = _query_of(statement)
            if span is not None:
                yield span
            first = index + 1


def _query_of(statement: Sequence[Token]) -> _Span | None:
    """The span of the query that is a statement, or that it writes: CREATE … AS, INSERT INTO, COPY (…)."""
    if not statement:
        return None
    word = statement[0].text.upper()
    if word == "COPY":
        close = _closing(statement, 1)
        return None if close is None else (statement[1].end + 1, statement[close].start)
    begin: int | None = 0
    if word == "CREATE":
        begin = next((i + 1 for i, t in enumerate(statement) if t.token_type is TokenType.ALIAS), None)
    elif word == "INSERT":
        begin = next((i for i, t in enumerate(statement) if i > 2 and t.token_type in _QUERY), None)
    if begin is None or begin >= len(statement):
        return None
    return statement[begin].start, statement[-1].end + 1


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    depth = 0
    for index in range(opening, len(tokens)):
        depth += tokens[index].token_type is TokenType.L_PAREN
        depth -= tokens[index].token_type is TokenType.R_PAREN
        if depth == 0:
            return index if index > opening else None
    return None
