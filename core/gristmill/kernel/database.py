"""The DuckDB instance of an executor: made with what its tasks may use and read, and used by one task after the other.

One instance serves all tasks; each has its own cursor, whose views and registered rows nobody else sees and which go
with it. External access is off, but for the folders of the tasks' own files.
"""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from gristmill.rows.logical import quote_text


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """What a DuckDB instance is made with. ``folders`` are those that SQL may read.

    A task of a spread job has one ``thread``, and its plan leaves out what makes such tasks slower.
    """

    memory_bytes: int
    spill: Path
    folders: frozenset[str]
    time_zone: str
    threads: int = 1


_MOST_FOLDERS = 100
_open: dict[DatabaseSettings, duckdb.DuckDBPyConnection] = {}
_opening = threading.Lock()
"""Queries run whole in several threads."""


def database(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    """A cursor on the executor's instance; a new instance where the settings need one, and then the old one ends.

    To make one takes longer than many a task, so a new one may also read what the old one might.
    """
    with _opening:
        return _instance(settings).cursor()


def _instance(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    for known, instance in _open.items():
        if known.folders >= settings.folders and replace(known, folders=settings.folders) == settings:
            return instance
    wider = frozenset().union(settings.folders, *(known.folders for known in _open))
    if len(wider) <= _MOST_FOLDERS:
        settings = replace(settings, folders=wider)
    _close()
    _open[settings] = _connect(settings)
    return _open[settings]


@atexit.register
def _close() -> None:
    """Ends the instance, if there is one: in a process that ends, its binding would call it a leak."""
    while _open:
        _open.popitem()[1].close()


def _after_fork() -> None:
    _copied.extend(_open.popitem()[1] for _ in range(len(_open)))
    _opening.release()


os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_after_fork)
_copied: list[duckdb.DuckDBPyConnection] = []
"""Instances of the process that this one is a copy of: their threads are not here, so they cannot even be closed."""


def _connect(settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        config={
            "threads": settings.threads,
            "memory_limit": f"{settings.memory_bytes}B",
            "temp_directory": str(settings.spill),
            "preserve_insertion_order": True,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    con.execute(f"SET GLOBAL TimeZone = {quote_text(settings.time_zone)}")
    if settings.threads == 1:
        con.execute("SET GLOBAL disabled_optimizers = 'partial_aggregate_pushdown'")
    con.execute("SET GLOBAL errors_as_json = true")
    con.execute("SET GLOBAL parquet_metadata_cache = true")
    folders = ", ".join(quote_text(folder) for folder in sorted(settings.folders))
    con.execute(f"SET allowed_directories = [{folders}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con
