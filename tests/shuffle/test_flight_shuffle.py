"""Blocks over Flight are the same as from the disk, one request for each worker, and only for those who may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import flight

from gristmill.errors import LostBlock, StorageError
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import SortKey
from gristmill.shuffle.blocks import Selection, lost_output
from gristmill.shuffle.flight import FlightSecurity, ShuffleServer, WorkerFiles
from gristmill.shuffle.wire_form import Ticket

ORDER = (SortKey("k"),)
SPECS = [
    Exchange(ExchangeKind.HASH, 5, ("k",)),
    Exchange(ExchangeKind.HASH, 5, ("k",), ORDER),
    Exchange(ExchangeKind.RANGE, 5, order=ORDER),
    Exchange(ExchangeKind.BROADCAST, 2),
]


class CountingServer(ShuffleServer):
    """Counts requests."""

    requests = 0

    def do_get(self, context: flight.ServerCallContext, ticket: flight.Ticket) -> flight.FlightDataStream:
        self.requests += 1
        return super().do_get(context, ticket)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[CountingServer]]:
    """Two workers' servers over the same directory."""
    started = [CountingServer(tmp_path) for _ in range(2)]
    yield started
    for server in started:
        server.shutdown()


def some_rows(start: int) -> pa.Table:
    return pa.table({"k": [(number * 7919) % 1000 for number in range(start, start + 3000)], "s": ["x" * 40] * 3000})


def remote_exchange(
    small_exchange: Callable[..., Any], spec: Exchange, servers: list[CountingServer], **options: Any
) -> Any:
    exchange = small_exchange(spec, **options)
    for number in range(6):
        address = f"grpc://127.0.0.1:{servers[number % 2].port}"
        exchange.map(some_rows(number), host="elsewhere", address=address)
    return exchange


@pytest.mark.parametrize("spec", SPECS, ids=["hash", "sorted", "range", "broadcast"])
@pytest.mark.parametrize("memory_bytes", [1 << 30, 30_000])
def test_remote_rows_equal_local_rows_with_one_request_a_worker(
    small_exchange: Callable[..., Any], servers: list[CountingServer], spec: Exchange, memory_bytes: int
) -> None:
    exchange = remote_exchange(small_exchange, spec, servers)
    local = exchange.read_all()
    exchange.fetch = WorkerFiles("here")
    assert exchange.read_all(memory_bytes) == local
    assert [server.requests for server in servers] == [spec.partitions, spec.partitions]
    assert not any(exchange.folder.glob("reader/*"))


def test_files_of_this_machine_are_read_from_its_disk(
    small_exchange: Callable[..., Any], servers: list[CountingServer]
) -> None:
    exchange = remote_exchange(small_exchange, SPECS[0], servers)
    exchange.fetch = WorkerFiles("elsewhere")
    assert sum(part.num_rows for part in exchange.read_all()) == 18_000
    assert [server.requests for server in servers] == [0, 0]


def test_a_file_that_the_worker_lost_is_named(
    small_exchange: Callable[..., Any], servers: list[CountingServer]
) -> None:
    exchange = remote_exchange(small_exchange, SPECS[1], servers)
    Path(exchange.outputs[3].location.path).unlink()
    exchange.fetch = WorkerFiles("here")
    with pytest.raises(LostBlock) as caught:
        exchange.read(0)
    assert lost_output(caught.value) == (exchange.outputs[3].exchange, 3)


