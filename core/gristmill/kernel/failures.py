"""What an attempt's exception means: a cause for the scheduler, and an error that a user can read.

Asked by whoever runs tasks: an executor, or the in-process tier.
"""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

import duckdb

from gristmill.errors import FragmentError, GristmillError, InternalError, LostBlock, StorageError
from gristmill.ids import ExchangeId, TaskId
from gristmill.shuffle.blocks import lost_output

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: ``cause`` is a value of the scheduler's Cause, ``lost`` what could not be read."""

    cause: str
    error: GristmillError
    lost: tuple[tuple[ExchangeId, int], ...] = ()

    @classmethod
    def of(cls, task: TaskId, error: BaseException) -> Failure:
        """The failure of an attempt that raised ``error``."""
        lost = lost_output(error) if isinstance(error, LostBlock) else None
        return cls(_cause(error), _readable(task, error), (lost,) if lost else ())


def _cause(error: BaseException) -> str:
    if isinstance(error, LostBlock):
        return "lost-input"
    if _is_oom(error):
        return "oom"
    if _is_full_disk(error):
        return "disk-full"
    return "error"


def _is_oom(error: BaseException) -> bool:
    return isinstance(error, MemoryError | duckdb.OutOfMemoryException)


def _is_full_disk(error: BaseException) -> bool:
    """Whether there was no room, also where an error that says so was made of it."""
    found = error if isinstance(error, OSError) else error.__cause__
    return isinstance(found, OSError) and found.errno in _NO_ROOM


def _readable(task: TaskId, error: BaseException) -> GristmillError:
    """The error as a user should see it; what is not the user's own is an InternalError with its traceback."""
    place = f"task {task}"
    if isinstance(error, GristmillError):
        return error
    if _is_oom(error):
        remedy = "give workers more memory (--memory), or use more partitions"
        return FragmentError(f"out of memory: {error}", place=place, remedy=remedy)
    if _is_full_disk(error):
        file = getattr(error, "filename", None) or "scratch files"
        remedy = "free space, or point GRISTMILL_LOCAL_DIR to a larger disk"
        return StorageError(f"no space left for {file}", place=place, remedy=remedy)
    trace = "".join(traceback.format_exception(error))
    return InternalError(f"{type(error).__name__}: {error}\n{trace}", place=place, remedy="please report this")
