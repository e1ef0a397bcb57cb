"""Which test cluster it is here: kind where Docker works, else nodes in namespaces of this machine.

`GRISTMILL_CLUSTER_BY=kind` or `=namespaces` decides it otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.kind import KindCluster, docker_works
from tests.cluster.harness.tested import TestedCluster

_WAYS = ("kind", "namespaces")


def chosen_way() -> str:
    """`kind` or `namespaces`. ValueError where the variable says something else."""
    wanted = os.environ.get("GRISTMILL_CLUSTER_BY", "")
    if wanted and wanted not in _WAYS:
        raise ValueError(f"GRISTMILL_CLUSTER_BY={wanted}: one of {', '.join(_WAYS)}")
    return wanted or ("kind" if docker_works() else "namespaces")


def bring_up(root: Path) -> TestedCluster:
    """A new cluster of two nodes, its files in the new folder `root`. CannotRun where this machine lacks something."""
    return KindCluster.up(root) if chosen_way() == "kind" else Cluster.up(root)


def cluster_at(root: Path) -> TestedCluster:
    """The cluster whose files lie in `root`. FileNotFoundError where there is none."""
    try:
        return KindCluster.at(root)
    except FileNotFoundError:
        return Cluster.at(root)
