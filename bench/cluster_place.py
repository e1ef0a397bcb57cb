"""What benchmarks on a cluster share: the cluster that runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cluster.harness.choice import cluster_at
from tests.cluster.harness.tested import TestedCluster

_REMEDY = "make cluster-up starts one, and GRISTMILL_TEST_CLUSTER names its folder"


def running_cluster() -> TestedCluster:
    """The cluster of `make cluster-up`, whose folder GRISTMILL_TEST_CLUSTER names. Ends the program, with a message,
    where none runs there or the chart is not installed."""
    folder = Path(os.environ.get("GRISTMILL_TEST_CLUSTER", "/tmp/gristmill-cluster"))
    try:
        cluster = cluster_at(folder)
    except FileNotFoundError:
        raise SystemExit(f"there is no cluster in {folder}; {_REMEDY}") from None
    if not cluster.client.kubectl("get", "--raw=/readyz", check=False):
        raise SystemExit(f"the cluster in {folder} does not answer; {_REMEDY}")
    if not cluster.client.kubectl("get", "crd", "sqlqueries.gristmill.dev", "--ignore-not-found"):
        raise SystemExit(f"Gristmill is not installed in the cluster in {folder}; make demo-cluster installs it")
    return cluster
