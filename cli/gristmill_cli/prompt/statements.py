"""What a line of the prompt means: a command with a dot, or statements that end with a semicolon. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s+(?=\S)", re.IGNORECASE)
_VIEW = re.compile(
    r"""\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?view\s+(?:(\w+)|"((?:[^"]|"")+)")\s+as\s+""",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?(?:\*/|\Z)
        | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
        | (\$\w*\$).*?(?:\1|\Z) | ; | .""",
    re.DOTALL | re.VERBOSE,
)


class Asked(StrEnum):
    """What is wanted of a query."""

    ROWS = "rows"
    PLAN = "plan"
    ANALYSIS = "analysis"
    MANIFESTS = "manifests"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the prompt itself: ``.tables``, ``.schema orders``."""

    name: str
    argument: str


def is_complete(text: str) -> bool:
    """Whether Enter should act: an empty line, a command, or SQL whose last statement has ended."""
    stripped = text.strip()
    return not stripped or stripped.startswith(".") or not bare(split(text)[1])


def split(text: str) -> tuple[list[str], str]:
    """The statements that have ended, and what follows them. Semicolons in quotes and comments end nothing."""
    ended: list[str] = []
    current = ""
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            ended.append(current.strip())
            current = ""
        else:
            current += token[0]
    return [statement for statement in ended if bare(statement)], current


def bare(statement: str) -> str:
    """The statement without comments and white space before it; empty if it is nothing else."""
    return _COMMENTS.sub("", statement, count=1).rstrip()


def command(text: str) -> Command | None:
    """The command of a line that begins with a dot; None for SQL."""
    stripped = text.strip()
    if not stripped.startswith("."):
        return None
    name, _, argument = stripped[1:].partition(" ")
    return Command(name.lower(), argument.strip().rstrip(";"))


def asked(statement: str) -> tuple[Asked, str]:
    """What is wanted of a statement, and the query itself: EXPLAIN and EXPLAIN ANALYZE come before it."""
    query = bare(statement)
    found = _EXPLAIN.match(query)
    if found is None:
        return Asked.ROWS, statement
    return Asked.ANALYSIS if found[1] else Asked.PLAN, query[found.end() :]


def view_of(statement: str) -> tuple[str, str] | None:
    """Name and query of a CREATE VIEW; None for any other statement."""
    query = bare(statement)
    found = _VIEW.match(query)
    if found is None:
        return None
    name = found[1] or found[2].replace('""', '"')
    return name, query[found.end() :]
