"""One node: configuration of containerd, kubelet and kube-proxy, and its start and end as processes in namespaces."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import yaml

from tests.cluster.harness.binaries import debian, program
from tests.cluster.harness.images import PAUSE, BuiltImage
from tests.cluster.harness.layout import Layout, NodePlace
from tests.cluster.harness.processes import Processes, children

_CGROUPS = Path("/sys/fs/cgroup")
_WEIGHTS = {"cpu.shares": 10240, "cpu.weight": 1000}
"""Ten times an ordinary process's: pods get their share beside tests that keep all cores busy."""
_CONTAINERD = """\
version = 2
root = "{root}"
state = "{state}"
oom_score = 0
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster in `layout`, in a zone."""

    place: NodePlace
    layout: Layout
    zone: str
    processes: Processes

    @property
    def name(self) -> str:
        return self.place.name

    def configure(self) -> None:
        """Write what the node's services read."""
        folder = self.place.folder
        (folder / "cni").mkdir(parents=True, exist_ok=True)
        (folder / "containerd.toml").write_text(
            _CONTAINERD.format(
                root=folder / "containerd",
                state=self.place.run / "state",
                socket=self.place.socket,
                pause=PAUSE,
                cni=folder / "cni",
            )
        )
        (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(self._cni()))
        (folder / "kubelet.yaml").write_text(yaml.safe_dump(self._kubelet()))
        (folder / "proxy.yaml").write_text(yaml.safe_dump(self._proxy()))
        (folder / "node.json").write_text(json.dumps(self._services()))

    def start(self) -> None:
        """Switch the node on; containerd answers when this returns."""
        self.place.run.mkdir(parents=True, exist_ok=True)
        self._make_cgroups()
        into = ["nsenter", f"--net=/run/netns/{self.place.namespace}"]
        own = ["unshare", "-m", "-u", "-p", "-f", "--kill-child=KILL", "--propagation", "private"]
        init = [sys.executable, str(Path(__file__).with_name("node_init.py")), str(self.place.folder / "node.json")]
        self.processes.start(self._process, [*into, *own, *init], {"AWS_EC2_METADATA_DISABLED": "true"})
        deadline = time.monotonic() + 20
        while not self.place.socket.exists():
            if time.monotonic() > deadline or self.processes.pid(self._process) is None:
                raise RuntimeError(f"node {self.name} did not start: {self.processes.log(self._process)}")
            time.sleep(0.02)

    def power_cut(self) -> None:
        """Everything on the node is gone at once, as when the plug is pulled; what /run held is forgotten."""
        for child in children(self.processes.pid(self._process) or 0):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.processes.stop(self._process)
        self._remove_cgroups()
        shutil.rmtree(self.place.run, ignore_errors=True)

    @property
    def running(self) -> bool:
        return self.processes.pid(self._process) is not None

    @property
    def _process(self) -> str:
        return f"node-{self.name}"

    def _services(self) -> dict[str, object]:
        folder, control_plane = self.place.folder, self.layout.control_plane
        kubelet = [
            program("kubelet"),
            f"--config={folder / 'kubelet.yaml'}",
            f"--kubeconfig={control_plane / f'{self.name}.conf'}",
            f"--root-dir={folder / 'kubelet'}",
            f"--cert-dir={folder / 'kubelet-pki'}",
            f"--container-runtime-endpoint=unix://{self.place.socket}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.place.address}",
            f"--node-labels=topology.kubernetes.io/zone={self.zone},topology.kubernetes.io/region=test",
        ]
        services = [
            ("containerd", [debian("containerd"), "-c", folder / "containerd.toml"], self.place.socket),
            ("kubelet", kubelet, None),
            ("proxy", [program("kube-proxy"), f"--config={folder / 'proxy.yaml'}"], None),
        ]
        return {
            "name": self.name,
            "folder": str(folder),
            "logs": str(self.layout.logs),
            "services": [
                {"name": name, "argv": [str(arg) for arg in argv], "ready": ready and str(ready)}
                for name, argv, ready in services
            ],
        }

    def _cni(self) -> dict[str, object]:
        ranges = [[{"subnet": self.place.pod_range}]]
        addresses = {"type": "host-local", "dataDir": str(self.place.run / "ipam"), "ranges": ranges}
        addresses["routes"] = [{"dst": "0.0.0.0/0"}]
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": self.name, "plugins": [{**bridge, "ipam": addresses}, ports]}

    def _kubelet(self) -> dict[str, object]:
        authority = str(self.layout.control_plane / "ca.crt")
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.place.namespace}",
            "cgroupsPerQOS": True,
            "enforceNodeAllocatable": ["pods"],
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi"},
            "resolvConf": "",
            "clusterDomain": "cluster.local",
            "clusterDNS": [self.layout.address],
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": authority},
            },
            "authorization": {"mode": "Webhook"},
            "readOnlyPort": 0,
            "nodeStatusUpdateFrequency": "4s",
            "volumePluginDir": str(self.place.folder / "volume-plugins"),
        }

    def _proxy(self) -> dict[str, object]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "hostnameOverride": self.name,
            "clusterCIDR": self.layout.pod_ranges,
            "clientConnection": {"kubeconfig": str(self.layout.control_plane / "proxy.conf")},
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }

    def _make_cgroups(self) -> None:
        """A group of the node's own in every hierarchy (cgroup v1), or in the one (v2)."""
        for hierarchy in _hierarchies():
            group = hierarchy / self.place.namespace
            group.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (hierarchy / name).exists():
                    (group / name).write_text((hierarchy / name).read_text())
            for name, weight in _WEIGHTS.items():
                if (group / name).exists():
                    (group / name).write_text(str(weight))

    def _remove_cgroups(self) -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            left = [group for group in _groups(self.place.namespace) if not _removed(group)]
            if not left:
                return
            time.sleep(0.1)


