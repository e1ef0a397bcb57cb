"""The agent of a pod: a worker that outlives its leads, and whose executors are another container.

Entry point ``python -m gristmill_worker.agent``: of worker pods' agent container; in a lead pod the lead starts it.
"""

from __future__ import annotations

import secrets
from logging import WARNING

from gristmill.errors import GristmillError
from gristmill.logs import log, set_up
from gristmill.wire.agent_config import AgentConfig
from gristmill.worker import agent
from gristmill.worker.host import SOCKET
from gristmill_worker.pod import Pod, load_pod


def config_of(pod: Pod) -> AgentConfig:
    """The agent of this pod. Raises InvalidPlan if the pool's token cannot be read."""
    return AgentConfig(
        # The container may be started again: then it is another worker of the same pod.
        worker=f"{pod.name}.{secrets.token_hex(3)}",
        coordinator=pod.lead,
        slots=pod.slots,
        memory_bytes=pod.executor_memory_bytes,
        executors=str(pod.local_dir / SOCKET),
        scratch=str(pod.local_dir),
        outputs=str(pod.local_dir / "outputs"),
        cache=str(pod.cache_dir),
        compression="lz4",
        flight_host=pod.ip,
        flight_port=pod.flight_port,
        host=pod.name,  # pods of one node do not share their disks
        places=(pod.node,) if pod.node else (),
        volumes=pod.volumes,
        token=pod.token(),
        tls=pod.tls,
        pod=True,
        log_level=pod.log_level,
    )


def main() -> int:
    """The process's life; its exit status."""
    try:
        return agent.main(config_of(load_pod()))
    except GristmillError as error:
        set_up("WARNING")
        log(__name__, WARNING, "the worker cannot begin", why=error)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
