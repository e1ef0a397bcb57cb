"""A server with the API of Azure's blob store on loopback: Azurite, Microsoft's own, installed once from npm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import cache_folder, free_port, running

PACKAGE = "azurite@3.35.0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every Azurite has; its documentation prints them."""


@dataclass(frozen=True, slots=True)
class AzureServer:
    """A running server: the URL of its account."""

    endpoint: str

    def bucket(self, name: str) -> str:
        """Make a container; its URI."""
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(self.environment()["AZURE_STORAGE_CONNECTION_STRING"]) as client:
            client.create_container(name)
        return f"abfs://{name}"

    def environment(self) -> dict[str, str]:
        """The variable by which adlfs finds the server."""
        parts = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint};"
        return {"AZURE_STORAGE_CONNECTION_STRING": parts}


def server_program() -> Path | None:
    """The server's program, installed if it is not in the cache yet; None where there is no npm."""
    folder = cache_folder() / PACKAGE
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    argv = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    subprocess.run(argv, check=True, timeout=1200)
    return program


@contextmanager
def running_azure_server(program: Path) -> Iterator[AzureServer]:
    """A server on a free port of loopback that keeps blobs in memory, ended on leaving."""
    port = free_port()
    argv = [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--silent"]
    with running([*argv, "--skipApiVersionCheck", "--disableTelemetry"], port):
        yield AzureServer(f"http://127.0.0.1:{port}/{ACCOUNT}")
