"""What checks say: a verdict, what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.failures import Forbidden, Missing, NotInstalled
from gristmill.api.cluster.kinds import Body
from gristmill.errors import ClusterError


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    verdict: Verdict
    subject: str
    found: str
    remedy: str = ""


class Check(Protocol):
    """Looks at one thing; raises ClusterError where it may not, or cannot."""

    def __call__(self, connection: Connection) -> Iterable[Finding]:
        """What it found."""


def examine(connection: Connection, checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """The findings of all checks; one that cannot look says so, and the others go on."""
    for subject, check in checks:
        try:
            yield from check(connection)
        except Forbidden as error:
            yield Finding(Verdict.WARN, subject, f"not checked: {error.reason}")
        except ClusterError as error:
            yield Finding(Verdict.FAIL, subject, error.reason, error.remedy)


def ok(subject: str, found: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, subject, found)


def warn(subject: str, found: str, remedy: str = "") -> Finding:
    """Something will not work as well as it could."""
    return Finding(Verdict.WARN, subject, found, remedy)


def fail(subject: str, found: str, remedy: str = "") -> Finding:
    """Something will not work."""
    return Finding(Verdict.FAIL, subject, found, remedy)


def get_or_none(connection: Connection, path: str, **query: str) -> Body | None:
    """What stands at ``path``, or None."""
    try:
        return connection.get(path, **query)
    except (Missing, NotInstalled):
        return None
