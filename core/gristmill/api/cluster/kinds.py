"""The resources of a cluster that users meet: their kinds, names in URLs, and how one is named on a command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gristmill.errors import ClusterError

GROUP = "gristmill.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Body = dict[str, Any]
"""A resource as JSON has it."""


class Kind(Enum):
    """A kind of Gristmill's own: its name, its plural in URLs, its short name."""

    JOB = ("MapReduceJob", "mapreducejobs", "mrj")
    QUERY = ("SQLQuery", "sqlqueries", "gsql")
    POOL = ("WorkerPool", "workerpools", "gpool")

    def __init__(self, title: str, plural: str, short: str) -> None:
        self.title = title
        self.plural = plural
        self.short = short

    @property
    def runs(self) -> bool:
        """Whether a resource of this kind is a run with a beginning and an end."""
        return self is not Kind.POOL

    @classmethod
    def of(cls, title: str) -> Kind:
        """The kind that a resource's ``kind`` names. Raises KeyError."""
        return {kind.title: kind for kind in cls}[title]


@dataclass(frozen=True, slots=True)
class Ref:
    """One resource of the connection's namespace."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.short}/{self.name}"


def parse_name(text: str) -> tuple[Kind | None, str]:
    """Kind and name of ``mrj/wordcount``; a bare name has no kind. Raises ClusterError for a kind that is none."""
    prefix, slash, name = text.rpartition("/")
    if not slash:
        return None, text
    for kind in Kind:
        if prefix.lower() in {kind.short, kind.plural, kind.title.lower()}:
            return kind, name
    known = ", ".join(f"{kind.short}/{name or 'NAME'}" for kind in Kind)
    raise ClusterError(f"there is no kind {prefix!r}", place=text, remedy=f"One of {known}.")
