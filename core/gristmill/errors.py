"""The errors that a user can meet: a small tree whose messages name place, reason and remedy.

They are made where the cause is known and printed in one place (the command line, or Python's own traceback for
callers of the API). An error that crosses a process boundary travels as its dictionary form.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GristmillError(Exception):
    """Something a user did or has to know of.

    ``place`` says where (file, field, line and column, record), ``reason`` what is wrong there, ``remedy`` what
    to do about it. ``str()`` joins the three. ``code`` is stable, for programs; ``exit_code`` is the command
    line's. Where one record is to blame, ``file`` and ``record`` name it for programs too: it can be run again alone,
    or left out.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, reason: str, *, place: str = "", remedy: str = "", file: str = "", record: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place
        self.remedy = remedy
        self.file = file
        self.record = record

    def __str__(self) -> str:
        text = f"{self.place}: {self.reason}" if self.place else self.reason
        return f"{text}\n  {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[Any, ...]:
        return error_from_dict, (self.to_dict(),)

    def to_dict(self) -> dict[str, str]:
        """The form in which the error crosses processes; ``error_from_dict`` turns it back."""
        form = {"code": self.code, "reason": self.reason, "place": self.place, "remedy": self.remedy}
        return form if self.record is None else {**form, "file": self.file, "record": str(self.record)}


class InvalidPlan(GristmillError):
    """A job, chain or manifest that cannot run: found before anything runs."""

    code = "invalid-plan"
    exit_code = 2


class InvalidQuery(GristmillError):
    """SQL that cannot be parsed, bound, or is not supported; the place is line and column."""

    code = "invalid-query"
    exit_code = 2


class InputError(GristmillError):
    """An input that is missing, unreadable, corrupt, or does not fit the others."""

    code = "input"
    exit_code = 3


class StorageError(GristmillError):
    """A store that refuses or fails: credentials, permissions, space, network, missing conditional puts."""

    code = "storage"
    exit_code = 3


class OutputExists(GristmillError):
    """The output prefix already holds a result and the mode does not say what to do with it."""

    code = "output-exists"
    exit_code = 3


class FragmentError(GristmillError):
    """The user's own function, SQL text or command failed on a record; the place names file, record and line."""

    code = "fragment"
    exit_code = 4


class TypeConflict(GristmillError):
    """Types that cannot be unified or do not match what was declared; names the record."""

    code = "type-conflict"
    exit_code = 4


class TaskFailed(GristmillError):
    """A task used up its budget of attempts; the reason is that of the last attempt."""

    code = "task-failed"
    exit_code = 5


class DeadlineExceeded(GristmillError):
    """A job had not finished when its deadline came."""

    code = "deadline"
    exit_code = 5


class Cancelled(GristmillError):
    """The user asked for the job to stop."""

    code = "cancelled"
    exit_code = 130


class ClusterError(GristmillError):
    """A cluster that cannot be reached, refuses, lacks Gristmill, or does not have what was named."""

    code = "cluster"
    exit_code = 7


class Fenced(GristmillError):
    """Another coordinator has taken over this job; this one must not commit."""

    code = "fenced"
    exit_code = 6


class LostBlock(GristmillError):
    """A block of map output is missing or fails its checksum; the map that wrote it runs again."""

    code = "lost-block"
    exit_code = 6


class InternalError(GristmillError):
    """A fault of Gristmill's own; asks for a report."""

    code = "internal"
    exit_code = 70


def _tree(root: type[GristmillError]) -> dict[str, type[GristmillError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


def error_from_dict(form: dict[str, str]) -> GristmillError:
    """The error that ``to_dict`` wrote; an unknown code becomes an InternalError with the same text."""
    kind = _tree(GristmillError).get(form.get("code", ""), InternalError)
    return kind(
        form.get("reason", ""),
        place=form.get("place", ""),
        remedy=form.get("remedy", ""),
        file=form.get("file", ""),
        record=int(form["record"]) if "record" in form else None,
    )
