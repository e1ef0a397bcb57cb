"""etcd and an API server on loopback and nothing else: what resource definitions, CEL rules and charts are checked by.

Ready in about three seconds, wants no root, takes no fixed port; several may run at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.processes import Processes
from tests.support.servers import free_port


def start_api(root: Path) -> Path:
    """Start both with their files in the empty folder `root`; the administrator's kubeconfig."""
    plane = ControlPlane(root / "control-plane", Processes(root), "127.0.0.1", free_port())
    kubeconfig = root / "kubeconfig"
    plane.prepare(kubeconfig)
    plane.start(serving=False)
    return kubeconfig


def stop_api(root: Path) -> None:
    """End what `start_api` started in `root`; its files stay."""
    ControlPlane(root / "control-plane", Processes(root), "127.0.0.1", 0).stop()


@contextmanager
def running_api(root: Path) -> Iterator[Path]:
    """The kubeconfig of an API server that lives as long as the block."""
    try:
        yield start_api(root)
    finally:
        stop_api(root)
