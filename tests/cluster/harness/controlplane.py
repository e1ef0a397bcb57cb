"""etcd, the API server, the controller manager and the scheduler, as plain processes of this machine.

`ControlPlane.start(serving=False)` starts etcd and the API server alone, on loopback: enough to check resource
definitions and charts against, in three seconds and without root.
"""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness.binaries import program
from tests.cluster.harness.layout import SERVICE_OF_API, SERVICE_RANGE
from tests.cluster.harness.pki import Authority, service_account_keys
from tests.cluster.harness.processes import Processes
from tests.support.servers import free_port

_PARTS = {  # file name -> (user, group)
    "admin": ("admin", "system:masters"),
    "apiserver-kubelet": ("kube-apiserver-kubelet", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "dns": ("gristmill-test-dns", "system:masters"),
}
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A control plane whose files lie in `folder` and whose API server listens on `address:port`."""

    folder: Path
    processes: Processes
    address: str
    port: int

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.port}"

    def prepare(self, kubeconfig: Path) -> Authority:
        """Make certificates and kubeconfig files; `kubeconfig` gets the administrator's."""
        authority = Authority.create(self.folder)
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
        hosts = [self.address, "127.0.0.1", SERVICE_OF_API, *names]
        authority.issue("apiserver", "kube-apiserver", hosts=list(dict.fromkeys(hosts)))
        for file, (user, group) in _PARTS.items():
            authority.issue(file, user, group)
            authority.kubeconfig(self.folder / f"{file}.conf", self.server, file)
        authority.kubeconfig(kubeconfig, self.server, "admin")
        service_account_keys(self.folder)
        return authority

    def start(self, *, serving: bool = True) -> None:
        """Start all of it, or without `serving` what stores and checks objects only; ready when this returns."""
        client, peer = free_port(), free_port()
        self.processes.start("etcd", self._etcd(client, peer))
        self.processes.start("apiserver", self._apiserver(client))
        self.wait_ready()
        if serving:
            self.processes.start("controller-manager", self._controller_manager())
            self.processes.start("scheduler", self._scheduler())

    def stop(self) -> None:
        """End all of it: the API server before etcd, which it would wait for."""
        for name in ("scheduler", "controller-manager", "apiserver", "etcd"):
            self.processes.stop(name)

    def wait_ready(self) -> None:
        """Wait until the API server says that it is ready. TimeoutError with the end of its log."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.processes.pid("apiserver") is None:
                raise RuntimeError(f"the API server ended: {self.processes.log('apiserver')}")
            try:
                with urllib.request.urlopen(f"{self.server}/readyz", context=context, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError(f"the API server was not ready in {READY_S} s: {self.processes.log('apiserver')}")

    def _etcd(self, client: int, peer: int) -> list[str | Path]:
        clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        return [
            program("etcd"),
            "--name=test",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=test={peers}",
        ]

    def _apiserver(self, etcd: int) -> list[str | Path]:
        at = self.folder
        return [
            program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={at / 'apiserver.crt'}",
            f"--tls-private-key-file={at / 'apiserver.key'}",
            f"--client-ca-file={at / 'ca.crt'}",
            f"--service-account-key-file={at / 'sa.pub'}",
            f"--service-account-signing-key-file={at / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--kubelet-client-certificate={at / 'apiserver-kubelet.crt'}",
            f"--kubelet-client-key={at / 'apiserver-kubelet.key'}",
            "--allow-privileged",
            "--kubelet-preferred-address-types=InternalIP",
            *(["--endpoint-reconciler-type=none"] if self.address == "127.0.0.1" else []),
        ]

    def _controller_manager(self) -> list[str | Path]:
        at = self.folder
        return [
            program("kube-controller-manager"),
            f"--kubeconfig={at / 'controller-manager.conf'}",
            f"--service-account-private-key-file={at / 'sa.key'}",
            f"--root-ca-file={at / 'ca.crt'}",
            f"--cluster-signing-cert-file={at / 'ca.crt'}",
            f"--cluster-signing-key-file={at / 'ca.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            "--node-monitor-grace-period=20s",
            "--pvclaimbinder-sync-period=1s",  # else a claim that is made right after its volume waits up to 15 s
        ]

    def _scheduler(self) -> list[str | Path]:
        kubeconfig = f"--kubeconfig={self.folder / 'scheduler.conf'}"
        return [program("kube-scheduler"), kubeconfig, "--leader-elect=false", "--secure-port=0"]
