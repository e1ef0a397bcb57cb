"""What starting costs on a cluster, beside what the cluster itself needs for a pod of the same image.

Needs a cluster of `make cluster-up` (its folder in GRISTMILL_TEST_CLUSTER) with the chart installed. Each figure is the
median of several runs, floors and jobs by turns; times of pods and of this program come from one machine's clock.

python bench/cluster_start.py
"""

from __future__ import annotations

import os
import statistics
import time
import uuid
from typing import Any

import pyarrow.parquet as pq
from cluster_place import running_cluster

from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.place import Cluster as ClusterPlace
from gristmill.api.cluster.resources import Resources
from gristmill.api.cluster.result import open_rows
from tests.cluster.harness.client import wait_for
from tests.cluster.harness.images import WORKER, build_images
from tests.cluster.places import Place, new_place

RUNS = int(os.environ.get("GRISTMILL_BENCH_RUNS", "5"))
WARM_UP_S = 5.0
"""A pool that has just come imports what queries need meanwhile; of its queries the first is not counted."""
_CODE = "import time\n\ndef stamp(name, line):\n    yield 'began', time.time()\n"
_POD = "import time; print(time.time(), flush=True)"


def main() -> None:
    """Print the table."""
    with new_place(running_cluster(), "bench") as place:
        place.s3.put(f"{place.bucket}/in/line.txt", b"one line\n")
        pods: list[tuple[float, float]] = []
        jobs: list[tuple[float, float]] = []
        for _ in range(RUNS):
            pods.append(_pod(place))
            jobs.append(_job(place))
        queries = _queries(place)
    began, ended, seen = (
        [statistics.median(values) for values in zip(*runs, strict=True)] for runs in (pods, jobs, queries)
    )
    _row("pod of the worker image: apply to its first line", began[0])
    _row("pod of the worker image: apply to seen as ended", began[1])
    _row("job: apply to first task, above that pod's first line (target 1.5)", ended[0] - began[0])
    _row("job: apply to Complete, above that pod's end (target 3)", ended[1] - began[1])
    _row("query in a warm pool: accepted to Complete", seen[0])
    _row("query in a warm pool: accepted to its first row (target 0.5)", seen[1])
    for image in build_images():
        print(f"| {image.name} | {sum(bytes_ for _, bytes_ in image.blobs()) / 2**20:.0f} MiB uncompressed |")


def _row(what: str, seconds: float) -> None:
    print(f"| {what} | {seconds:.2f} s |")


def _pod(place: Place) -> tuple[float, float]:
    """Seconds from `kubectl apply` of a bare pod to its first line, and to its end as the API server shows it."""
    name = f"floor-{uuid.uuid4().hex[:6]}"
    begun = time.time()
    place.client.apply(_bare_pod(name))
    wait_for(lambda: _phase(place, name) == "Succeeded", 60, name)
    ended = time.time()
    return float(place.client.kubectl("logs", name)) - begun, ended - begun


def _phase(place: Place, pod: str) -> str:
    return str(place.client.get("pod", pod)["status"].get("phase"))


def _bare_pod(name: str) -> dict[str, Any]:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "c", "image": WORKER, "command": ["python3", "-c", _POD], "securityContext": security}
    pod_security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "securityContext": pod_security}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "containers": [container]}}


def _job(place: Place) -> tuple[float, float]:
    """Seconds from `kubectl apply` of a job to its first task's first record, and to Complete."""
    name = f"job-{uuid.uuid4().hex[:6]}"
    output = f"{place.bucket}/{name}/"
    spec = {
        "code": {"inline": {"job.py": _CODE}},
        "input": [{"uri": f"{place.bucket}/in/*.txt", "format": "text"}],
        "map": {"python": "job:stamp"},
        "output": {"uri": output, "format": "parquet"},
    }
    begun = time.time()
    place.apply("MapReduceJob", name, spec)
    place.complete("mrj", name)
    ended = time.time()
    (part,) = place.s3.files(output, "part-*.parquet")
    return pq.read_table(part)["value"][0].as_py() - begun, ended - begun


def _queries(place: Place) -> list[tuple[float, float]]:
    """Of queries in a pool that is there: seconds from the accepted resource to its end as the API server shows it, and
    to the first row in this process's hands."""
    place.apply("WorkerPool", "warm", {"min": 1, "max": 1, "idle": "10m"})
    wait_for(lambda: place.status("gpool", "warm").get("phase") == "Ready", 90, "a warm pool")
    time.sleep(WARM_UP_S)
    resources = Resources(connect(ClusterPlace(kubeconfig=str(place.client.kubeconfig), namespace=place.name)))
    return [_query(place, resources, f"q-{number}") for number in range(RUNS + 1)][1:]


def _query(place: Place, resources: Resources, name: str) -> tuple[float, float]:
    spec = {"sql": "SELECT 42 AS answer", "pool": "warm", "scratch": place.bucket}
    body = resources.create(
        {"apiVersion": "gristmill.dev/v1alpha1", "kind": "SQLQuery", "metadata": {"name": name}, "spec": spec}
    )
    accepted = time.time()
    ended = next(body for body in resources.changes(body, 60) if body.get("status", {}).get("phase") == "Complete")
    complete = time.time()
    assert next(open_rows(resources, {"kind": "SQLQuery", **ended}))["answer"].to_pylist() == [42]
    return complete - accepted, time.time() - accepted


if __name__ == "__main__":
    main()
