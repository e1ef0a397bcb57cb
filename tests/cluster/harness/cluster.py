"""A whole cluster with nodes in namespaces: control plane, DNS, S3 server, images. Brought up once, used by many.

`Cluster.up` makes one, `Cluster.at` finds one that another process made, `down` undoes all of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness import network
from tests.cluster.harness.binaries import install_packages, locked
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.dns import start_dns
from tests.cluster.harness.images import OPERATOR, REGISTRY, TAG, VERSITYGW, BuiltImage, build_images
from tests.cluster.harness.layout import API_PORT, CACHE, Layout
from tests.cluster.harness.node import Node, import_image
from tests.cluster.harness.processes import Processes
from tests.cluster.harness.s3 import S3, s3_of, start_s3
from tests.cluster.harness.tested import TestedCluster


@dataclass(frozen=True, slots=True)
class Cluster(TestedCluster):
    """A cluster whose nodes are namespaces of this machine."""

    layout: Layout
    nodes: dict[str, Node]
    processes: Processes

    @classmethod
    def up(cls, root: Path, zones: Iterable[str] = ("zone-a", "zone-b"), *, images: bool = True) -> Cluster:
        """Bring up a cluster with a node in each of `zones`, its files in the new folder `root`. All nodes are ready.

        `images` builds those of the project and loads them. CannotRun where this machine lacks something.
        """
        network.check_rights()
        install_packages()
        root.mkdir(parents=True)
        with locked(CACHE / "numbers.lock"):
            cluster = cls._new(root, list(zones))
            network.make_bridge(cluster.layout)
        (root / "cluster.json").write_text(
            json.dumps({"number": cluster.layout.number, "zones": [node.zone for node in cluster.nodes.values()]})
        )
        try:
            cluster._start(images=images)
        except BaseException:
            cluster.down(keep_logs=True)
            raise
        return cluster

    @classmethod
    def at(cls, root: Path) -> Cluster:
        """The cluster whose files lie in `root`. FileNotFoundError where there is none."""
        kept = json.loads((root / "cluster.json").read_text())
        return cls._of(Layout(root, kept["number"]), kept["zones"])

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    @property
    def logs(self) -> Path:
        return self.layout.logs

    @property
    def s3(self) -> S3:
        return s3_of(self.layout)

    def load_images(self) -> None:
        images = build_images()
        nodes = [node for node in self.nodes.values() if node.running]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: _load(node, images), nodes))

    def image_values(self) -> dict[str, Any]:
        built = {image.name: hashlib.sha256(image.manifest).hexdigest()[:12] for image in build_images()}
        repository, _, tag = VERSITYGW.rpartition(":")
        return {
            "image": {"registry": REGISTRY, "tag": TAG},
            "workerImage": {"tag": TAG},
            "operator": {"podAnnotations": {"gristmill.test/image": built[OPERATOR]}},
            "demoS3": {"image": {"repository": repository, "tag": tag}},
        }

    def down(self, *, keep_logs: bool = False) -> None:
        """End everything that was started, take away network, mounts and cgroups, and remove the files."""
        for node in self.nodes.values():
            node.power_cut()
            network.remove_node_network(node.place)
        for name in ("s3", "dns"):
            self.processes.stop(name, patience_s=0.5)
        self._control_plane().stop()
        for name in self.processes.names():
            self.processes.stop(name)
        network.remove_bridge(self.layout)
        shutil.rmtree(Path(f"/run/gristmill-{self.layout.number}"), ignore_errors=True)
        for path in self.layout.root.iterdir():
            if not (keep_logs and path == self.layout.logs):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not keep_logs:
            self.layout.root.rmdir()

    def start_node(self, name: str) -> None:
        self.nodes[name].start()

    @classmethod
    def _new(cls, root: Path, zones: list[str]) -> Cluster:
        return cls._of(Layout(root, network.free_number()), zones)

    @classmethod
    def _of(cls, layout: Layout, zones: list[str]) -> Cluster:
        processes = Processes(layout.root)
        nodes = [Node(layout.node(index), layout, zone, processes) for index, zone in enumerate(zones, start=1)]
        return cls(layout, {node.name: node for node in nodes}, processes)

    def _control_plane(self) -> ControlPlane:
        return ControlPlane(self.layout.control_plane, self.processes, self.layout.address, API_PORT)

    def _start(self, *, images: bool) -> None:
        plane = self._control_plane()
        authority = plane.prepare(self.kubeconfig)
        for name in self.nodes:
            authority.issue(name, f"system:node:{name}", "system:nodes")
            authority.kubeconfig(self.layout.control_plane / f"{name}.conf", plane.server, name)
        places = [node.place for node in self.nodes.values()]
        self.layout.logs.mkdir(exist_ok=True)
        with ThreadPoolExecutor() as pool:
            building = pool.submit(build_images) if images else None
            plane.start()
            start_dns(self.layout, self.processes)
            start_s3(self.layout, self.processes)
            for index, node in enumerate(self.nodes.values()):
                network.make_node_network(self.layout, places, index)
                node.configure()
                node.start()
            self._make_storage_class()
            if building is not None:
                building.result()
                self.load_images()
        self.wait_nodes()

    def _make_storage_class(self) -> None:
        """Local volumes are made by hand, and bound when a pod wants them."""
        self.client.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "local"},
                "provisioner": "kubernetes.io/no-provisioner",
                "volumeBindingMode": "WaitForFirstConsumer",
            }
        )


def _load(node: Node, images: Iterable[BuiltImage]) -> None:
    """Import the images that this node does not have exactly so."""
    for image in images:
        stamp = node.place.folder / "images" / image.folder.name
        identity = hashlib.sha256(image.manifest).hexdigest()
        if not stamp.exists() or stamp.read_text() != identity:
            import_image(node.place, image)
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(identity)
