"""The one logger set-up: a line per event, with job, task or attempt as fields behind the message."""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
from collections.abc import Mapping
from typing import TextIO

PACKAGES = ("gristmill", "gristmill_sql", "gristmill_worker", "gristmill_operator", "gristmill_cli")
_FIELDS = "gristmill_fields"
_STDERR = 2


class _FieldFormatter(logging.Formatter):
    """Appends the fields of ``log(...)`` as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, _FIELDS, {})
        text = super().format(record)
        return f"{text} {' '.join(f'{name}={value}' for name, value in fields.items())}" if fields else text


def set_up(level: str, stream: TextIO = sys.stderr) -> None:
    """Sends the packages' log to ``stream`` from ``level`` upwards; called once by a process's entry point.

    A process that hangs can be asked why: at SIGUSR1 it writes the stacks of its threads to stderr, busy or not.
    """
    faulthandler.register(signal.SIGUSR1, _STDERR)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_FieldFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for package in PACKAGES:
        root = logging.getLogger(package)
        root.handlers[:] = [handler]
        root.setLevel(level)
        root.propagate = False


def log(name: str, level: int, message: str, **fields: object) -> None:
    """One event with its fields; ``name`` is the calling module's ``__name__``."""
    logging.getLogger("gristmill" if name == "__main__" else name).log(level, message, extra={_FIELDS: fields})
