"""What lies at an output's place before a job writes there, and whether the output's mode lets the job do so.

Asked by ``commit`` only. Reads, and never writes: a folder that is refused stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.errors import InputError, OutputExists, StorageError, TypeConflict
from gristmill.plan.job import Output, OutputMode
from gristmill.plan.schema import Schema
from gristmill.storage.listing import is_hidden
from gristmill.storage.manifest import Log, Manifest, read_log, read_record
from gristmill.storage.parallel import at_once
from gristmill.storage.stores import Stores
from gristmill.storage.sweeping import registered


@dataclass(frozen=True, slots=True)
class Found:
    """What a first look finds: whether the place is a file; the log; the registered runs."""

    is_file: bool
    log: Log
    runs: frozenset[str]


def look(uri: str, stores: Stores) -> Found:
    """Three questions that are asked at once; the cost of none grows with what the output holds."""
    filesystem = stores.filesystem(uri)
    return Found(
        *at_once(
            lambda: filesystem.stat(uri) is not None,
            lambda: read_log(uri, stores),
            lambda: registered(uri, stores),
            here=filesystem.local_path(uri) is not None,
        )
    )


def refuse_file(uri: str, found: Found) -> None:
    """Raises StorageError where the output's place is a file."""
    if found.is_file:
        raise StorageError("the output is a file", place=uri, remedy="Name a folder: a job writes several parts.")


def refuse_by_mode(output: Output, uri: str, found: Found, stores: Stores) -> None:
    """Raises OutputExists for a result that the mode does not replace, and for files that are not Gristmill's.

    Those are looked for only where no job has committed: the folder was taken when the first did.
    """
    head = read_record(uri, found.log.head, stores) if found.log.head else None
    if head is not None and head.commit:
        if output.mode is OutputMode.ERROR:
            raise _exists(uri, f"it holds the result of job {head.job!r}, generation {found.log.finished}")
    elif name := _foreign_file(uri, stores):
        raise OutputExists(
            f"the folder holds files that Gristmill did not write, as {name!r}",
            place=uri,
            remedy="Name an empty or new folder, or remove them; Gristmill never deletes what others wrote.",
        )


def refuse_misfit(head: Manifest | None, record: Manifest) -> None:
    """An append must have the schema and the format of what is there; mode error must find nothing.

    Raises OutputExists, InputError, TypeConflict.
    """
    if head is None or not head.commit:
        return
    if record.mode == OutputMode.ERROR:
        raise _exists(record.uri, f"job {head.job!r} committed to it while this one ran")
    if record.mode == OutputMode.APPEND and head.format != record.format:
        raise InputError(
            f"the output holds {head.format}, the job appends {record.format}",
            place=record.uri,
            remedy="Append in the same format, or name another output.",
        )
    if record.mode == OutputMode.APPEND and head.schema != record.schema and record.schema and head.schema:
        raise TypeConflict(
            f"the output has the columns {_columns(head.schema)}, the job appends {_columns(record.schema)}",
            place=record.uri,
            remedy="Give the same columns and types, or name another output.",
        )


def _foreign_file(uri: str, stores: Stores) -> str:
    """The name of a file below an output that is neither Gristmill's nor hidden; empty where there is none."""
    entries = stores.filesystem(uri).walk(uri)
    return next((entry.name for entry in entries if not is_hidden(entry.uri[len(uri) + 1 :])), "")


def _exists(uri: str, what: str) -> OutputExists:
    return OutputExists(
        f"the output exists already: {what}", place=uri, remedy="Set its mode to overwrite or append, or name another."
    )


def _columns(schema: Schema) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in schema)
