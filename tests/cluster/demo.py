"""`make demo-cluster`: the chart, the first example and a query on the cluster of `make cluster-up`, as a person would
type it. Each command is printed before what it says.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness.binaries import program
from tests.cluster.harness.choice import cluster_at
from tests.cluster.harness.client import Client, wait_for
from tests.cluster.harness.layout import REPOSITORY
from tests.cluster.harness.release import SECRET, namespace_object
from tests.cluster.harness.tested import TestedCluster

NAMESPACE = "demo"
EXAMPLE = "examples/wordcount.yaml"
TOP = "SELECT key AS word, value AS times FROM words ORDER BY times DESC, word LIMIT 10"


def main(root: Path) -> None:
    """Show all of it on the terminal."""
    cluster = cluster_at(root)
    _install(cluster)
    client = cluster.client.within(NAMESPACE)
    client.apply(namespace_object(NAMESPACE), cluster.s3.secret(SECRET))
    _write_books(cluster)
    terminal = _Terminal(cluster)
    _run_example(terminal, client)
    bucket = cluster.s3.bucket(NAMESPACE)
    query = ["--table", f"words={bucket}/wordcount/*.parquet", "--scratch", f"{bucket}/scratch/", TOP]
    terminal.show("gristmill", "-n", NAMESPACE, "sql", "--cluster", *query)
    terminal.show("kubectl", "-n", NAMESPACE, "get", "mrj")
    print(f"\nTheir pods go by themselves soon. Look around with: export KUBECONFIG={cluster.kubeconfig}")


def _install(cluster: TestedCluster) -> None:
    print("$ helm upgrade --install gristmill charts/gristmill --namespace gristmill --wait", flush=True)
    cluster.load_images()
    cluster.release.install()
    release: dict[str, Any] = json.loads(cluster.release.client.helm("status", "gristmill", "-o", "json"))
    print(f"{release['name']} {release['info']['status']}, revision {release['version']}", flush=True)


def _write_books(cluster: TestedCluster) -> None:
    """What the example reads: text that every checkout has, in the bucket `demo`."""
    books = f"{cluster.s3.bucket(NAMESPACE)}/books"
    for file in sorted((REPOSITORY / "docs").glob("*.md")):
        cluster.s3.put(f"{books}/{file.stem}.txt", file.read_bytes())


@dataclass(frozen=True, slots=True)
class _Terminal:
    """A person's shell, with the environment that `make cluster-up` told to export."""

    cluster: TestedCluster

    def show(self, *command: str) -> None:
        """The command as it is typed, and what it prints."""
        print(f"\n$ {shlex.join(command)}", flush=True)
        subprocess.run(command, check=True, env=self._environment(), cwd=REPOSITORY)

    def follow(self, *command: str) -> subprocess.Popen[bytes]:
        """The same for a command that goes on until it is ended."""
        print(f"\n$ {shlex.join(command)}", flush=True)
        return subprocess.Popen(command, env=self._environment(), cwd=REPOSITORY)

    def _environment(self) -> dict[str, str]:
        folders = [Path(sys.executable).parent, program("kubectl").parent, program("helm").parent]
        path = ":".join([*map(str, folders), os.environ.get("PATH", "")])
        return {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "PATH": path}


def _run_example(terminal: _Terminal, client: Client) -> None:
    client.kubectl("delete", "mrj", "wordcount", "--ignore-not-found")
    terminal.show("kubectl", "-n", NAMESPACE, "apply", "-f", EXAMPLE)
    watching = terminal.follow("kubectl", "-n", NAMESPACE, "get", "mrj", "wordcount", "-w")
    try:
        wait_for(lambda: _ended(client), 180, "the end of wordcount")
    finally:
        watching.terminate()
        watching.wait()
    terminal.show("kubectl", "-n", NAMESPACE, "get", "pods", "-o", "wide", "-l", "gristmill.dev/job=wordcount")
    terminal.show("gristmill", "-n", NAMESPACE, "why", "wordcount")


def _ended(client: Client) -> bool:
    status = client.get("mrj", "wordcount").get("status") or {}
    return status.get("phase") in ("Complete", "Failed", "Cancelled")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
