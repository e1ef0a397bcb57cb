"""A namespace and a bucket of one test: applying jobs, waiting for them, comparing what they wrote."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster.harness.client import Client, wait_for
from tests.cluster.harness.release import SECRET, namespace_object
from tests.cluster.harness.s3 import S3
from tests.cluster.harness.tested import TestedCluster

ENDED = ("Complete", "Failed", "Cancelled")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one test runs its jobs; `bucket` is a URI."""

    client: Client
    s3: S3
    bucket: str

    @property
    def name(self) -> str:
        return self.client.namespace

    @property
    def store(self) -> dict[str, Any]:
        """The entry of `stores` for the S3 server."""
        return self.s3.store(SECRET)

    def apply(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        """`kubectl apply` of one resource of Gristmill's."""
        self.client.apply(
            {"apiVersion": "gristmill.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        )

    def status(self, kind: str, name: str) -> dict[str, Any]:
        """The status of a resource; empty while it has none."""
        return dict((self.client.get(kind, name) or {}).get("status", {}))

    def ended(self, kind: str, name: str, timeout_s: float = 180) -> dict[str, Any]:
        """Wait for the end of a job or query, whatever it is; its status. TimeoutError with what is there."""

        def over() -> dict[str, Any] | None:
            status = self.status(kind, name)
            return status if status.get("phase") in ENDED else None

        return dict(wait_for(over, timeout_s, lambda: self.report(kind, name)))

    def complete(self, kind: str, name: str, timeout_s: float = 180) -> dict[str, Any]:
        """Wait for the good end of a job or query; its status. AssertionError with the whole status else."""
        status = self.ended(kind, name, timeout_s)
        assert status["phase"] == "Complete", yaml.safe_dump(status)
        return status

    def pods(self, **labels: str) -> list[dict[str, Any]]:
        """Pods of jobs, those with these labels (of `gristmill.dev/`)."""
        selector = ",".join(f"gristmill.dev/{name}={value}" for name, value in labels.items())
        return self.client.items("pods", "-l", selector or "gristmill.dev/pool")

    def owned_jobs(self, query: str) -> list[dict[str, Any]]:
        """The jobs that mirror a query's chain."""
        jobs = self.client.items("mrj")
        return [job for job in jobs if any(o["name"] == query for o in job["metadata"].get("ownerReferences", []))]

    def gone(self, what: str, timeout_s: float) -> None:
        """Wait until `kubectl get WHAT` of this namespace finds nothing."""
        wait_for(lambda: not self.client.items(what), timeout_s, f"no {what} in {self.name}")

    def report(self, kind: str, name: str) -> str:
        """Everything that tells why a resource stands as it does."""
        pods = self.client.kubectl("get", "pods", "-o", "wide", check=False)
        events = self.client.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)[-3000:]
        return f"{kind} {name}\n{yaml.safe_dump(self.status(kind, name))}\n{pods}\n{events}"


@contextmanager
def new_place(cluster: TestedCluster, kind: str = "t") -> Iterator[Place]:
    """A namespace with the keys of the S3 server, and a bucket, both gone afterwards; `kind` begins their name."""
    name = f"{kind}-{uuid.uuid4().hex[:8]}"
    client = cluster.client.within(name)
    client.apply(namespace_object(name))
    client.apply(cluster.s3.secret(SECRET))
    try:
        yield Place(client, cluster.s3, cluster.s3.bucket(name))
    finally:
        client.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
        cluster.s3.remove(f"s3://{name}")
