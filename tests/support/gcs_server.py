"""A server with the API of Google's object store on loopback: fake-gcs-server, built once from its Go module."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import cache_folder, free_port, running

MODULE = "github.com/fsouza/fake-gcs-server@v1.56.1"


@dataclass(frozen=True, slots=True)
class GcsServer:
    """A running server: its endpoint."""

    endpoint: str

    def bucket(self, name: str) -> str:
        """Make a bucket; its URI."""
        request = urllib.request.Request(
            f"{self.endpoint}/storage/v1/b",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()
        return f"gs://{name}"

    def environment(self) -> dict[str, str]:
        """The variables by which gcsfs finds the server; it is not to look for what only Google's own has."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}


def server_binary() -> Path | None:
    """The server's program, built if it is not in the cache yet; None where there is no Go to build it."""
    binary = cache_folder() / "bin" / "fake-gcs-server"
    if binary.exists():
        return binary
    if shutil.which("go") is None:
        return None
    environment = {**os.environ, "GOBIN": str(binary.parent)}
    subprocess.run(["go", "install", MODULE], check=True, env=environment, timeout=1200)
    return binary


@contextmanager
def running_gcs_server(binary: Path) -> Iterator[GcsServer]:
    """A server on a free port of loopback that keeps objects in memory, ended on leaving."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    argv = [str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    argv += ["-public-host", f"127.0.0.1:{port}", "-external-url", endpoint, "-log-level", "error"]
    with running(argv, port):
        yield GcsServer(endpoint)
