"""The lead pod's own worker: an agent like that of any worker pod, as a child of the lead, started again if it dies.

The first is a fork of the lead, made when both have imported what they share, so that a pod's start pays for that once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
import traceback
from logging import WARNING
from typing import NoReturn

from gristmill.logs import log
from gristmill.worker.processes import call_process

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
LOOK_EVERY_S = 0.1
END_S = 5.0
_LEAD = "GRISTMILL_LEAD"


class OwnAgent:
    """An agent that dials the lead on ``port`` of loopback; it starts at once, beside all that the lead still does.

    To be made while the process has one thread, and no event loop.
    """

    def __init__(self, port: int) -> None:
        self._environment = {**os.environ, _LEAD: f"127.0.0.1:{port}"}
        self._began_s = time.monotonic()
        self._ended: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            _become(self._environment[_LEAD])

    def _start(self) -> None:
        self._began_s, self._ended = time.monotonic(), None
        command = [sys.executable, "-m", "gristmill_worker.agent"]
        self._pid = os.posix_spawn(sys.executable, command, self._environment)

    async def keep(self) -> None:
        """Starts it again whenever it ends, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            while (status := self._status()) is None:
                await asyncio.sleep(LOOK_EVERY_S)
            lived_s = time.monotonic() - self._began_s
            pause_s = FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            log(__name__, WARNING, "the lead's own agent ended; another follows", status=status)
            await asyncio.sleep(pause_s)
            self._start()

    def _status(self) -> int | None:
        """How it ended; None while it runs."""
        if self._ended is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._ended = os.waitstatus_to_exitcode(status) if pid else None
        return self._ended

    def stop(self) -> None:
        """Asks it to end, since it has nothing to do any more, and does not wait for long."""
        if self._status() is None:
            os.kill(self._pid, signal.SIGTERM)
        until_s = time.monotonic() + END_S
        while self._status() is None and time.monotonic() < until_s:
            time.sleep(LOOK_EVERY_S / 10)
        if self._status() is None:
            os.kill(self._pid, signal.SIGKILL)


def _become(lead: str) -> NoReturn:
    """The life of the first agent."""
    status = 1
    try:
        gc.enable()
        os.environ[_LEAD] = lead
        call_process("gm-agent")
        from gristmill_worker import agent

        status = agent.main()
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
