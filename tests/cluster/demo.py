"""`make demo-cluster`: the chart, a job and a query on the cluster of `make cluster-up`, as a person would type it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.harness.binaries import program
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.layout import REPOSITORY
from tests.cluster.harness.release import SECRET, namespace_object
from tests.cluster.places import Place
from tests.cluster.workloads import word_count

NAMESPACE = "demo"


def main(root: Path) -> None:
    """Show all of it on the terminal."""
    cluster = Cluster.at(root)
    print("helm upgrade --install gristmill charts/gristmill --namespace gristmill --wait", flush=True)
    cluster.load_images()
    cluster.release.install()
    client = cluster.client.within(NAMESPACE)
    client.apply(namespace_object(NAMESPACE))
    client.apply(cluster.s3.secret(SECRET))
    place = Place(client, cluster.s3, cluster.s3.bucket(NAMESPACE))
    _run_job(place)
    _run_query(place, cluster)


def _run_job(place: Place) -> None:
    for file in sorted((REPOSITORY / "core" / "gristmill").rglob("*.py")):
        place.s3.put(f"{place.bucket}/sources/{file.stem}.txt", file.read_bytes())
    place.client.kubectl("delete", "mrj", "wordcount", "--ignore-not-found")
    output = f"{place.bucket}/out/wordcount/"
    spec = word_count(f"{place.bucket}/sources/*.txt", output)
    spec["output"]["mode"] = "overwrite"
    place.apply("MapReduceJob", "wordcount", spec)
    _show(place, "kubectl", "get", "mrj", "wordcount")
    place.complete("mrj", "wordcount", timeout_s=120)
    _show(place, "kubectl", "get", "mrj", "wordcount")


def _run_query(place: Place, cluster: Cluster) -> None:
    words = f"{place.bucket}/out/wordcount/part-*.parquet"
    sql = "SELECT key AS word, value AS times FROM words ORDER BY times DESC, word LIMIT 10"
    gristmill = Path(sys.executable).with_name("gristmill")
    _call(
        place, cluster, str(gristmill), "sql", "--cluster", "--namespace", NAMESPACE, "--table", f"words={words}", sql
    )


def _show(place: Place, *command: str) -> None:
    print(f"\n$ {' '.join(command)} --namespace {place.name}", flush=True)
    print(place.client.kubectl(*command[1:]), flush=True)


def _call(cluster: Cluster, *command: str) -> None:
    print(f"\n$ gristmill {' '.join(command[1:])}", flush=True)
    path = f"{program('kubectl').parent}:{os.environ['PATH']}"
    subprocess.run(command, check=True, env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "PATH": path})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