def test_a_block_damaged_on_the_way_is_named(small_exchange: Callable[..., Any], servers: list[CountingServer]) -> None:
    exchange = remote_exchange(small_exchange, SPECS[3], servers)
    path = Path(exchange.outputs[2].location.path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    exchange.fetch = WorkerFiles("here")
    with pytest.raises(LostBlock) as caught:
        exchange.read(0)
    assert lost_output(caught.value) == (exchange.outputs[2].exchange, 2)


class Copies:
    """Object storage that holds copies of shuffle files, on the disk of the test."""

    def size(self, uri: str) -> int:
        return Path(uri.removeprefix("copy://")).stat().st_size

    def read(self, uri: str, offset: int, length: int) -> bytes:
        return Path(uri.removeprefix("copy://")).read_bytes()[offset : offset + length]


@pytest.mark.parametrize("spec", SPECS, ids=["hash", "sorted", "range", "broadcast"])
def test_a_worker_that_is_gone_is_made_up_for_by_durable_copies(
    small_exchange: Callable[..., Any], servers: list[CountingServer], spec: Exchange
) -> None:
    exchange = remote_exchange(small_exchange, spec, servers)
    local = exchange.read_all()
    servers[0].shutdown()
    exchange.fetch = WorkerFiles("here", durable=Copies())
    with pytest.raises(LostBlock) as caught:
        exchange.read(0)
    assert lost_output(caught.value) == (exchange.outputs[0].exchange, 0)
    for number in (0, 2, 4):
        copy = Path(exchange.outputs[number].location.path).rename(exchange.folder / f"copy-{number}")
        exchange.moved(number, durable=f"copy://{copy}")
    assert exchange.read_all() == local


def test_a_wrong_token_is_refused_and_is_no_lost_block(small_exchange: Callable[..., Any], tmp_path: Path) -> None:
    with CountingServer(tmp_path, security=FlightSecurity(token="right")) as server:
        exchange = remote_exchange(small_exchange, SPECS[0], [server, server])
        local = exchange.read_all()
        for token in ("", "wrong"):
            exchange.fetch = WorkerFiles("here", FlightSecurity(token=token))
            with pytest.raises(StorageError, match="token"):
                exchange.read(0)
        exchange.fetch = WorkerFiles("here", FlightSecurity(token="right"))
        assert exchange.read_all() == local


@pytest.mark.parametrize("path", ["/etc/hostname", "../outside", "link"])
def test_paths_outside_of_the_root_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").write_text("secret")
    (root / "link").symlink_to(tmp_path / "outside")
    ticket = Ticket(Selection(SPECS[0], 0), (str(root / path),))
    with ShuffleServer(root) as server, flight.FlightClient(f"grpc://127.0.0.1:{server.port}") as client:
        with pytest.raises(flight.FlightUnauthorizedError):
            client.do_get(flight.Ticket(ticket.to_bytes())).read_all()
        with pytest.raises(flight.FlightServerError, match="not a shuffle ticket"):
            client.do_get(flight.Ticket(b"{}")).read_all()


def test_a_reader_that_stops_early_ends_the_fetch(
    small_exchange: Callable[..., Any], servers: list[CountingServer]
) -> None:
    exchange = remote_exchange(small_exchange, SPECS[3], servers)
    exchange.fetch = WorkerFiles("here")
    reader = exchange.reader(0, 10_000)
    reader.read_next_batch()
    del reader
    assert exchange.read(1).num_rows == 18_000


@pytest.mark.parametrize("spec", SPECS, ids=["hash", "sorted", "range", "broadcast"])
def test_blocks_fetched_before_the_last_map_ended_are_not_asked_for_again(
    small_exchange: Callable[..., Any], servers: list[CountingServer], spec: Exchange
) -> None:
    exchange = remote_exchange(small_exchange, spec, servers)
    local = exchange.read(1)
    early = WorkerFiles("here").early(spec, 1, 1 << 20, exchange.folder / "early")
    sealed = exchange.feed()
    for count in (1, 2, 2, 4, 6):
        early.offer(replace(sealed, outputs=sealed.outputs[:count], bounds=b"", sealed=False))
    exchange.fetch = early
    assert exchange.read(1) == local
    asked = 1 if spec.kind is ExchangeKind.RANGE else 3
    assert [server.requests for server in servers] == [asked, asked]


def test_an_output_that_was_lost_early_and_written_again_is_read_from_its_new_place(
    small_exchange: Callable[..., Any], servers: list[CountingServer]
) -> None:
    exchange = remote_exchange(small_exchange, SPECS[1], servers)
    local, sealed = exchange.read(0), exchange.feed()
    old = Path(exchange.outputs[2].location.path)
    new = old.rename(old.with_name("attempt-2"))
    exchange.fetch = WorkerFiles("here").early(SPECS[1], 0, 1 << 20, exchange.folder / "early")
    exchange.fetch.offer(replace(sealed, sealed=False))
    exchange.moved(2, path=str(new))
    assert exchange.read(0) == local


def test_news_after_the_reader_has_ended_is_overheard(
    small_exchange: Callable[..., Any], servers: list[CountingServer], tmp_path: Path
) -> None:
    exchange = remote_exchange(small_exchange, SPECS[0], servers)
    early = WorkerFiles("here").early(SPECS[0], 1, 1 << 20, tmp_path / "early")
    early.close()
    early.offer(exchange.feed())
    assert sum(server.requests for server in servers) == 0
