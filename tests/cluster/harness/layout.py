"""Where a test cluster keeps its files, and which addresses and names it takes on this machine.

Everything else in the harness asks here, so that two clusters can live side by side: each has a number, and its bridge,
network namespaces, cgroups and address ranges carry it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill" / "cluster"
REPOSITORY = Path(__file__).resolve().parents[3]
SERVICE_RANGE = "10.96.0.0/16"
SERVICE_OF_API = "10.96.0.1"
API_PORT = 6443
S3_PORT = 9000


@dataclass(frozen=True, slots=True)
class NodePlace:
    """One node: its name in the cluster, and what this machine calls its parts."""

    name: str
    index: int  # from 1
    cluster: int
    folder: Path

    @property
    def namespace(self) -> str:
        """The network namespace, also the name of the node's cgroup."""
        return f"gristmill-{self.cluster}-{self.name}"

    @property
    def device(self) -> str:
        """The end of the node's cable that is plugged into the bridge."""
        return f"gm{self.cluster}-{self.name}"

    @property
    def address(self) -> str:
        return f"10.90.{self.cluster}.{10 + self.index}"

    @property
    def pod_range(self) -> str:
        return f"10.{130 + self.cluster}.{self.index}.0/24"

    @property
    def run(self) -> Path:
        """What a reboot forgets."""
        return Path(f"/run/gristmill-{self.cluster}") / self.name

    @property
    def socket(self) -> Path:
        """containerd's."""
        return self.run / "containerd.sock"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one cluster, and its number."""

    root: Path
    number: int

    @property
    def bridge(self) -> str:
        return f"gm{self.number}-bridge"

    @property
    def address(self) -> str:
        """This machine, as nodes and pods see it: the API server, DNS and the S3 server listen there."""
        return f"10.90.{self.number}.1"

    @property
    def pod_ranges(self) -> str:
        return f"10.{130 + self.number}.0.0/16"

    @property
    def control_plane(self) -> Path:
        return self.root / "control-plane"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def kubeconfig(self) -> Path:
        """For whoever uses the cluster: an administrator's."""
        return self.root / "kubeconfig"

    def node(self, index: int) -> NodePlace:
        return NodePlace(f"n{index}", index, self.number, self.root / f"n{index}")
