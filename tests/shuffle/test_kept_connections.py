"""Connections to other workers are kept, and a broken one costs nothing but another."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.errors import LostBlock
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.shuffle import connections
from gristmill.shuffle.connections import FlightClients, FlightSecurity
from gristmill.shuffle.flight import ShuffleServer, WorkerFiles

ADDRESS = "grpc://127.0.0.1:9"


def test_a_client_is_made_once_for_each_server() -> None:
    clients = FlightClients(FlightSecurity())
    first, kept = clients.client(ADDRESS)
    assert not kept
    assert clients.client(ADDRESS) == (first, True)
    assert clients.client("grpc://127.0.0.1:10")[0] is not first


def test_a_client_that_failed_or_is_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = FlightClients(FlightSecurity())
    first, _ = clients.client(ADDRESS)
    clients.forget(ADDRESS, first)
    second, kept = clients.client(ADDRESS)
    assert second is not first
    assert not kept
    clients.forget(ADDRESS, first)  # somebody else's failure, with the client of before
    assert clients.client(ADDRESS) == (second, True)
    later_s = time.monotonic() + connections.KEPT_S
    monkeypatch.setattr("gristmill.shuffle.connections.time.monotonic", lambda: later_s)
    assert clients.client(ADDRESS)[0] is not second


def test_so_many_clients_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_KEPT", 2)
    clients = FlightClients(FlightSecurity())
    for port in range(9, 14):
        assert not clients.client(f"grpc://127.0.0.1:{port}")[1]
        assert len(clients._kept) <= 2


def test_a_worker_that_came_back_is_read_though_its_connection_broke(
    small_exchange: Callable[..., Any], tmp_path: Path
) -> None:
    server = ShuffleServer(tmp_path)
    exchange = small_exchange(Exchange(ExchangeKind.HASH, 3, ("k",)))
    for start in (0, 500):
        rows = pa.table({"k": list(range(start, start + 500))})
        exchange.map(rows, host="elsewhere", address=f"grpc://127.0.0.1:{server.port}")
    local = exchange.read_all()
    exchange.fetch = WorkerFiles("here")
    assert exchange.read_all() == local
    server.shutdown()
    with pytest.raises(LostBlock):
        exchange.read(0)
    server = ShuffleServer(tmp_path, f"grpc://127.0.0.1:{server.port}")
    assert exchange.read_all() == local
    server.shutdown()
    server = ShuffleServer(tmp_path, f"grpc://127.0.0.1:{server.port}")
    assert exchange.read_all() == local
    server.shutdown()
