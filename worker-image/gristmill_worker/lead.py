"""Entry point of lead pods, ``python -m gristmill_worker.lead``: what the lead is, is in ``pool_lead``.

The pod's own agent is started before anything large is imported, so that both come up side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
from logging import WARNING

from gristmill.errors import GristmillError
from gristmill.logs import log, set_up
from gristmill_worker.own_agent import OwnAgent
from gristmill_worker.pod import Pod, load_pod


def main() -> int:
    """The process's life; its exit status."""
    try:
        pod = load_pod()
        set_up(pod.log_level)
        agent = OwnAgent(pod.worker_port)
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


async def _serve(pod: Pod, agent: OwnAgent) -> None:
    from gristmill_worker.pool_lead import Lead

    await Lead(pod).serve(agent)


if __name__ == "__main__":
    raise SystemExit(main())
