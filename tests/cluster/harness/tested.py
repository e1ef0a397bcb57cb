"""What tests, benchmarks and people ask of a test cluster, whatever its nodes are made of.

`Cluster` (nodes are namespaces of this machine) and `KindCluster` (nodes are containers of Docker) fill in the rest;
`choice` says which of them it is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.cluster.harness.client import Client, wait_for
from tests.cluster.harness.release import NAMESPACE, Release
from tests.cluster.harness.s3 import S3

READY_S = 60.0


class TestedNode(Protocol):
    """A node that can be switched off."""

    @property
    def name(self) -> str: ...
    def power_cut(self) -> None: ...


class TestedCluster(ABC):
    """A cluster that runs: how to talk to it, its nodes by name, its S3 server."""

    __slots__ = ()
    __test__ = False
    nodes: Mapping[str, TestedNode]
    """The nodes that run pods, in the order of their zones: the first in zone-a, the second in zone-b."""

    @property
    @abstractmethod
    def kubeconfig(self) -> Path:
        """An administrator's."""

    @property
    @abstractmethod
    def s3(self) -> S3:
        """The S3 server that pods and this machine reach."""

    @property
    @abstractmethod
    def logs(self) -> Path:
        """A folder with what the cluster's processes print."""

    @abstractmethod
    def load_images(self) -> None:
        """Build the project's images from the checkout and load what is new into every node that is on."""

    @abstractmethod
    def image_values(self) -> dict[str, Any]:
        """The chart's values that name these images, and change whenever they do."""

    @abstractmethod
    def start_node(self, name: str) -> None:
        """Switch a node on again; it has the images that it had."""

    @abstractmethod
    def down(self) -> None:
        """End everything that was started, and remove its files."""

    @property
    def client(self) -> Client:
        """kubectl and helm as administrator."""
        return Client(self.kubeconfig)

    @property
    def release(self) -> Release:
        """Gristmill on this cluster, whether it is installed or not."""
        return Release(self.client.within(NAMESPACE), self.s3, self.image_values)

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """No new pods on a node within the block."""
        self.client.kubectl("cordon", node)
        try:
            yield
        finally:
            self.client.kubectl("uncordon", node)

    def wait_nodes(self, ready: bool = True, names: Iterable[str] | None = None) -> None:
        """Wait until the nodes (all, or `names`) are ready, or seen as not ready. TimeoutError after a minute."""
        wanted = set(names or self.nodes)
        wait_for(lambda: wanted <= self._nodes_that_are(ready), READY_S, f"nodes {sorted(wanted)} ready={ready}")

    def _nodes_that_are(self, ready: bool) -> set[str]:
        return {
            node["metadata"]["name"]
            for node in self.client.items("nodes")
            for condition in node["status"]["conditions"]
            if condition["type"] == "Ready" and (condition["status"] == "True") == ready
        }
