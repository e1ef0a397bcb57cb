"""The lead pod's own worker: an agent like that of any worker pod, as a child of the lead, started again if it dies."""

from __future__ import annotations

import asyncio
import os
import sys
from logging import WARNING

from gristmill.logs import log

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


async def keep_agent(port: int) -> None:
    """Has an agent run that dials this lead on ``port`` of loopback, until cancelled; then it is asked to end."""
    environment = {**os.environ, "GRISTMILL_LEAD": f"127.0.0.1:{port}"}
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = asyncio.get_running_loop().time()
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gristmill_worker.agent", env=environment, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            status = await agent.wait()
        except asyncio.CancelledError:
            agent.terminate()
            raise
        lived_s = asyncio.get_running_loop().time() - began_s
        pause_s = FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
        log(__name__, WARNING, "the lead's own agent ended; another follows", status=status)
        await asyncio.sleep(pause_s)
