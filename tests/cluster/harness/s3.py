"""The cluster's S3 server: versitygw over a folder, on an address that pods and this machine both reach."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness.binaries import program
from tests.cluster.harness.layout import S3_PORT, Layout
from tests.cluster.harness.processes import Processes
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY


@dataclass(frozen=True, slots=True)
class S3:
    """The server: where it listens, its keys, and the folder in which each bucket is a folder."""

    endpoint: str
    root: Path
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    def bucket(self, name: str) -> str:
        """Make a bucket (three letters at least) where it is missing; its URI."""
        (self.root / name).mkdir(exist_ok=True)
        return f"s3://{name}"

    def put(self, uri: str, content: bytes) -> None:
        """Write an object, through the server's folder."""
        path = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, bucket: str) -> None:
        """Remove a bucket with all that is in it."""
        shutil.rmtree(self.path(bucket))

    def path(self, uri: str) -> Path:
        """The file or folder below a URI."""
        return self.root / uri.removeprefix("s3://")

    def files(self, uri: str, pattern: str = "*") -> Iterable[Path]:
        """The files directly below a URI, sorted by name."""
        return sorted(self.path(uri).glob(pattern))

    def environment(self) -> dict[str, str]:
        """The variables by which a process of this machine finds the server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def store(self, secret: str) -> dict[str, Any]:
        """The entry of a manifest's `stores` for this server, its keys in a Secret of that name."""
        return {"prefix": "s3://", "endpoint": self.endpoint, "pathStyle": True, "secretRef": {"name": secret}}

    def secret(self, name: str) -> dict[str, Any]:
        """The Secret that holds the keys."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys}


def s3_of(layout: Layout) -> S3:
    """The server of a cluster, whether it runs or not."""
    return S3(f"http://{layout.address}:{S3_PORT}", layout.root / "s3" / "buckets")


def start_s3(layout: Layout, processes: Processes) -> S3:
    """Start the server; it answers when this returns."""
    server, sidecar = s3_of(layout), layout.root / "s3" / "sidecar"
    for folder in (server.root, sidecar):
        folder.mkdir(parents=True, exist_ok=True)
    argv = [program("versitygw"), "--port", f"{layout.address}:{S3_PORT}"]
    argv += ["--access", server.access_key, "--secret", server.secret_key, "--quiet", "--keep-alive"]
    processes.start("s3", [*argv, "posix", "--sidecar", sidecar, server.root])
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((layout.address, S3_PORT)) == 0:
                return server
        time.sleep(0.05)
    raise TimeoutError(f"the S3 server did not open its port: {processes.log('s3')}")
