"""The executor container of a pod: the host that forks executors when the pod's agent asks for them.

Entry point ``python -m gristmill_worker.executors``.
"""

from __future__ import annotations

import os
import sys
from logging import WARNING

from gristmill.errors import GristmillError
from gristmill.logs import log, set_up
from gristmill.worker import host
from gristmill_worker.pod import load_pod


def main() -> int:
    """The process's life; its exit status where it cannot begin."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of what jobs give
        again = [sys.executable, "-m", "gristmill_worker.executors"]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})
    try:
        pod = load_pod()
        pod.local_dir.mkdir(parents=True, exist_ok=True)
        imports, later = host.FOR_EXECUTORS + host.FOR_REMOTE_DATA, host.FOR_MOST_TASKS + host.FOR_UPLOADS
        host.run(pod.local_dir / host.SOCKET, imports, later)
    except GristmillError as error:
        set_up("WARNING")
        log(__name__, WARNING, "executors cannot be started", why=error)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
