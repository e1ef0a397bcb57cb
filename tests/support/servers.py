"""Servers that tests start on loopback: the cache of their programs, free ports, waiting, and ending by process."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PORTS = (12_000, 30_000)
"""Below those of connections (net.ipv4.ip_local_port_range), and those of Kubernetes services."""
_CHOICE = random.SystemRandom()


def cache_folder() -> Path:
    """Where what was built or installed once is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill"


def free_port() -> int:
    """A port of loopback that nothing listens on, nor will before whoever asks does.

    It is none of those that the system gives to connections, one of which could take it in between.
    """
    while True:
        port = _CHOICE.randrange(*_PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextmanager
def running(argv: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """The program, from when its port is open until the block is left."""
    given = None if environment is None else {**os.environ, **environment}
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=given)
    try:
        _wait_until_open(port, process)
        yield
    finally:
        process.kill()  # asked to end, it would wait for clients that keep connections open
        process.wait(10)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        time.sleep(0.05)
    raise TimeoutError(f"{process.args!r} did not open port {port} in 60 s")
