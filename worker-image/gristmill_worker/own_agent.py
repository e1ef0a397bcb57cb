"""The lead pod's own worker: an agent like that of any worker pod, as a child of the lead, started again if it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from logging import WARNING

from gristmill.logs import log

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
LOOK_EVERY_S = 0.1
END_S = 5.0


class OwnAgent:
    """An agent that dials the lead on ``port`` of loopback; it starts at once, beside all that the lead still does."""

    def __init__(self, port: int) -> None:
        self._environment = {**os.environ, "GRISTMILL_LEAD": f"127.0.0.1:{port}"}
        self._began_s = 0.0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._began_s = time.monotonic()
        command = [sys.executable, "-m", "gristmill_worker.agent"]
        return subprocess.Popen(command, env=self._environment, stdin=subprocess.DEVNULL)

    async def keep(self) -> None:
        """Starts it again whenever it ends, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            while (status := self._process.poll()) is None:
                await asyncio.sleep(LOOK_EVERY_S)
            lived_s = time.monotonic() - self._began_s
            pause_s = FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            log(__name__, WARNING, "the lead's own agent ended; another follows", status=status)
            await asyncio.sleep(pause_s)
            self._process = self._start()

    def stop(self) -> None:
        """Asks it to end; it has nothing to do any more."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._process.kill()
