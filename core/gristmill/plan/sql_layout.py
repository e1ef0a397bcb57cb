"""Lays out a long line of SQL for people to read: a line for each clause, subqueries indented. For EXPLAIN.

It only changes white space outside of quotes, by looking at words; it does not parse.
"""

from __future__ import annotations

import re

_CLAUSES = (
    r"FROM|WHERE|GROUP BY|HAVING|QUALIFY|ORDER BY|LIMIT|UNION|INTERSECT|EXCEPT|WINDOW"
    r"|(?:(?:NATURAL |ASOF )?(?:LEFT |RIGHT |FULL |INNER |CROSS |SEMI |ANTI )?(?:OUTER )?JOIN)"
)
_TOKEN = re.compile(
    rf"""
    (?P<quoted> '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<subquery> \( (?= \s* (?:SELECT|WITH|FROM) \b ) )
    | (?P<open> \( )
    | (?P<close> \) )
    | (?<! \bDISTINCT) \s+ (?P<clause> (?:{_CLAUSES.replace(" ", "[ ]")}) \b )
    """,
    re.IGNORECASE | re.VERBOSE,
)


def lay_out(sql: str) -> str:
    """The same SQL with a line break before each clause that does not stand inside a function's parentheses."""
    enclosing: list[bool] = []  # for each open parenthesis: whether it holds a subquery

    def broken(token: re.Match[str]) -> str:
        match token.lastgroup:
            case "subquery" | "open":
                enclosing.append(token.lastgroup == "subquery")
            case "close" if enclosing:
                enclosing.pop()
            case "clause" if not enclosing or enclosing[-1]:
                return "\n" + "  " * sum(enclosing) + token["clause"]
        return token[0]

    return _TOKEN.sub(broken, sql)
