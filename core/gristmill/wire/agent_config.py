"""What a worker agent is told when it starts; it never stands in a process list, since there are secrets in it."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.wire.tls import TlsFiles

AGENT_SOCKET = "agent.sock"
"""The name of the socket below a worker's scratch where its executors find the agent."""

SOCKET = "unix:"
"""What the address of a coordinator on this machine begins with; the path of its socket follows."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One worker.

    ``coordinator`` is ``host:port`` of a lead, or ``unix:PATH`` on one machine; ``executors`` the socket of the
    executor host. ``memory_bytes`` is the most that the agent and all its executors may hold together. ``scratch`` is a
    local directory of this worker; ``outputs`` the one below which map output lies. ``storage_options`` are fsspec's
    options as JSON; stores come with each run. ``flight_host``: where to serve map output to other machines (on
    ``flight_port``, 0: any free one); empty: all readers share this machine. ``host`` is what this machine is called;
    empty: its own identity. ``volumes``: those (``pvc://CLAIM``) that are mounted, where not every worker has the same.
    ``sys_path`` is for the executors' imports. ``output_outlives_worker``: files of map output
    are still readable once this worker has gone. ``tls``: the pool's certificates, for the coordinator's port and for
    Flight. ``pod``: agent and executors are containers of a pod; then the memory is that of the executors' container,
    and the agent outlives the coordinator, and dials again.
    """

    worker: str
    coordinator: str
    slots: int
    memory_bytes: int
    executors: str
    scratch: str
    outputs: str
    cache: str = ""
    storage_options: str = "{}"
    compression: str = ""
    flight_host: str = ""
    flight_port: int = 0
    host: str = ""
    places: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    sys_path: tuple[str, ...] = ()
    output_outlives_worker: bool = False
    token: str = ""
    tls: TlsFiles | None = None
    pod: bool = False
    log_level: str = "WARNING"
