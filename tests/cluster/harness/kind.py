"""A cluster of kind: nodes are containers of Docker, images come from its store. Written after kind's documentation
(kind.sigs.k8s.io: configuration, loading an image) and not run by its authors, who had no Docker.

The S3 server is a container beside the nodes; its folder is mounted into it and, at the same path, into every node, so
that local volumes of tests are found there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness.binaries import CannotRun
from tests.cluster.harness.images import OPERATOR, REGISTRY, TAG, WORKER
from tests.cluster.harness.layout import REPOSITORY, S3_PORT
from tests.cluster.harness.s3 import S3
from tests.cluster.harness.tested import TestedCluster
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY

NETWORK = "kind"
"""kind's own network of Docker, which all its nodes are in."""
S3_IMAGE = "ghcr.io/versity/versitygw:v1.8.0"
_DOCKERFILES = {OPERATOR: "Dockerfile", WORKER: "worker-image/Dockerfile"}
_KIND_FILE = "kind.json"
_TOOLS = ("docker", "kind")


@dataclass(frozen=True, slots=True)
class KindNode:
    """A node: the container of that name."""

    name: str

    def power_cut(self) -> None:
        """Everything on the node is gone at once."""
        _run(["docker", "kill", self.name])


@dataclass(frozen=True, slots=True)
class KindCluster(TestedCluster):
    """The cluster of kind whose files lie in `root`, with a node for each zone."""

    root: Path
    zones: tuple[str, ...]

    @classmethod
    def up(cls, root: Path, zones: Sequence[str] = ("zone-a", "zone-b")) -> KindCluster:
        """Bring one up, its files in the new folder `root`, with images and S3 server. CannotRun without kind."""
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        if missing:
            raise CannotRun(f"not installed: {', '.join(missing)}")
        root.mkdir(parents=True)
        cluster = cls(root, tuple(zones))
        (root / _KIND_FILE).write_text(json.dumps({"zones": cluster.zones}))
        for folder in ("buckets", "sidecar"):
            (root / "s3" / folder).mkdir(parents=True)
        (root / "kind.yaml").write_text(yaml.safe_dump(kind_config(cluster.zones, cluster._buckets), sort_keys=False))
        _run(create_command(cluster.name, root))
        _run(s3_command(cluster.s3_container, root / "s3"))
        cluster.load_images()
        return cluster

    @classmethod
    def at(cls, root: Path) -> KindCluster:
        """The cluster whose files lie in `root`. FileNotFoundError where there is none."""
        return cls(root, tuple(json.loads((root / _KIND_FILE).read_text())["zones"]))

    @property
    def name(self) -> str:
        """What kind calls it."""
        return f"gristmill-{self.root.name}".lower()

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def nodes(self) -> dict[str, KindNode]:
        return {name: KindNode(name) for name in node_names(self.name, len(self.zones))}

    @property
    def s3_container(self) -> str:
        return f"{self.name}-s3"

    @property
    def s3(self) -> S3:
        found = json.loads(_run(["docker", "inspect", self.s3_container]))
        address = found[0]["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
        return S3(f"http://{address}:{S3_PORT}", self._buckets)

    def load_images(self) -> None:
        for image, dockerfile in _DOCKERFILES.items():
            built_from = ["--file", str(REPOSITORY / dockerfile), str(REPOSITORY)]
            _run(["docker", "build", "--quiet", "--tag", image, *built_from])
        _run(["kind", "load", "docker-image", *_DOCKERFILES, "--name", self.name])

    def image_values(self) -> dict[str, Any]:
        built = _run(["docker", "image", "inspect", "--format", "{{.Id}}", OPERATOR]).strip()
        return {
            "image": {"registry": REGISTRY, "tag": TAG},
            "workerImage": {"tag": TAG},
            "operator": {"podAnnotations": {"gristmill.test/image": built.removeprefix("sha256:")[:12]}},
        }

    def start_node(self, name: str) -> None:
        _run(["docker", "start", name])

    def down(self) -> None:
        _run(["docker", "rm", "--force", self.s3_container])
        _run(["kind", "delete", "cluster", "--name", self.name])
        shutil.rmtree(self.root)

    @property
    def _buckets(self) -> Path:
        return self.root / "s3" / "buckets"


def docker_works() -> bool:
    """Whether there is a Docker that this user may use."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=30).returncode == 0


def kind_config(zones: Sequence[str], buckets: Path) -> dict[str, Any]:
    """What kind is told: a control plane, and for each zone a node that has the buckets where they lie here."""
    mount = {"hostPath": str(buckets), "containerPath": str(buckets)}
    nodes = [
        {"role": "worker", "labels": {"topology.kubernetes.io/zone": zone}, "extraMounts": [mount]} for zone in zones
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}, *nodes],
    }


def node_names(cluster: str, count: int) -> list[str]:
    """kind numbers its worker nodes from the second on."""
    return [f"{cluster}-worker{number if number > 1 else ''}" for number in range(1, count + 1)]


def create_command(name: str, root: Path) -> list[str]:
    """Nodes are ready when it ends; no kubeconfig but the cluster's own is touched."""
    files = ["--config", str(root / "kind.yaml"), "--kubeconfig", str(root / "kubeconfig")]
    return ["kind", "create", "cluster", "--name", name, *files, "--wait", "180s"]


def s3_command(container: str, folder: Path) -> list[str]:
    """versitygw over the folder `buckets` of `folder`, as this user, on the network of the nodes."""
    here = ["--network", NETWORK, "--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{folder}:{folder}"]
    keys = ["--env", f"ROOT_ACCESS_KEY={ACCESS_KEY}", "--env", f"ROOT_SECRET_KEY={SECRET_KEY}"]
    store = ["posix", "--sidecar", str(folder / "sidecar"), str(folder / "buckets")]
    return [
        "docker",
        "run",
        "--detach",
        "--name",
        container,
        *here,
        *keys,
        S3_IMAGE,
        "--quiet",
        "--port",
        f":{S3_PORT}",
        *store,
    ]


def _run(argv: Sequence[str]) -> str:
    """What a command prints. RuntimeError with its message where it fails."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[:3])}: {done.stderr.strip()[-2000:]}")
    return done.stdout
