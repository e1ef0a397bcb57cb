"""What a task's code prints, kept in object storage after the pods are gone: a file for each task that said something.

The executor collects it while an attempt runs, and puts it there at its end. Bounded: the middle of what is too long is
left out.
"""

from __future__ import annotations

from collections import deque

from gristmill.errors import GristmillError
from gristmill.ids import AttemptId, StageId, TaskId
from gristmill.storage.filesystem import join
from gristmill.storage.stores import Stores

FIRST_CHARACTERS = 128 << 10
LAST_CHARACTERS = 384 << 10
_SUFFIX = ".log"


def log_name(task: TaskId) -> str:
    """Where a task's log lies below the run's folder: ``q-1/reduce/3.log`` of ``q-1/reduce#3``."""
    return f"{task.stage}/{task.partition}{_SUFFIX}"


def task_of_log(name: str) -> str:
    """The inverse of ``log_name``; the name itself where it is none."""
    stage, _, number = name.removesuffix(_SUFFIX).rpartition("/")
    try:
        return str(TaskId(StageId.parse(stage), int(number)))
    except ValueError:
        return name


class TaskLog:
    """What one attempt says, from its start to its end."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._room = FIRST_CHARACTERS
        self._last: deque[str] = deque()
        self._last_size = 0
        self._dropped = 0

    def write(self, text: str) -> None:
        """Takes what was printed."""
        if self._room > 0:
            self._first.append(text[: self._room])
            text = text[self._room :]
            self._room -= len(self._first[-1])
        if text:
            self._last.append(text[-LAST_CHARACTERS:])
            self._last_size += len(self._last[-1])
        while self._last_size - len(self._last[0] if self._last else "") > LAST_CHARACTERS:
            gone = len(self._last.popleft())
            self._last_size -= gone
            self._dropped += gone

    @property
    def text(self) -> str:
        """All that is kept of it; ends with a line break unless it is empty."""
        middle = f"\n… {self._dropped} characters left out …\n" if self._dropped else ""
        text = "".join((*self._first, middle, *self._last))
        return text if not text or text.endswith("\n") else f"{text}\n"

    def keep(self, folder: str, attempt: AttemptId, error: GristmillError | None, stores: Stores) -> None:
        """Puts it below ``folder``, behind what earlier attempts of the task said. Raises StorageError."""
        text = self.text + (f"{error}\n" if error is not None else "")
        if not text:
            return
        uri = join(folder, log_name(attempt.task))
        files = stores.filesystem(uri)
        if attempt.number and files.stat(uri) is not None:
            before = files.read(uri).decode("utf-8", "replace")[-LAST_CHARACTERS:]
            text = f"{before}--- attempt {attempt.number} ---\n{text}"
        files.put(uri, text.encode())
