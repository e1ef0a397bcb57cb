"""Entry point of lead pods, ``python -m gristmill_worker.lead``: what the lead is, is in ``pool_lead``.

Starting is importing, nearly: first comes what the lead and the pod's own agent both need, then the agent is forked
off, and both come up side by side. Garbage is not looked for meanwhile: imports make none.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
from logging import WARNING

from gristmill.errors import GristmillError
from gristmill.logs import log, set_up
from gristmill.worker.host import THREADLESS
from gristmill_worker.own_agent import OwnAgent
from gristmill_worker.pod import Pod, load_pod

_SHARED = ("gristmill.worker.agent", "gristmill.shuffle.flight", "gristmill_worker.agent")
"""What the lead's own agent needs; most of it is the lead's too."""


def main() -> int:
    """The process's life; its exit status."""
    gc.disable()
    try:
        pod = load_pod()
        set_up(pod.log_level)
        agent = _own_agent(pod)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(_serve(pod, agent))
        finally:
            agent.stop()
    except GristmillError as error:
        set_up("WARNING")
        log(__name__, WARNING, "lead cannot go on", why=error)
        return error.exit_code
    return 0


def _own_agent(pod: Pod) -> OwnAgent:
    """A fork of this process, which must not have threads by then."""
    os.environ.update(THREADLESS)
    for module in _SHARED:
        importlib.import_module(module)
    return OwnAgent(pod.worker_port)


async def _serve(pod: Pod, agent: OwnAgent) -> None:
    from gristmill_worker.pool_lead import Lead

    gc.freeze()  # what was imported stays
    gc.enable()
    await Lead(pod).serve(agent)


if __name__ == "__main__":
    raise SystemExit(main())
