"""TPC-H in a warm pool on the two nodes of a cluster, every query against two worker processes of this machine.

Both read the same S3 server while the cluster runs, and both hand over the rows as an Arrow table: the cluster by a
SQLQuery that is made, and its rows read through a forwarded port. From Python, the worker processes of this machine
stay from query to query, as the pool's pods do. With --commands each query is what a person types,
`gristmill sql --cluster` and `gristmill sql --workers 2`, each a process of its own. Needs a cluster of
`make cluster-up` (its folder in GRISTMILL_TEST_CLUSTER) with the chart installed.

python bench/cluster_tpch.py [--commands] [--scale 1] [--runs 3] [--queries 1 5 18]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from cluster_place import running_cluster
from measuring import in_turn, machine
from tpch import QUERIES, make_tables

import gristmill as gm
from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.place import Cluster as ClusterOfUser
from gristmill.api.cluster.resources import Resources
from gristmill.api.cluster.running import run_query_on_cluster
from gristmill.api.options import ignore_progress
from gristmill.plan.resources import load_query
from tests.cluster.harness.client import wait_for
from tests.cluster.places import Place, new_place

WANTED = 1.3
MEMORY = "1Gi"


@dataclass(frozen=True)
class Bench:
    """The tables in the bucket of a place, and both ways of a query over them."""

    place: Place
    resources: Resources
    tables: dict[str, str]

    def in_pods(self, sql: str) -> pa.Table:
        """The rows of a SQLQuery in the warm pool."""
        spec: dict[str, Any] = {
            "sql": sql,
            "tables": {name: {"uri": uri} for name, uri in self.tables.items()},
            "pool": "warm",
            "scratch": f"{self.place.bucket}/scratch/",
            "forceDistributed": True,
        }
        metadata = {"name": f"q-{uuid.uuid4().hex[:8]}"}
        form = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "SQLQuery", "metadata": metadata, "spec": spec}
        return run_query_on_cluster(load_query(form), self.resources, ignore_progress).arrow()

    def embedded(self, sql: str) -> pa.Table:
        """The same from two workers of this machine."""
        return gm.sql(sql, tables=self.tables, workers=2, memory="1GiB", force_distributed=True).arrow()

    def command_in_pods(self, sql: str) -> pa.Table:
        """The rows that `gristmill sql --cluster` writes."""
        where = ("--kubeconfig", str(self.place.client.kubeconfig), "-n", self.place.name)
        return self._command(sql, "--cluster", *where, "--pool", "warm", "--scratch", f"{self.place.bucket}/scratch/")

    def command_embedded(self, sql: str) -> pa.Table:
        """The rows that `gristmill sql --workers 2` writes."""
        return self._command(sql, "--workers", "2", "--memory", "1GiB")

    def _command(self, sql: str, *options: str) -> pa.Table:
        tables = [part for name, uri in self.tables.items() for part in ("-t", f"{name}={uri}")]
        program = Path(sys.executable).with_name("gristmill")
        arguments = ["sql", sql, *tables, "--force-distributed", *options, "-o", "arrow"]
        done = subprocess.run([program, *arguments], capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        return pa.ipc.open_stream(done.stdout).read_all()


def make_bench(place: Place, scale: float) -> Bench:
    """Puts the tables into the bucket and starts a pool with a pod for each node."""
    tables = {}
    for name, path in make_tables(scale).items():
        tables[name] = f"{place.bucket}/tpch/{name}.parquet"
        place.s3.put(tables[name], Path(path).read_bytes())
    resources = {"requests": {"cpu": "1", "memory": MEMORY}, "limits": {"memory": MEMORY}}
    spec = {"min": 2, "max": 2, "idle": "30m", "stores": [place.store], "resources": resources}
    place.apply("WorkerPool", "warm", spec)
    wait_for(lambda: place.status("gpool", "warm").get("phase") == "Ready", 120, lambda: place.report("gpool", "warm"))
    user = ClusterOfUser(kubeconfig=str(place.client.kubeconfig), namespace=place.name)
    return Bench(place, Resources(connect(user)), tables)


Way = Callable[[str], pa.Table]


def measure(in_pods: Way, here: Way, name: str, runs: int) -> tuple[float, float]:
    """Seconds of one query both ways in turn, after one of each that is not counted; their answers have to be equal."""
    sql = (QUERIES / f"{name}.sql").read_text()
    if in_pods(sql) != here(sql):
        raise SystemExit(f"{name}: the cluster and this machine give different rows")
    ways = [(name, lambda: in_pods(sql)), ("embedded", lambda: here(sql))]
    pods, embedded = (timed.median_s for timed in in_turn(ways, runs))
    print(f"| {name} | {pods:.2f} | {embedded:.2f} | {pods / embedded:.2f} |", flush=True)
    return pods, embedded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", action="store_true")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--queries", type=int, nargs="*", default=range(1, 23))
    options = parser.parse_args()
    cluster = running_cluster()
    os.environ.update(cluster.s3.environment())
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    how = "commands" if options.commands else "from Python"
    print(f"\n## TPC-H at scale factor {options.scale:g}, two pods on two nodes, tables on an S3 server, {how}\n")
    print("| query | in pods s | embedded s | ratio |\n| --- | --- | --- | --- |")
    with new_place(cluster, "bench") as place:
        bench = make_bench(place, options.scale)
        ways = (bench.in_pods, bench.embedded)
        if options.commands:
            ways = (bench.command_in_pods, bench.command_embedded)
        results = [measure(*ways, f"q{number:02}", options.runs) for number in options.queries]
    pods, embedded = (sum(seconds) for seconds in zip(*results, strict=True))
    verdict = "reached" if pods / embedded <= WANTED else "MISSED"
    print(f"| sum | {pods:.2f} | {embedded:.2f} | {pods / embedded:.2f} |")
    print(f"\nWanted: at most {WANTED} for the sum: {verdict}. Load now {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
