"""The one place where errors are printed, and the exit codes they give.

0: done. 1: other error. 2: wrong usage, manifest or SQL. 3: input, output or store. 4: the job's own function, SQL
or command failed. 5: a task failed too often. 6: taken over by another run. 7: a cluster that cannot be reached, that
refuses, or lacks what was named. 70: a fault of Gristmill's own. 130: cancelled with Ctrl-C. The classes of
``gristmill.errors`` carry their code.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from gristmill.errors import Cancelled, GristmillError, InternalError


@dataclass(slots=True)
class Failures:
    """Prints errors on stderr; with ``debug`` the traceback stands above."""

    debug: bool = False

    def show(self, error: BaseException) -> int:
        """Prints ``error`` and returns the exit code."""
        known = as_known(error)
        if self.debug:
            traceback.print_exception(error, file=sys.stderr)
        Console(stderr=True, soft_wrap=True).print(error_text(known))
        return known.exit_code


def as_known(error: BaseException) -> GristmillError:
    """The error in Gristmill's own terms: Ctrl-C is a cancellation, what nobody foresaw is a fault of ours."""
    if isinstance(error, GristmillError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Cancelled("stopped with Ctrl-C")
    return InternalError(
        f"{type(error).__name__}: {error}",
        remedy="This is a fault of Gristmill's own. Please report it with what `gristmill --debug ...` prints.",
    )


def error_text(error: GristmillError) -> Text:
    """``error: place: reason`` and the remedy on a line of its own; what takes several lines is indented."""
    if isinstance(error, Cancelled):
        return Text.assemble(("cancelled: ", "bold yellow"), error.reason)
    place = f"{error.place}: " if error.place else ""
    remedy = f"\n  {_indented(error.remedy)}" if error.remedy else ""
    return Text.assemble(("error: ", "bold red"), (place, "bold"), _indented(error.reason), (remedy, "dim"))


def _indented(text: str) -> str:
    """Lines after the first two cells in, where they are not already: as DuckDB's suggestions."""
    first, *more = text.split("\n")
    return "\n".join([first, *(line if line.startswith("  ") else f"  {line}" for line in more)])
