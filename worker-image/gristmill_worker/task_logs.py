"""The logs of a run's tasks in object storage, as lines: for the lead's clients, while tasks still write them.

Executors write a file for each task that said something, at the end of each attempt (``kernel.task_log``).
"""

from __future__ import annotations

from gristmill.errors import InvalidPlan
from gristmill.ids import TaskId
from gristmill.kernel.task_log import log_name, task_of_log
from gristmill.storage.filesystem import canonical, join
from gristmill.storage.stores import Stores


class TaskLogs:
    """All logs below ``folder``, or that of ``task``. Raises InvalidPlan for what is no task."""

    def __init__(self, folder: str, stores: Stores, task: str = "") -> None:
        self._folder = canonical(folder).rstrip("/")
        self._files = stores.filesystem(self._folder)
        self._only = join(self._folder, log_name(_task(task))) if task else ""
        self._told: dict[str, tuple[str, int]] = {}
        """By file: its version, and the lines told."""

    def news(self) -> list[str]:
        """Lines that have come since the last call; of several tasks each has its task before it. Blocking."""
        lines: list[str] = []
        for entry in sorted(self._files.walk(self._folder), key=lambda entry: entry.uri):
            version, told = self._told.get(entry.uri, ("", 0))
            if (self._only and entry.uri != self._only) or (version and version == entry.version):
                continue
            content = self._files.read(entry.uri).decode("utf-8", "replace").splitlines()
            self._told[entry.uri] = (entry.version, len(content))
            task = "" if self._only else f"{task_of_log(entry.uri[len(self._folder) + 1 :])}  "
            lines += [f"{task}{line}" for line in content[told:]]
        return lines


def _task(text: str) -> TaskId:
    try:
        return TaskId.parse(text)
    except ValueError:
        raise InvalidPlan(
            f"{text!r} is no task", place="task", remedy="Tasks are JOB/map/INPUT#N, JOB/reduce#N."
        ) from None
