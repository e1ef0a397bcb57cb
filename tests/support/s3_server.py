"""A real S3 server on loopback for tests: versitygw, built once from its Go module and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import cache_folder, free_port, running

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
ACCESS_KEY = "test"
SECRET_KEY = "testsecret"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server: its endpoint, and the folder in which each bucket is a folder."""

    endpoint: str
    root: Path

    def bucket(self, name: str) -> str:
        """Make a bucket; its URI."""
        (self.root / name).mkdir(exist_ok=True)
        return f"s3://{name}"

    def environment(self) -> dict[str, str]:
        """The variables by which a process finds the server."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def server_binary() -> Path | None:
    """The server's program, built if it is not in the cache yet; None where there is no Go to build it."""
    cache = cache_folder() / "bin"
    binary = cache / "versitygw"
    if binary.exists():
        return binary
    if shutil.which("go") is None:
        return None
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "install", VERSITYGW], check=True, env={**os.environ, "GOBIN": str(cache)}, timeout=600)
    return binary


@contextmanager
def running_s3_server(binary: Path, access_log: Path | None = None) -> Iterator[S3Server]:
    """A server on a free port of loopback with a folder of its own, ended on leaving.

    ``access_log`` gets a line for each request, in the form of S3's server access logs.
    """
    root = Path(tempfile.mkdtemp(prefix="gristmill-s3-"))
    for name in ("buckets", "sidecar"):
        (root / name).mkdir()
    port = free_port()
    argv = [str(binary), "--port", f"127.0.0.1:{port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY]
    argv += ["--access-log", str(access_log)] if access_log else []
    argv += ["--quiet", "--keep-alive", "posix", "--sidecar", str(root / "sidecar"), str(root / "buckets")]
    try:
        with running(argv, port):
            yield S3Server(f"http://127.0.0.1:{port}", root / "buckets")
    finally:
        shutil.rmtree(root, ignore_errors=True)
