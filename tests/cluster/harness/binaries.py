"""The programs of a test cluster: built once from Go modules into the user's cache, or installed as Debian packages.

A build is keyed by what it is made from, so that a new version is built beside the old one. Nothing is written into the
checkout.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.harness.layout import CACHE, REPOSITORY
from tests.support.s3_server import VERSITYGW

KUBERNETES = "1.34.4"
_MODULES = REPOSITORY / "tests" / "cluster"
"""Its folders `kubernetes` and `etcd` are Go modules that name what is built: theirs want others replaced."""
_OF_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
_GO_PROGRAMS = {
    "coredns": "github.com/coredns/coredns@v1.15.0",
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok@v0.8.0",
    "versitygw": VERSITYGW,  # static, unlike the one of tests/storage: it goes into an image with nothing else
}
_DEBIAN = {  # a file of the package -> the package
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/bin/buildah": "buildah",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/sbin/ip": "iproute2",
    "/usr/bin/gcc": "gcc",
}


class CannotRun(Exception):
    """This machine cannot run the test cluster: the message says what is missing."""


def program(name: str) -> Path:
    """A program that is built from a Go module, built now where that has not been done yet (minutes for Kubernetes)."""
    if name in _OF_KUBERNETES:
        return _built(f"kubernetes-{KUBERNETES}-{_digest_of_module('kubernetes')}", name, _build_kubernetes)
    if name == "etcd":
        return _built(f"etcd-{_digest_of_module('etcd')}", name, _build_etcd)
    module = _GO_PROGRAMS[name]
    return _built(module.rpartition("/")[2].replace("@", "-"), name, lambda folder: _install(folder, module))


def debian(name: str) -> Path:
    """A program of a Debian package, all of which are installed where one is missing."""
    install_packages()
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise CannotRun(f"{name} is not installed")
    return Path(found)


def install_packages() -> None:
    """Install the Debian packages that nodes and images need, where files of theirs are missing."""
    missing = [package for file, package in _DEBIAN.items() if not Path(file).exists()]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise CannotRun(f"these packages are needed: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)


def build_all() -> None:
    """Build and install whatever a cluster may need: for CI, which wants the long builds apart from the tests."""
    install_packages()
    for name in ("etcd", *_OF_KUBERNETES, *_GO_PROGRAMS):
        program(name)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _built(key: str, name: str, build: Callable[[Path], None]) -> Path:
    folder = CACHE / "bin" / key
    if not (folder / name).exists():
        with locked(CACHE / "bin" / f"{key}.lock"):
            if not (folder / name).exists():
                if shutil.which("go") is None:
                    raise CannotRun(f"{name} must be built, and there is no Go on this machine")
                fresh = folder.with_name(f"{key}.new")
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir(parents=True)
                build(fresh)
                fresh.rename(folder)
    return folder / name


def _install(folder: Path, module: str) -> None:
    _go(["install", "-ldflags=-s -w", module], folder, Path("/"))


def _build_kubernetes(folder: Path) -> None:
    major, minor, _ = KUBERNETES.split(".")
    version = "k8s.io/component-base/version"  # without it, the parts call themselves v0.0.0 and refuse one another
    values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s -w", *(f"-X {version}.{name}={value}" for name, value in values.items())])
    _go(["install", f"-ldflags={flags}", "tool"], folder, _MODULES / "kubernetes")


def _build_etcd(folder: Path) -> None:
    """Debian's is of another age: it tells no progress, without which watches of this API server start seconds late."""
    output = str(folder / "etcd")
    _go(["build", "-trimpath", "-ldflags=-s -w", "-o", output, "go.etcd.io/etcd/server/v3"], folder, _MODULES / "etcd")


def _go(args: list[str], bin_: Path, folder: Path) -> None:
    environment = {**os.environ, "GOBIN": str(bin_), "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    subprocess.run(["nice", "-n", "5", "go", *args], check=True, cwd=folder, env=environment)


def _digest_of_module(name: str) -> str:
    text = b"".join((_MODULES / name / file).read_bytes() for file in ("go.mod", "go.sum"))
    return hashlib.sha256(text).hexdigest()[:12]
