"""Asking other workers for blocks: the requests of one reader, and the runs that come of them.

WorkerFiles uses it for a whole feed at once, EarlyFetch for outputs as they appear. Each request names all files that
the reader wants of one worker; up to eight workers answer at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import flight

from gristmill.errors import GristmillError, InternalError, LostBlock, StorageError
from gristmill.plan.task import Location, MapOutput
from gristmill.shuffle.blocks import DurableStore, Run, Selection, durable_run, local_run, lost_block
from gristmill.shuffle.connections import FlightClients
from gristmill.shuffle.spool import Spool
from gristmill.shuffle.wire_form import Ticket, received

_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a reader is: its machine, the way to others, and object storage if copies may be there."""

    host: str
    clients: FlightClients
    durable: DurableStore | None

    def has(self, output: MapOutput) -> bool:
        """Whether the file is on this machine."""
        return output.location.host == self.host and Path(output.location.path).exists()


class Fetching:
    """The runs of one reader: fetched in the background once they were asked for.

    Outputs may be asked for by one thread while another reads; what is asked for after ``close`` is not fetched.
    """

    def __init__(self, around: Surroundings, selection: Selection, memory_bytes: int, spill_dir: Path) -> None:
        self._around = around
        self._selection = selection
        self._spool = Spool(spill_dir, memory_bytes)
        self._pool = ThreadPoolExecutor(max_workers=_CONNECTIONS, thread_name_prefix="fetch")
        self._promised: dict[tuple[int, Location], Future[Run]] = {}
        self._asking = threading.Lock()
        self._closed = False

    def ask(self, outputs: Iterable[MapOutput]) -> None:
        """Requests what is not here, was not asked for yet or was lost on the way: once from each worker."""
        wanted: dict[str, list[MapOutput]] = {}
        with self._asking:
            for output in () if self._closed else outputs:
                if output.location.address and not self._around.has(output) and not self._is_coming(output):
                    self._promised[_key(output)] = Future()
                    wanted.setdefault(output.location.address, []).append(output)
            for address, group in wanted.items():
                self._pool.submit(self._fetch, address, group)

    def run(self, output: MapOutput) -> Run:
        """The run of an output; waits for it. Raises LostBlock, StorageError."""
        promise = self._promised.get(_key(output))
        if promise is None:
            return local_run(output, self._selection) if self._around.has(output) else self._from_store(output, None)
        try:
            return promise.result()
        except LostBlock as error:
            return self._from_store(output, error)

    def close(self) -> None:
        """Lets requests that are under way end by themselves, soon."""
        with self._asking:
            self._closed = True
        self._spool.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_coming(self, output: MapOutput) -> bool:
        promise = self._promised.get(_key(output))
        return promise is not None and not (promise.done() and promise.exception() is not None)

    def _from_store(self, output: MapOutput, lost: LostBlock | None) -> Run:
        if self._around.durable is not None and output.location.durable:
            return durable_run(output, self._selection, self._around.durable)
        raise lost or lost_block(output.exchange, output.task_order, f"{output.location.path} is gone")

    def _fetch(self, address: str, group: list[MapOutput]) -> None:
        """Fulfils the promises of one worker's outputs, all of them, come what may."""
        promises = {output.task_order: self._promised[_key(output)] for output in group}
        reason: GristmillError | str = InternalError("fetching map output ended unexpectedly", place=address)
        try:
            self._receive_from(address, group, promises)
        except (flight.FlightUnauthenticatedError, flight.FlightUnauthorizedError) as error:
            reason = StorageError(f"the worker refused the request: {error}", place=address)
        except GristmillError as error:
            reason = error
        except (pa.ArrowException, OSError) as error:
            reason = f"the worker at {address} cannot be read: {error}"
        finally:
            for output in group:
                if not promises[output.task_order].done():
                    failed = reason if isinstance(reason, GristmillError) else _lost(output, reason)
                    promises[output.task_order].set_exception(failed)

    def _receive_from(self, address: str, group: list[MapOutput], promises: Mapping[int, Future[Run]]) -> None:
        """Asks over the connection that there is, and once more over a new one: what was kept may be broken by now."""
        clients = self._around.clients
        client, kept = clients.client(address)
        try:
            self._receive(client, group, promises)
        except (pa.ArrowException, OSError):
            clients.forget(address, client)
            if not kept:
                raise
            rest = [output for output in group if not promises[output.task_order].done()]
            self._receive(clients.client(address)[0], rest, promises)

    def _receive(
        self, client: flight.FlightClient, group: list[MapOutput], promises: Mapping[int, Future[Run]]
    ) -> None:
        ticket = Ticket(self._selection, tuple(output.location.path for output in group))
        reader = client.do_get(flight.Ticket(ticket.to_bytes()), self._around.clients.security.call_options())
        answer = received(chunk.data for chunk in reader)
        for output, run in self._spool.collected(answer, group, self._selection):
            if isinstance(run, LostBlock):
                promises[output.task_order].set_exception(run)
            else:
                promises[output.task_order].set_result(run)


def _key(output: MapOutput) -> tuple[int, Location]:
    return output.task_order, output.location


def _lost(output: MapOutput, reason: str) -> LostBlock:
    return lost_block(output.exchange, output.task_order, reason)