def _hierarchies() -> list[Path]:
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in _CGROUPS.iterdir() if (path / "cgroup.procs").exists()]


def _groups(name: str) -> list[Path]:
    """The groups below (and with) `name` in every hierarchy, the innermost first."""
    found: list[Path] = []
    for hierarchy in _hierarchies():
        found.extend(Path(path) for path, _, _ in os.walk(hierarchy / name, topdown=False))
    return found


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def import_image(place: NodePlace, image: BuiltImage) -> None:
    """Put an image into a node's containerd; only what the node does not have yet is sent.

    Tried twice: containerd may collect layers of the image's former version while this one is being unpacked.
    """
    if not (_imported(place, image) or _imported(place, image)):
        raise RuntimeError(f"{image.name} cannot be loaded on {place.name}")


def _imported(place: NodePlace, image: BuiltImage) -> bool:
    ctr = [str(debian("ctr")), "--address", str(place.socket), "--namespace", "k8s.io"]
    listed = subprocess.run([*ctr, "content", "ls", "-q"], check=True, capture_output=True, text=True)
    present = set(listed.stdout.split())
    importing = subprocess.Popen([*ctr, "images", "import", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert importing.stdin is not None
    with tarfile.open(fileobj=importing.stdin, mode="w|") as tar:
        for path, content in _oci_layout(image):
            _add(tar, path, len(content), io.BytesIO(content))
        for digest, bytes_ in image.blobs():
            if digest not in present:
                with image.file(digest).open("rb") as blob:
                    _add(tar, _blob(digest), bytes_, blob)
    importing.stdin.close()
    return importing.wait(120) == 0


def _oci_layout(image: BuiltImage) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the small files of an OCI archive of one image."""
    manifest = image.manifest
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    entry = {
        "mediaType": json.loads(manifest).get("mediaType", "application/vnd.oci.image.manifest.v1+json"),
        "digest": digest,
        "size": len(manifest),
        "annotations": {"io.containerd.image.name": image.name},
    }
    yield "oci-layout", b'{"imageLayoutVersion":"1.0.0"}'
    yield _blob(digest), manifest
    yield "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(tar: tarfile.TarFile, path: str, bytes_: int, content: BinaryIO) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = bytes_
    tar.addfile(entry, content)
