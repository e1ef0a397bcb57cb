"""The network of a cluster: a bridge in this machine's own namespace, and one network namespace for each node."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.harness.binaries import CannotRun
from tests.cluster.harness.layout import Layout, NodePlace


def check_rights() -> None:
    """CannotRun where this process may not make network namespaces."""
    if os.geteuid() != 0:
        raise CannotRun("nodes are network namespaces, which only root may make")
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], check=False, capture_output=True, text=True)
    if probe.returncode != 0:
        raise CannotRun(f"nodes are network namespaces, which cannot be made here: {probe.stderr.strip()}")


def free_number() -> int:
    """The lowest number that no cluster on this machine has."""
    taken = {path.name for path in Path("/sys/class/net").iterdir()}
    return next(number for number in range(100) if f"gm{number}-bridge" not in taken)


def make_bridge(layout: Layout) -> None:
    """The bridge that nodes are plugged into, with this machine's address on it."""
    _ip("link", "add", layout.bridge, "type", "bridge")
    _ip("addr", "add", f"{layout.address}/24", "dev", layout.bridge)
    _ip("link", "set", layout.bridge, "up")


def remove_bridge(layout: Layout) -> None:
    _ip("link", "del", layout.bridge, check=False)


def make_node_network(layout: Layout, nodes: Sequence[NodePlace], index: int) -> None:
    """The namespace of one node, its cable, and the routes between its pods and those of the other nodes."""
    node = nodes[index]
    _ip("netns", "add", node.namespace)
    _ip("link", "add", node.device, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
    _ip("link", "set", node.device, "master", layout.bridge, "up")
    _ip("-n", node.namespace, "link", "set", "lo", "up")
    _ip("-n", node.namespace, "addr", "add", f"{node.address}/24", "dev", "eth0")
    _ip("-n", node.namespace, "link", "set", "eth0", "up")
    _ip("-n", node.namespace, "route", "add", "default", "via", layout.address)
    inside = ["nsenter", f"--net=/run/netns/{node.namespace}"]
    subprocess.run([*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    _ip("route", "replace", node.pod_range, "via", node.address)
    for other in nodes:
        if other != node:
            _ip("-n", node.namespace, "route", "replace", other.pod_range, "via", other.address)


def remove_node_network(node: NodePlace) -> None:
    _ip("link", "del", node.device, check=False)
    _ip("netns", "del", node.namespace, check=False)


def plug(node: NodePlace, *, connected: bool) -> None:
    """Pull the node's network cable, or put it back."""
    _ip("link", "set", node.device, "up" if connected else "down")
    if connected:
        _ip("route", "replace", node.pod_range, "via", node.address)


def _ip(*args: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *args], check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {done.stderr.strip()}")
