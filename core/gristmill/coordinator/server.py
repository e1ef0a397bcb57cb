"""The server of a lead: one gRPC stream per worker, over the network.

It outlives the runs that share the workers. It refuses workers of a version too far away or without the pool's token,
and puts messages that wait for a worker together.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterator, Sequence

import grpc

from gristmill.coordinator.streams import WorkerEvents, WorkerStreams
from gristmill.errors import ClusterError
from gristmill.version import __version__
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.protocol import MAX_MESSAGE_BYTES, SERVICE, TOKEN_HEADER
from gristmill.wire.tls import TlsFiles, names_of, server_credentials
from gristmill.wire.versions import compatible

BATCH_BYTES = 1 << 20
"""Messages beyond so many are not put together: each is as good by itself."""


def batches(messages: Sequence[wire.ToWorker]) -> Iterator[wire.ToWorker]:
    """The messages put together, in their order."""
    batch: list[wire.ToWorker] = []
    size = 0
    for message in messages:
        size += message.ByteSize()
        if batch and size > BATCH_BYTES:
            yield _together(batch)
            batch, size = [], message.ByteSize()
        batch.append(message)
    if batch:
        yield _together(batch)


def _together(messages: list[wire.ToWorker]) -> wire.ToWorker:
    return messages[0] if len(messages) == 1 else wire.ToWorker(batch=wire.Batch(messages=messages))


class CoordinatorServer:
    """Serves workers on ``address`` (``host:port``), and tells ``pool`` of them.

    With ``tls`` every client needs a certificate that carries the pool's name. Raises ClusterError for an address that
    cannot be listened on.
    """

    def __init__(self, address: str, pool: WorkerEvents, token: str = "", tls: TlsFiles | None = None) -> None:
        self._streams = WorkerStreams(pool)
        self._token = token
        self._tls = tls
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
        handler = grpc.stream_stream_rpc_method_handler(
            self._work,
            request_deserializer=wire.FromWorker.FromString,
            response_serializer=wire.ToWorker.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(SERVICE, {"Work": handler})
        self._server.add_generic_rpc_handlers((service,))
        self.port = self._bound(address)
        """The TCP port that is listened on, where the address asked for any free one (0)."""

    def _bound(self, address: str) -> int:
        try:
            if self._tls is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, server_credentials(self._tls)))
        except RuntimeError as error:
            raise ClusterError(f"workers cannot be served: {error}", place=address) from error

    async def start(self) -> None:
        """Begins to serve."""
        await self._server.start()

    async def stop(self) -> None:
        """Sends all workers away and closes."""
        self._streams.stop()
        await self._server.stop(grace=0.5)

    async def _work(
        self, requests: AsyncIterator[wire.FromWorker], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[wire.ToWorker]:
        await self._admit(context)
        hello = (await anext(aiter(requests))).hello
        if not compatible(hello.version, __version__):
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"worker {hello.worker} is version {hello.version}, this coordinator {__version__}: "
                "one minor version apart is accepted; use the same image for both",
            )
        link = self._streams.open(hello)
        listening = asyncio.create_task(self._streams.listen(link, requests))
        try:
            async for messages in link.outbound():
                for message in batches(messages) if hello.takes_batches else messages:
                    yield message
        finally:
            listening.cancel()

    async def _admit(self, context: grpc.aio.ServicerContext) -> None:
        """Lets in only who has the pool's token and, with TLS, a certificate of the pool."""
        if self._tls is not None and self._tls.name not in names_of(context.auth_context()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the certificate is of another pool")
        given = dict(context.invocation_metadata() or ()).get(TOKEN_HEADER, "")
        if self._token and not hmac.compare_digest(str(given), self._token):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the pool's token is missing or wrong")
