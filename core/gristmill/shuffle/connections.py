"""Connections to the Flight servers of other workers: who may ask, and clients that are kept from request to request.

A TLS handshake takes longer than a small answer, so executors, who fetch map output, and leads, who ask for the files
of volumes, each keep one client for a server.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from pyarrow import flight

from gristmill.wire.tls import TlsFiles

TOKEN_HEADER = "gristmill-token"
KEPT_S = 600.0
"""After so long a client is made anew: certificates are renewed in place."""
MOST_KEPT = 256
_KEEPALIVE = (("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000))
"""A node that vanishes says nothing: while an answer is awaited, the connection is asked whether it still lives."""


@dataclass(frozen=True, slots=True)
class FlightSecurity:
    """Who may ask: a token that all of a pool share, and a certificate of the pool where it has some."""

    token: str = ""
    tls: TlsFiles | None = None

    @property
    def scheme(self) -> str:
        """Of the URIs of servers."""
        return "grpc+tls" if self.tls else "grpc"

    def server_options(self) -> dict[str, Any]:
        """Keyword arguments of ``FlightServerBase``. Raises StorageError for files that cannot be read."""
        if self.tls is None:
            return {}
        own = self.tls.read()
        return {"tls_certificates": [(own.cert, own.key)], "verify_client": True, "root_certificates": own.ca}

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments of ``FlightClient``. Raises StorageError for files that cannot be read."""
        if self.tls is None:
            return {"generic_options": [*_KEEPALIVE]}
        own = self.tls.read()
        return {
            "generic_options": [*_KEEPALIVE],
            "tls_root_certs": own.ca,
            "cert_chain": own.cert,
            "private_key": own.key,
            "override_hostname": self.tls.name,
        }

    def call_options(self) -> flight.FlightCallOptions:
        """What each call of a client brings: the token, where there is one."""
        return flight.FlightCallOptions(headers=[(TOKEN_HEADER.encode(), self.token.encode())] if self.token else [])


@dataclass(frozen=True, slots=True)
class _Kept:
    client: flight.FlightClient
    made_s: float


class FlightClients:
    """One client for each server, by its Flight URI. Safe for many threads, as the clients are."""

    def __init__(self, security: FlightSecurity) -> None:
        self.security = security
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def client(self, address: str) -> tuple[flight.FlightClient, bool]:
        """A client, and whether it was kept from before, so that its connection may be broken by now.

        Raises StorageError for certificates that cannot be read.
        """
        now_s = time.monotonic()
        with self._lock:
            kept = self._kept.get(address)
            if kept is not None and now_s - kept.made_s < KEPT_S:
                return kept.client, True
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()  # whoever still asks over one of them has it
            made = flight.FlightClient(address, **self.security.client_options())
            self._kept[address] = _Kept(made, now_s)
            return made, False

    def forget(self, address: str, client: flight.FlightClient) -> None:
        """That client failed: the next is a new one."""
        with self._lock:
            kept = self._kept.get(address)
            if kept is not None and kept.client is client:
                del self._kept[address]
