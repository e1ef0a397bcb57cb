"""Shuffle blocks between machines: the Arrow Flight server of a worker, and the fetcher that asks such servers.

A worker agent runs one ShuffleServer over its scratch directory. Executors read through WorkerFiles: the file itself
where it is on this machine, else the worker that wrote it, else the copy in object storage. Flight carries bytes and
nothing else; who asks is checked by a shared token, and by TLS where the pool has certificates.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import flight

from gristmill.errors import GristmillError, InternalError, LostBlock, StorageError
from gristmill.plan.task import ExchangeFeed, MapOutput
from gristmill.shuffle.blocks import DurableStore, Run, Selection, durable_run, local_run, lost_block
from gristmill.shuffle.format import CorruptFile, OpenFile
from gristmill.shuffle.spool import Spool
from gristmill.shuffle.wire_form import ANSWER, Ticket, file_begins, file_lost, one_block, received

_TOKEN_HEADER = "gristmill-token"
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class FlightSecurity:
    """Who may ask: a token that all of a pool share, and keyword arguments for Flight's own TLS.

    ``server`` goes to ``FlightServerBase`` (``tls_certificates``, ``verify_client``, ``root_certificates``),
    ``client`` to ``FlightClient`` (``tls_root_certs``, ``cert_chain``, ``private_key``, ``override_hostname``).
    """

    token: str = ""
    server: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)


class ShuffleServer(flight.FlightServerBase):  # type: ignore[misc]
    """Serves blocks of the shuffle files below ``root``, and of nothing else.

    ``location`` is a Flight URI; port 0 takes a free one, which ``port`` tells.
    """

    def __init__(
        self, root: Path, location: str = "grpc://127.0.0.1:0", security: FlightSecurity | None = None
    ) -> None:
        security = security or FlightSecurity()
        middleware = {"token": _TokenCheck(security.token)} if security.token else {}
        super().__init__(location, middleware=middleware, **security.server)
        self._root = root.resolve()

    def do_get(self, context: flight.ServerCallContext, ticket: flight.Ticket) -> flight.FlightDataStream:
        """The blocks that a ticket of ``wire_form`` names."""
        try:
            wanted = Ticket.from_bytes(ticket.ticket)
        except (ValueError, KeyError, TypeError) as error:
            raise flight.FlightServerError(f"not a shuffle ticket: {error}") from error
        paths = [self._confined(path) for path in wanted.paths]
        return flight.GeneratorStream(ANSWER, _answer(paths, wanted.selection))

    def _confined(self, path: str) -> Path:
        resolved = Path(path).resolve()
        if not resolved.is_relative_to(self._root):
            raise flight.FlightUnauthorizedError("the path is outside of the shuffle directory")
        return resolved


def _answer(paths: list[Path], selection: Selection) -> Iterator[pa.RecordBatch]:
    for number, path in enumerate(paths):
        try:
            file = OpenFile.open(path)
            blocks = selection.blocks(file.index)
        except (CorruptFile, OSError, pa.ArrowException, ValueError, KeyError) as error:
            yield file_lost(number, str(error))
            continue
        yield file_begins(number, file.index.schema, len(blocks))
        for block in blocks:
            yield one_block(number, block, file.message(block))


class _TokenCheck(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Refuses calls without the pool's token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token.encode()

    def start_call(self, info: flight.CallInfo, headers: dict[str, list[str]]) -> None:
        given = headers.get(_TOKEN_HEADER, [""])[0].encode()
        if not hmac.compare_digest(given, self._token):
            raise flight.FlightUnauthenticatedError("the pool's token is missing or wrong")


class WorkerFiles:
    """The fetcher of a worker: from this machine's disk, from other workers, or from object storage.

    ``host`` is this machine's identity, as in Location. Each reader makes one request to each worker; up to eight
    workers answer at the same time.
    """

    def __init__(self, host: str, security: FlightSecurity | None = None, durable: DurableStore | None = None) -> None:
        self._host = host
        self._security = security or FlightSecurity()
        self._durable = durable

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """One run for each output that has rows of the selection, in task order. Raises LostBlock, StorageError."""
        outputs = selection.outputs(feed.outputs)
        remote: dict[str, list[MapOutput]] = {}
        for output in outputs:
            if not self._is_here(output) and output.location.address:
                remote.setdefault(output.location.address, []).append(output)
        promised: dict[int, Future[Run]] = {o.task_order: Future() for group in remote.values() for o in group}
        spool = Spool(spill_dir, memory_bytes)
        pool = ThreadPoolExecutor(max_workers=min(_CONNECTIONS, max(len(remote), 1)), thread_name_prefix="fetch")
        try:
            for address, group in remote.items():
                pool.submit(self._fetch, address, group, selection, spool, promised)
            for output in outputs:
                yield self._run(output, selection, promised)
        finally:
            spool.stop()
            pool.shutdown(wait=False, cancel_futures=True)

    def _is_here(self, output: MapOutput) -> bool:
        return output.location.host == self._host and Path(output.location.path).exists()

    def _run(self, output: MapOutput, selection: Selection, promised: dict[int, Future[Run]]) -> Run:
        if output.task_order not in promised:
            return local_run(output, selection) if self._is_here(output) else self._from_store(output, selection, None)
        try:
            return promised[output.task_order].result()
        except LostBlock as error:
            return self._from_store(output, selection, error)

    def _from_store(self, output: MapOutput, selection: Selection, lost: LostBlock | None) -> Run:
        if self._durable is not None and output.location.durable:
            return durable_run(output, selection, self._durable)
        raise lost or lost_block(output.exchange, output.task_order, f"{output.location.path} is gone")

    def _fetch(
        self,
        address: str,
        group: list[MapOutput],
        selection: Selection,
        spool: Spool,
        promised: dict[int, Future[Run]],
    ) -> None:
        """Fulfils the promises of one worker's outputs, all of them, come what may."""
        reason: GristmillError | str = InternalError("fetching map output ended unexpectedly", place=address)
        try:
            self._receive(address, group, selection, spool, promised)
        except (flight.FlightUnauthenticatedError, flight.FlightUnauthorizedError) as error:
            reason = StorageError(f"the worker refused the request: {error}", place=address)
        except (pa.ArrowException, OSError) as error:
            reason = f"the worker at {address} cannot be read: {error}"
        finally:
            for output in group:
                if not promised[output.task_order].done():
                    failed = reason if isinstance(reason, GristmillError) else _lost(output, reason)
                    promised[output.task_order].set_exception(failed)

    def _receive(
        self,
        address: str,
        group: list[MapOutput],
        selection: Selection,
        spool: Spool,
        promised: dict[int, Future[Run]],
    ) -> None:
        ticket = Ticket(selection, tuple(output.location.path for output in group))
        headers = [(_TOKEN_HEADER.encode(), self._security.token.encode())] if self._security.token else []
        with flight.FlightClient(address, **self._security.client) as client:
            reader = client.do_get(flight.Ticket(ticket.to_bytes()), flight.FlightCallOptions(headers=headers))
            for output, run in spool.collected(received(chunk.data for chunk in reader), group, selection):
                if isinstance(run, LostBlock):
                    promised[output.task_order].set_exception(run)
                else:
                    promised[output.task_order].set_result(run)


def _lost(output: MapOutput, reason: str) -> LostBlock:
    return lost_block(output.exchange, output.task_order, reason)
