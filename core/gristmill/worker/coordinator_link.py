"""An agent's stream to the coordinator: dialled again and again where the agent outlives its coordinators.

It says hello, passes messages both ways, and tells how a visit ended. What messages mean is the agent's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from logging import WARNING

import grpc

from gristmill.errors import GristmillError, InternalError
from gristmill.logs import log
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.agent_config import AgentConfig
from gristmill.wire.protocol import MAX_MESSAGE_BYTES, TOKEN_HEADER, WORK_METHOD
from gristmill.wire.tls import channel_credentials, channel_options

SAY_UNREACHED_AFTER_S = 10.0
_CHANNEL_OPTIONS = {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": -1,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 500,
    "grpc.max_reconnect_backoff_ms": 2000,
    # A node that vanishes says nothing: ask the connection whether it still lives.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
}


class CoordinatorLink:
    """One worker's way to its coordinator. ``take`` gets each message, and says false when the visit should end."""

    def __init__(self, config: AgentConfig, take: Callable[[wire.ToWorker], bool]) -> None:
        self._config = config
        self._take = take
        self._outbound: asyncio.Queue[wire.FromWorker] = asyncio.Queue()

    def send(self, message: wire.FromWorker) -> None:
        """Queues a message; lost, as all before it, if the visit ends first."""
        self._outbound.put_nowait(message)

    async def visit(self, hello: wire.FromWorker) -> None:
        """Waits for a coordinator, greets it, and works for it until either ends the stream.

        Raises GristmillError if it refuses the worker, or goes without a word.
        """
        outgoing = self._outgoing(hello, self._outbound)
        async with _channel(self._config) as channel:
            unreached = asyncio.create_task(self._complain(channel))
            try:
                await self._talk(channel, outgoing)
            except grpc.aio.AioRpcError as error:
                raise _refusal(error, self._config) from error
            finally:
                unreached.cancel()
                self._outbound = asyncio.Queue()

    async def _talk(self, channel: grpc.aio.Channel, outgoing: AsyncIterator[wire.FromWorker]) -> None:
        method = channel.stream_stream(
            WORK_METHOD,
            request_serializer=wire.FromWorker.SerializeToString,
            response_deserializer=wire.ToWorker.FromString,
        )
        metadata = ((TOKEN_HEADER, self._config.token),) if self._config.token else None
        async for message in method(outgoing, metadata=metadata, wait_for_ready=True):
            if not self._take(message):
                return

    async def _outgoing(
        self, hello: wire.FromWorker, messages: asyncio.Queue[wire.FromWorker]
    ) -> AsyncIterator[wire.FromWorker]:
        yield hello
        while True:
            yield await messages.get()

    async def _complain(self, channel: grpc.aio.Channel) -> None:
        """Writes down that nobody answers, and again whenever that lasts."""
        while True:
            await asyncio.sleep(SAY_UNREACHED_AFTER_S)
            if (state := channel.get_state()) is not grpc.ChannelConnectivity.READY:
                address = self._config.coordinator
                log(__name__, WARNING, "the coordinator cannot be reached", address=address, state=state.name)


def _channel(config: AgentConfig) -> grpc.aio.Channel:
    options: list[tuple[str, int | str]] = [*_CHANNEL_OPTIONS.items()]
    if config.tls is None:
        return grpc.aio.insecure_channel(config.coordinator, options=options)
    options += channel_options(config.tls)
    return grpc.aio.secure_channel(config.coordinator, channel_credentials(config.tls), options=options)


def _refusal(error: grpc.aio.AioRpcError, config: AgentConfig) -> GristmillError:
    return InternalError(
        f"the coordinator at {config.coordinator} ended the connection: {error.details() or error.code().name}",
        place=f"worker {config.worker}",
    )
