"""The operator with hundreds of jobs: their rate beside that of bare batch/v1 Jobs, its memory, its writes of status.

Nodes are simulated by kwok and leads by this process, which dials the operator as leads do: what is measured is the
operator with a real API server, scheduler and controller manager, and nothing of pods.

python bench/operator_rate.py [--jobs 500]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from measuring import machine
from urllib3.exceptions import HTTPError

sys.path.insert(0, str(Path(__file__).parents[1]))

from kubernetes import client, config, watch

from gristmill.plan.codec import to_json
from gristmill.version import __version__
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_METHOD
from gristmill.wire.reports import OutputPointer, PoolNeed, RunPhase, RunReport, TaskCounts
from gristmill.wire.tls import OPERATOR_NAME
from tests.cluster.harness.binaries import program
from tests.cluster.harness.client import Client
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.pki import Authority
from tests.cluster.harness.processes import Processes
from tests.support.servers import free_port

NAMESPACE = "rate"
PODS_PER_NODE = 1000
GIVE_UP_S = 300.0
MAPS = 1000
LEAD_LABEL = "gristmill.dev/role=lead"
_PARTS = ("etcd", "apiserver", "controller-manager", "scheduler", "kwok", "operator")


@dataclass
class Measured:
    """What one run of the operator gave."""

    jobs: int
    bare_cpu_s: dict[str, float] = field(default_factory=dict)
    jobs_cpu_s: dict[str, float] = field(default_factory=dict)
    """Processor time of each process."""
    bare_at_s: list[float] = field(default_factory=list)
    jobs_at_s: list[float] = field(default_factory=list)
    """When each tenth of them was complete."""
    memory_bytes: list[int] = field(default_factory=list)
    """Of the operator, after each tenth of the jobs, and when all were deleted."""
    status_writes: float = 0.0
    largest_status_bytes: int = 0
    pods_left: int = 0

    @property
    def bare_s(self) -> float:
        """How long all bare Jobs took."""
        return self.bare_at_s[-1]

    @property
    def jobs_s(self) -> float:
        """How long all MapReduceJobs took."""
        return self.jobs_at_s[-1]

    @property
    def ratio(self) -> float:
        """Our jobs a second by bare Jobs a second."""
        return self.bare_s / self.jobs_s


class Simulation:
    """A control plane with nodes that kwok pretends to be, and the operator as a process of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._processes = Processes(root)
        self._plane = ControlPlane(root / "control-plane", self._processes, "127.0.0.1", free_port())
        self.kubeconfig = root / "kubeconfig"
        self.leads_port, self._http_port = free_port(), free_port()

    def start(self, pods: int) -> None:
        """Everything that runs, with room for so many pods."""
        authority = self._plane.prepare(self.kubeconfig)
        self._plane.start()
        kubectl = Client(self.kubeconfig)
        for file in sorted((Path(__file__).parents[1] / "crds").glob("*.yaml")):
            kubectl.kubectl("apply", "--server-side", "-f", str(file))
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for number in range(-(-pods // PODS_PER_NODE)):
            kubectl.apply(_node(number))
        stages = Path(__file__).with_name("simulated_nodes.yaml")
        kwok = [program("kwok"), f"--kubeconfig={self.kubeconfig}", f"--config={stages}"]
        self._processes.start("kwok", [*kwok, "--manage-all-nodes", "--node-lease-duration-seconds=40"])
        self._start_operator(authority)

    def operator_log(self) -> str:
        """The end of what the operator had to complain of."""
        return self._processes.log("operator")

    def stop(self) -> None:
        """Ends what was started."""
        for name in ("operator", "kwok"):
            self._processes.stop(name)
        self._plane.stop()

    def _start_operator(self, authority: Authority) -> None:
        env = {
            "KUBECONFIG": str(self.kubeconfig),
            "OPERATOR_NAMESPACE": NAMESPACE,
            "WORKER_IMAGE": "simulated",
            "SERVICE_ADDRESS": f"127.0.0.1:{self.leads_port}",
            "LEAD_PORT": str(self.leads_port),
            "HTTP_PORT": str(self._http_port),
            "CA_CERT": str(authority.folder / "ca.crt"),
            "CA_KEY": str(authority.folder / "ca.key"),
            "LINGER_S": "1",
            "GRACE_S": "0",
            "LOG_LEVEL": "WARNING",
        }
        self._processes.start("operator", [sys.executable, "-m", "gristmill_operator"], env)
        _wait(lambda: self._get("/readyz") is not None, f"the operator: {self._processes.log('operator')}", 60)

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that each part of the control plane, kwok and the operator have used so far."""
        return {name: _cpu_seconds(self._processes.pid(name)) for name in _PARTS}

    def memory_bytes(self) -> int:
        """What the operator's process holds now."""
        status = Path(f"/proc/{self._processes.pid('operator')}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) << 10

    def status_writes(self) -> float:
        """How often it has written a status."""
        lines = (self._get("/metrics") or "").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("gristmill_status_writes_total"))

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return None


class SimulatedLeads:
    """Leads of all pools whose pod runs: each takes its run, reports a while, and is complete."""

    def __init__(self, operator: str) -> None:
        self._operator = operator
        self._loop = asyncio.new_event_loop()
        self._api = client.CoreV1Api()
        self._served: set[str] = set()
        self._over = False
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """The API server goes: the end of a watch is no news any more."""
        self._over = True

    def _watch(self) -> None:
        while not self._over:
            stream = watch.Watch().stream(self._api.list_namespaced_pod, NAMESPACE, label_selector=LEAD_LABEL)
            try:
                for event in stream:
                    self._look_at(event["object"])
            except HTTPError as error:
                if not self._over:
                    print(f"the watch of pods broke: {error}", file=sys.stderr)

    def _look_at(self, pod: Any) -> None:
        if pod.status.phase != "Running" or pod.metadata.uid in self._served or pod.metadata.deletion_timestamp:
            return
        self._served.add(pod.metadata.uid)
        pool = pod.metadata.labels["gristmill.dev/pool-uid"]
        asyncio.run_coroutine_threadsafe(self._lead(pod.metadata.name, pool), self._loop)

    async def _mounted(self, pod: str) -> dict[str, bytes]:
        """What the pool's Secret holds; waits for it, as a kubelet would."""
        name = f"{pod.rsplit('-lead-', 1)[0]}-tls"
        while True:
            try:
                secret = (await asyncio.to_thread(self._api.read_namespaced_secret, name, NAMESPACE)).data
                return {file: base64.b64decode(secret[file]) for file in ("ca.crt", "tls.key", "tls.crt")}
            except client.ApiException as error:
                print(f"{name}: {error.status} {error.reason}", file=sys.stderr)
                await asyncio.sleep(1)

    async def _lead(self, pod: str, pool: str) -> None:
        files = await self._mounted(pod)
        credentials = grpc.ssl_channel_credentials(files["ca.crt"], files["tls.key"], files["tls.crt"])
        options = [("grpc.ssl_target_name_override", OPERATOR_NAME)]
        async with grpc.aio.secure_channel(self._operator, credentials, options=options) as channel:
            method = channel.stream_stream(
                OPERATOR_METHOD,
                request_serializer=wire.FromLead.SerializeToString,
                response_deserializer=wire.ToLead.FromString,
            )
            outbound: asyncio.Queue[wire.FromLead] = asyncio.Queue()
            outbound.put_nowait(wire.FromLead(hello=wire.LeadHello(pool_uid=pool, pod=pod, version=__version__)))
            async for message in method(_queued(outbound)):
                match message.WhichOneof("kind"):
                    case "run":
                        await self._run(message.run.uid, outbound)
                    case "end":
                        return

    async def _run(self, uid: str, outbound: asyncio.Queue[wire.FromLead]) -> None:
        """A thousand map tasks in the time of ten reports."""
        report = RunReport(RunPhase.PLANNING, run=uid[:12], maps=TaskCounts(MAPS), reduces=TaskCounts(8))
        for done in range(0, MAPS + 1, MAPS // 10):
            report = replace(report, phase=RunPhase.RUNNING, maps=TaskCounts(MAPS, done), rows=done * 1000)
            outbound.put_nowait(_said(uid, report))
            await asyncio.sleep(0.01)
        output = OutputPointer("job", "", "s3://out/", 1, 1000, 1000)
        report = replace(report, phase=RunPhase.COMPLETE, outputs=(output,), result=output)
        outbound.put_nowait(_said(uid, report))
        outbound.put_nowait(wire.FromLead(pool=wire.PoolNews(need=to_json(PoolNeed()))))


async def _queued(outbound: asyncio.Queue[wire.FromLead]) -> AsyncIterator[wire.FromLead]:
    while True:
        yield await outbound.get()


def _said(uid: str, report: RunReport) -> wire.FromLead:
    return wire.FromLead(run=wire.RunNews(uid=uid, report=to_json(report)))


def _node(number: int) -> dict[str, Any]:
    room = {"cpu": "100000", "memory": "1000000Gi", "pods": str(PODS_PER_NODE)}
    name = f"simulated-{number}"
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    status = {"allocatable": room, "capacity": room}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def _job(number: int) -> dict[str, Any]:
    spec = {
        "input": [{"uri": "s3://in/*.parquet", "format": "parquet", "map": {"sql": "SELECT k FROM input"}}],
        "output": {"uri": f"s3://out/{number}/"},
    }
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {"name": f"job-{number:04}"},
        "spec": spec,
    }


def _bare_job(number: int) -> client.V1Job:
    container = client.V1Container(name="work", image="simulated")
    pod = client.V1PodSpec(restart_policy="Never", containers=[container])
    spec = client.V1JobSpec(template=client.V1PodTemplateSpec(spec=pod))
    return client.V1Job(metadata=client.V1ObjectMeta(name=f"bare-{number:04}"), spec=spec)


def _wait(done: Callable[[], bool], what: str, within_s: float = GIVE_UP_S) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"gave up after {within_s:.0f} s waiting for {what}")
        time.sleep(0.5)


def _cpu_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _less(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: seconds - other[name] for name, seconds in one.items()}


def _say(start: float, text: str) -> None:
    """A line of progress: these runs take minutes."""
    print(f"{time.perf_counter() - start:7.1f} s  {text}", file=sys.stderr, flush=True)


def _bare_jobs(jobs: int) -> list[float]:
    """Seconds after which each tenth of so many bare Jobs was complete; nothing of them is left afterwards."""
    batch, pods = client.BatchV1Api(), client.CoreV1Api()
    at_s = []
    start = time.perf_counter()
    for number in range(jobs):
        batch.create_namespaced_job(NAMESPACE, _bare_job(number))
    _say(start, f"{jobs} bare Jobs made")
    for tenth in range(1, 11):
        _wait(lambda tenth=tenth: _complete(batch) >= jobs * tenth // 10, "bare Jobs")
        at_s.append(time.perf_counter() - start)
        _say(start, f"{jobs * tenth // 10} bare Jobs complete")
    batch.delete_collection_namespaced_job(NAMESPACE, propagation_policy="Background")
    _wait(lambda: not pods.list_namespaced_pod(NAMESPACE).items, "the end of the pods of bare Jobs")
    return at_s


def _complete(batch: client.BatchV1Api) -> int:
    return sum(1 for job in batch.list_namespaced_job(NAMESPACE).items if job.status.succeeded)


class _Ours:
    """MapReduceJobs by the dynamic part of the client."""

    def __init__(self) -> None:
        self._api = client.CustomObjectsApi()
        self._kind = ("gristmill.dev", "v1alpha1", NAMESPACE, "mapreducejobs")

    def create(self, number: int) -> None:
        self._api.create_namespaced_custom_object(*self._kind, _job(number))

    def all(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api.list_namespaced_custom_object(*self._kind)["items"]
        return items

    def ended(self) -> int:
        phases = [job.get("status", {}).get("phase") for job in self.all()]
        if "Failed" in phases:
            failed = next(job for job in self.all() if job.get("status", {}).get("phase") == "Failed")
            raise SystemExit(f"a job failed: {failed['status']}")
        return phases.count("Complete")

    def delete_all(self) -> None:
        self._api.delete_collection_namespaced_custom_object(*self._kind)


def measure(jobs: int, root: Path) -> Measured:
    """Bare Jobs first, then as many MapReduceJobs in ten portions that overlap, then all of them deleted."""
    measured = Measured(jobs)
    with _running(Simulation(root), jobs) as simulation:
        before = simulation.cpu_seconds()
        measured.bare_at_s = _bare_jobs(jobs)
        between = simulation.cpu_seconds()
        measured.bare_cpu_s = _less(between, before)
        leads = SimulatedLeads(f"127.0.0.1:{simulation.leads_port}")
        ours = _Ours()
        start = time.perf_counter()
        threading.Thread(target=lambda: [ours.create(number) for number in range(jobs)], daemon=True).start()
        for tenth in range(1, 11):
            _wait(lambda tenth=tenth: ours.ended() >= jobs * tenth // 10, f"{tenth} tenths of the jobs")
            measured.jobs_at_s.append(time.perf_counter() - start)
            measured.memory_bytes.append(simulation.memory_bytes())
            _say(start, f"{jobs * tenth // 10} MapReduceJobs complete")
        measured.jobs_cpu_s = _less(simulation.cpu_seconds(), between)
        measured.status_writes = simulation.status_writes()
        measured.largest_status_bytes = max(len(str(job["status"])) for job in ours.all())
        pods = client.CoreV1Api()
        _wait(lambda: not pods.list_namespaced_pod(NAMESPACE, label_selector=LEAD_LABEL).items, "pods to go", 120)
        ours.delete_all()
        time.sleep(2)
        measured.memory_bytes.append(simulation.memory_bytes())
        leads.stop()
        measured.pods_left = len(pods.list_namespaced_pod(NAMESPACE, label_selector=LEAD_LABEL).items)
    return measured


@contextmanager
def _running(simulation: Simulation, jobs: int) -> Iterator[Simulation]:
    try:
        simulation.start(2 * jobs)
        config.load_kube_config(str(simulation.kubeconfig))
        yield simulation
    except BaseException:
        print(simulation.operator_log(), file=sys.stderr)
        raise
    finally:
        simulation.stop()


def _table(measured: Measured) -> None:
    """How both went on by tenths, with the operator's memory, and the ratio of their rates."""
    print("| complete | bare Jobs s | MapReduceJobs s | rate of ours | operator MiB |\n| --- | --- | --- | --- | --- |")
    rows = zip(measured.bare_at_s, measured.jobs_at_s, measured.memory_bytes, strict=False)
    for tenth, (bare_s, jobs_s, bytes_) in enumerate(rows, start=1):
        done = measured.jobs * tenth // 10
        print(f"| {done} | {bare_s:.1f} | {jobs_s:.1f} | {bare_s / jobs_s:.2f} × | {bytes_ >> 20} |")
    print(f"| all deleted | | | | {measured.memory_bytes[-1] >> 20} |\n")
    verdict = "reached" if measured.ratio >= 0.4 else "MISSED"
    print(f"rate {measured.ratio:.2f} × that of bare Jobs, wanted at least 0.40: {verdict}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(options.jobs, Path(folder))
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    print(f"\n## {options.jobs} jobs, nodes by kwok, simulated leads\n")
    _table(measured)
    for what, seconds in (("bare Jobs", measured.bare_cpu_s), ("MapReduceJobs", measured.jobs_cpu_s)):
        each = ", ".join(f"{name} {1000 * used / options.jobs:.0f}" for name, used in seconds.items())
        print(f"processor ms for each of {what}: {each}")
    print(f"writes of status       {measured.status_writes / options.jobs:6.1f} a job")
    print(f"largest status         {measured.largest_status_bytes} bytes; pods left: {measured.pods_left}")
    os._exit(0)  # the threads of watches and leads have nothing more to do


if __name__ == "__main__":
    main()
