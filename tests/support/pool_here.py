"""A pool on this machine for tests: the processes of its pods, real certificates, and a stand-in for the operator.

The stand-in speaks operator.proto and decides nothing: it shows what the lead does, not what an operator would.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from gristmill.plan.codec import from_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_SERVICE
from gristmill.wire.reports import PoolNeed, RunPhase, RunReport
from gristmill.wire.tls import OPERATOR_NAME, names_of, pool_name, server_credentials
from tests.support.certificates import Authority
from tests.support.servers import free_port

TIMEOUT_S = 60.0


class OperatorStub:
    """Listens for one pool's lead, writes down what it says, and says what the test wants said.

    ``look`` is what to show of a lead that does not say what it should.
    """

    def __init__(self, authority: Authority, pool_uid: str, look: Callable[[], str]) -> None:
        self.port = free_port()
        self.hellos: list[wire.LeadHello] = []
        self.reports: dict[str, list[RunReport]] = defaultdict(list)
        self.sizes: list[int] = []
        self.needs: list[PoolNeed] = []
        self._look = look
        self._tls = authority.leaf(OPERATOR_NAME, pool_name(pool_uid))
        self._wanted: dict[str, wire.ToLead] = {}
        self._outbound: queue.Queue[wire.ToLead | None] | None = None
        self._changed = threading.Condition()
        self._server: grpc.Server | None = None

    def start(self) -> None:
        """Begins to listen, always on the same port."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._lead,
            request_deserializer=wire.FromLead.FromString,
            response_serializer=wire.ToLead.SerializeToString,
        )
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(OPERATOR_SERVICE, {"Lead": handler}),)
        )
        self._server.add_secure_port(f"127.0.0.1:{self.port}", server_credentials(self._tls))
        self._server.start()

    def stop(self) -> None:
        """Ends all streams and closes the port."""
        if self._outbound is not None:
            self._outbound.put(None)
        if self._server is not None:
            self._server.stop(0).wait(5)
            self._server = None

    def ask(self, resource: Mapping[str, Any], code: Mapping[str, bytes] | None = None, uid: str = "") -> str:
        """Has the lead run a resource, now and whenever it comes back; its uid."""
        uid = uid or str(uuid.uuid4())
        kind = str(resource["kind"])
        run = wire.RunRequest(uid=uid, kind=kind, resource=json.dumps(resource), code=dict(code or {}))
        self._wanted[uid] = wire.ToLead(run=run)
        self.say(self._wanted[uid])
        return uid

    def say(self, message: wire.ToLead) -> None:
        """Sends a message if the lead is there."""
        if self._outbound is not None:
            self._outbound.put(message)

    def wait(self, uid: str, fits: Callable[[RunReport], bool], timeout_s: float = TIMEOUT_S) -> RunReport:
        """The first report of the run that fits."""
        with self._changed:
            self._changed.wait_for(lambda: any(map(fits, self.reports[uid])), timeout_s)
            found = next((report for report in self.reports[uid] if fits(report)), None)
        assert found is not None, f"no such report; the last is {(self.reports[uid] or [None])[-1]}\n{self._look()}"
        return found

    def end_of(self, uid: str, timeout_s: float = TIMEOUT_S) -> RunReport:
        """The run's last report."""
        return self.wait(uid, lambda report: report.phase.ended, timeout_s)

    def complete(self, uid: str, timeout_s: float = TIMEOUT_S) -> RunReport:
        """The last report of a run that must succeed."""
        report = self.end_of(uid, timeout_s)
        assert report.phase is RunPhase.COMPLETE, report.message
        return report

    def until(self, holds: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        """Waits for something that messages of the lead bring about."""
        with self._changed:
            assert self._changed.wait_for(holds, timeout_s), f"it did not happen\n{self._look()}"

    def _lead(self, requests: Iterator[wire.FromLead], context: grpc.ServicerContext) -> Iterator[wire.ToLead]:
        hello = next(requests).hello
        assert pool_name(hello.pool_uid) in names_of(context.auth_context())
        outbound: queue.Queue[wire.ToLead | None] = queue.Queue()
        outbound.put(wire.ToLead(welcome=wire.LeadWelcome(version=__version__)))
        for uid, run in self._wanted.items():
            if uid not in hello.runs:
                outbound.put(run)
        self._outbound = outbound
        with self._changed:
            self.hellos.append(hello)
            self._changed.notify_all()
        threading.Thread(target=self._listen, args=(requests, outbound), daemon=True).start()
        while (message := outbound.get()) is not None:
            yield message

    def _listen(self, requests: Iterator[wire.FromLead], outbound: queue.Queue[wire.ToLead | None]) -> None:
        try:
            for message in requests:
                with self._changed:
                    self._write_down(message)
                    self._changed.notify_all()
        except grpc.RpcError:
            pass
        outbound.put(None)

    def _write_down(self, message: wire.FromLead) -> None:
        if message.WhichOneof("kind") == "run":
            self.sizes.append(len(message.run.report))
            self.reports[message.run.uid].append(from_json(message.run.report, RunReport))
        elif message.WhichOneof("kind") == "pool":
            self.needs.append(from_json(message.pool.need, PoolNeed))


@dataclass
class PodHere:
    """The processes of one pod: its executor host and its agent or lead."""

    environment: dict[str, str]
    module: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Starts both containers."""
        self.processes = [self._process("gristmill_worker.executors"), self._process(self.module)]

    def restart(self) -> None:
        """Starts the agent container again, as the kubelet does."""
        self.processes[1] = self._process(self.module)

    def kill_executors(self) -> None:
        """The executor container ends whole, as the system ends one that is out of memory."""
        end_family(self.processes[0])

    def restart_executors(self) -> None:
        """Starts the executor container again, as the kubelet does."""
        self.processes[0] = self._process("gristmill_worker.executors")

    @property
    def main(self) -> subprocess.Popen[bytes]:
        """The agent container's process."""
        return self.processes[1]

    def _process(self, module: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """The pod is gone without a word."""
        for process in self.processes:
            end_family(process)

    def stacks(self) -> str:
        """The log, at whose end each process that is ours to ask has written the stacks of its threads."""
        if self.main.poll() is None:
            self.main.send_signal(signal.SIGUSR1)
            time.sleep(0.5)
        return self.log

    @property
    def log(self) -> str:
        """What its processes wrote."""
        return (self.folder / "log").read_text(errors="replace")


class PoolHere:
    """The operator's stand-in, a lead pod and worker pods of one pool."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.uid = str(uuid.uuid4())
        self.folder = Path(tempfile.mkdtemp(prefix="gm-"))
        self.authority = Authority(self.folder)
        self.operator = OperatorStub(self.authority, self.uid, self._stacks)
        self.tls = self.authority.leaf(pool_name(self.uid))
        self._tls_dir = Path(self.tls.ca).parent
        (self._tls_dir / "token").write_text("a secret of the pool")
        self._environment = {**os.environ, **environment}
        self._lead_port, self.client_port = free_port(), free_port()
        self.pods: list[PodHere] = []
        self.lead = self._pod("lead-0", "gristmill_worker.lead")

    def start(self, workers: int = 0) -> None:
        """The operator, the lead and so many workers."""
        self.operator.start()
        self.lead.start()
        for _ in range(workers):
            self.add_worker()

    def add_worker(self) -> PodHere:
        """One more worker pod."""
        pod = self._pod(f"w-{len(self.pods) - 1}", "gristmill_worker.agent")
        pod.start()
        return pod

    def close(self) -> None:
        """Ends everything."""
        for pod in self.pods:
            pod.kill()
        self.operator.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stacks(self) -> str:
        return self.lead.stacks()

    def _pod(self, name: str, module: str) -> PodHere:
        folder = self.folder / name
        (folder / "cache").mkdir(parents=True)
        variables = {
            "POOL": "mrj-test",
            "POOL_UID": self.uid,
            "NAMESPACE": "default",
            "POD": name,
            "POD_IP": "127.0.0.1",
            "NODE": f"node-{name}",
            "OPERATOR": f"127.0.0.1:{self.operator.port}",
            "LEAD": f"127.0.0.1:{self._lead_port}",
            "WORKER_PORT": str(self._lead_port),
            "CLIENT_PORT": str(self.client_port),
            "FLIGHT_PORT": str(free_port()),
            "SLOTS": "1",
            "EXECUTOR_MEMORY_BYTES": str(1 << 30),
            "LOCAL_DIR": str(folder),
            "CACHE_DIR": str(folder / "cache"),
            "TLS_DIR": str(self._tls_dir),
        }
        environment = {**self._environment, **{f"GRISTMILL_{key}": value for key, value in variables.items()}}
        pod = PodHere(environment, module, folder)
        self.pods.append(pod)
        return pod


def is_open(port: int) -> bool:
    """Whether somebody listens on a TCP port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_family(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all its descendants, whatever groups they have made."""
    from gristmill.worker.processes import family

    members = list(family(process.pid))
    for pid in members:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait(10)


def soon(holds: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
    """Whether it holds before the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()
