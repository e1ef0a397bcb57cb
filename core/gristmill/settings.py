"""Settings: the one place that reads environment variables of Gristmill's own.

Credentials of stores are not here: they are found where fsspec and the cloud SDKs look for them.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import InvalidPlan

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment may set; arguments of a call come before it.

    ``GRISTMILL_LOCAL_DIR``: where sessions keep shuffle files and spill (default: the system's temporary folder).
    ``GRISTMILL_CACHE_DIR``: cached blocks of remote files (default: ``gristmill`` in the user's cache folder).
    ``GRISTMILL_CACHE_BYTES``: the most that cache may hold, in bytes (default: 10 GiB).
    ``GRISTMILL_WORKERS``, ``GRISTMILL_MEMORY_BYTES``: the default number of workers and bytes for each.
    ``GRISTMILL_IDLE_S``: worker processes without work end after so many seconds, 0: after each run (default: 60).
    ``GRISTMILL_SECRETS_DIR``: where Secrets that stores name are mounted, a folder each (default: nowhere).
    ``GRISTMILL_LOG``: level of the log on stderr (default: WARNING).
    """

    local_dir: Path
    cache_dir: Path
    cache_bytes: int
    workers: int | None
    memory_bytes: int | None
    idle_s: float
    secrets_dir: Path | None
    log_level: str


def load_settings() -> Settings:
    """The settings as the environment has them now. Raises InvalidPlan naming the variable that is malformed."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Settings(
        local_dir=Path(os.environ.get("GRISTMILL_LOCAL_DIR") or tempfile.gettempdir()),
        cache_dir=Path(os.environ.get("GRISTMILL_CACHE_DIR") or cache_home / "gristmill" / "blocks"),
        cache_bytes=_whole("GRISTMILL_CACHE_BYTES") or 10 * _GIB,
        workers=_whole("GRISTMILL_WORKERS"),
        memory_bytes=_whole("GRISTMILL_MEMORY_BYTES"),
        idle_s=_seconds("GRISTMILL_IDLE_S", 60.0),
        secrets_dir=Path(secrets) if (secrets := os.environ.get("GRISTMILL_SECRETS_DIR")) else None,
        log_level=os.environ.get("GRISTMILL_LOG", "WARNING").upper(),
    )


def _whole(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdigit() or int(text) == 0:
        raise InvalidPlan(f"{text!r} is not a positive whole number", place=f"environment variable {name}")
    return int(text)


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InvalidPlan(f"{text!r} is not a number of seconds", place=f"environment variable {name}")
    return value
