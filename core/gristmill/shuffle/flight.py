"""Shuffle blocks between machines: the Arrow Flight server of a worker, and the fetcher that asks such servers.

A worker agent runs one ShuffleServer over its scratch directory, and may have it answer other questions too. Executors
read through WorkerFiles: the file itself where it is on this machine, else the worker that wrote it, else the copy in
object storage. Flight carries bytes and nothing else; who asks is checked by a shared token, and by TLS where the pool
has certificates.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
from pyarrow import flight

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.task import ExchangeFeed, MapOutput
from gristmill.shuffle.blocks import DurableStore, Run, Selection
from gristmill.shuffle.connections import TOKEN_HEADER, FlightClients, FlightSecurity
from gristmill.shuffle.fetching import Fetching, Surroundings
from gristmill.shuffle.format import CorruptFile, OpenFile
from gristmill.shuffle.wire_form import ANSWER, Ticket, file_begins, file_lost, one_block

__all__ = ["EarlyFetch", "FlightSecurity", "ShuffleServer", "WorkerFiles"]


class ShuffleServer(flight.FlightServerBase):  # type: ignore[misc]
    """Serves blocks of the shuffle files below ``root``, and of nothing else.

    ``location`` is a Flight URI; port 0 takes a free one, which ``port`` tells. ``answers``: who answers the actions of
    a name, from the action's body.
    """

    def __init__(
        self,
        root: Path,
        location: str = "grpc://127.0.0.1:0",
        security: FlightSecurity | None = None,
        answers: Mapping[str, Callable[[bytes], Iterator[bytes]]] = MappingProxyType({}),
    ) -> None:
        security = security or FlightSecurity()
        middleware = {"token": _TokenCheck(security.token)} if security.token else {}
        super().__init__(location, middleware=middleware, **security.server_options())
        self._root = root.resolve()
        self._answers = answers
        self._wanted_name = security.tls.name if security.tls else ""

    def do_get(self, context: flight.ServerCallContext, ticket: flight.Ticket) -> flight.FlightDataStream:
        """The blocks that a ticket of ``wire_form`` names."""
        self._admit(context)
        try:
            wanted = Ticket.from_bytes(ticket.ticket)
        except (ValueError, KeyError, TypeError) as error:
            raise flight.FlightServerError(f"not a shuffle ticket: {error}") from error
        paths = [self._confined(path) for path in wanted.paths]
        return flight.GeneratorStream(ANSWER, _answer(paths, wanted.selection))

    def do_action(self, context: flight.ServerCallContext, action: flight.Action) -> Iterator[bytes]:
        """What the answerer of that name says."""
        self._admit(context)
        if action.type not in self._answers:
            raise flight.FlightServerError(f"nobody here answers {action.type!r}")
        return self._answers[action.type](action.body.to_pybytes())

    def _admit(self, context: flight.ServerCallContext) -> None:
        if self._wanted_name and context.peer_identity() != self._wanted_name.encode():
            raise flight.FlightUnauthorizedError("the certificate is of another pool")

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
        yield file_begins(number, file.index.forms, len(blocks))
        for block in blocks:
            yield one_block(number, block, file.message(block))


class _TokenCheck(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Refuses calls without the pool's token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token.encode()

    def start_call(self, info: flight.CallInfo, headers: dict[str, list[str]]) -> None:
        given = headers.get(TOKEN_HEADER, [""])[0].encode()
        if not hmac.compare_digest(given, self._token):
            raise flight.FlightUnauthenticatedError("the pool's token is missing or wrong")


class WorkerFiles:
    """The fetcher of a worker: from this machine's disk, from other workers, or from object storage.

    ``host`` is this machine's identity, as in Location. Each reader makes one request to each worker; connections stay
    from one reader to the next.
    """

    def __init__(self, host: str, security: FlightSecurity | None = None, durable: DurableStore | None = None) -> None:
        self._around = Surroundings(host, FlightClients(security or FlightSecurity()), durable)

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """One run for each output that has rows of the selection, in task order. Raises LostBlock, StorageError."""
        return _runs(Fetching(self._around, selection, memory_bytes, spill_dir), selection.outputs(feed.outputs))

    def early(self, spec: Exchange, partition: int, memory_bytes: int, spill_dir: Path) -> EarlyFetch:
        """A fetcher for one partition that can begin before all map output is there."""
        return EarlyFetch(self._around, Selection(spec, partition), memory_bytes, spill_dir)


class EarlyFetch:
    """Fetches one partition's blocks from other workers while maps still run; then it is the reader's fetcher.

    Give it each feed as it grows, and pass it to ``read_partition`` with the sealed one. Ranges wait for their bounds:
    for a RANGE exchange nothing is fetched early. A worker is asked once for each feed that has something new of it.
    """

    def __init__(self, around: Surroundings, selection: Selection, memory_bytes: int, spill_dir: Path) -> None:
        self._around = around
        self._selection = selection
        self._fetching = Fetching(around, selection, memory_bytes, spill_dir)

    def offer(self, feed: ExchangeFeed) -> None:
        """Begins to fetch the outputs of ``feed`` that were not asked for yet; does not wait."""
        if self._selection.spec.kind is not ExchangeKind.RANGE:
            self._fetching.ask(self._selection.outputs(feed.outputs))

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """As of WorkerFiles; what came early is there already. Raises LostBlock, StorageError."""
        if selection == self._selection:
            return _runs(self._fetching, selection.outputs(feed.outputs))
        self._fetching.close()
        return _runs(Fetching(self._around, selection, memory_bytes, spill_dir), selection.outputs(feed.outputs))

    def close(self) -> None:
        """Gives up what is under way; for an attempt that ends before it reads."""
        self._fetching.close()


def _runs(fetching: Fetching, outputs: list[MapOutput]) -> Iterator[Run]:
    try:
        fetching.ask(outputs)
        for output in outputs:
            yield fetching.run(output)
    finally:
        fetching.close()
