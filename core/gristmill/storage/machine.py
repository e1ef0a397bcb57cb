"""Which machine this is, for what holds only on one: process ids, and caches that were never flushed."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path


@cache
def host_identity() -> str:
    """This boot of this machine; the host's name where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
