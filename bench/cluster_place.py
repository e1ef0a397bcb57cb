"""What benchmarks on a cluster share: the cluster that runs, and a namespace and a bucket that go afterwards."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cluster.harness.choice import cluster_at
from tests.cluster.harness.release import SECRET, namespace_object
from tests.cluster.harness.tested import TestedCluster
from tests.cluster.places import Place


def running_cluster() -> TestedCluster:
    """The cluster of `make cluster-up`, whose folder GRISTMILL_TEST_CLUSTER names."""
    return cluster_at(Path(os.environ.get("GRISTMILL_TEST_CLUSTER", "/tmp/gristmill-cluster")))


@contextmanager
def new_place(cluster: TestedCluster) -> Iterator[Place]:
    """A namespace with the keys of the S3 server, and a bucket."""
    name = f"bench-{uuid.uuid4().hex[:6]}"
    client = cluster.client.within(name)
    client.apply(namespace_object(name))
    client.apply(cluster.s3.secret(SECRET))
    try:
        yield Place(client, cluster.s3, cluster.s3.bucket(name))
    finally:
        client.kubectl("delete", "namespace", name, "--wait=false")
        cluster.s3.remove(f"s3://{name}")
