"""What benchmarks on a cluster share: the cluster that runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cluster.harness.choice import cluster_at
from tests.cluster.harness.tested import TestedCluster


def running_cluster() -> TestedCluster:
    """The cluster of `make cluster-up`, whose folder GRISTMILL_TEST_CLUSTER names."""
    return cluster_at(Path(os.environ.get("GRISTMILL_TEST_CLUSTER", "/tmp/gristmill-cluster")))
