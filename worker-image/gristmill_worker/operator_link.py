"""The lead's end of the stream to the operator: dials, dials again for ever, and says where things stand each time.

Jobs do not depend on it: while the operator is away, what would be said is dropped, and ``greetings`` tell all of it
anew on the next connection. It does not know what messages mean.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from logging import INFO, WARNING
from typing import Any

import grpc

from gristmill.errors import GristmillError
from gristmill.logs import log
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_METHOD
from gristmill.wire.tls import TlsFiles, channel_credentials, channel_options

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 15.0
LAST_WORDS_S = 0.2
_KEEPALIVE = (("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000))


class OperatorLink:
    """One lead's connection to ``address``.

    ``hears`` gets each message of the operator; ``greetings`` are the first messages of a connection, the hello first.
    """

    def __init__(
        self,
        address: str,
        tls: TlsFiles,
        hears: Callable[[wire.ToLead], None],
        greetings: Callable[[], Iterable[wire.FromLead]],
    ) -> None:
        self._address = address
        self._tls = tls
        self._hears = hears
        self._greetings = greetings
        self._outbound: asyncio.Queue[wire.FromLead] | None = None
        self._wait_s = FIRST_WAIT_S

    @property
    def connected(self) -> bool:
        """Whether something that is said now is heard."""
        return self._outbound is not None

    def say(self, message: wire.FromLead) -> None:
        """Sends a message if there is a connection."""
        if self._outbound is not None:
            self._outbound.put_nowait(message)

    async def said(self, timeout_s: float) -> None:
        """Waits, but not for long, until what was said is on its way."""
        until_s = asyncio.get_running_loop().time() + timeout_s
        while self._outbound is not None and not self._outbound.empty():
            if asyncio.get_running_loop().time() > until_s:
                return
            await asyncio.sleep(0.01)
        await asyncio.sleep(LAST_WORDS_S)

    async def keep(self) -> None:
        """Stays connected until cancelled."""
        while True:
            try:
                await self._talk()
            except grpc.aio.AioRpcError as error:
                log(__name__, WARNING, "the operator is away", why=error.details() or error.code().name)
            except GristmillError as error:
                log(__name__, WARNING, "the operator cannot be dialled", why=error)
            finally:
                self._outbound = None
            await asyncio.sleep(self._wait_s * random.uniform(0.5, 1.5))
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)

    async def _talk(self) -> None:
        options: list[tuple[str, Any]] = [*_KEEPALIVE, *channel_options(self._tls)]
        credentials = channel_credentials(self._tls)  # read anew: certificates are renewed in place
        async with grpc.aio.secure_channel(self._address, credentials, options=options) as channel:
            method = channel.stream_stream(
                OPERATOR_METHOD,
                request_serializer=wire.FromLead.SerializeToString,
                response_deserializer=wire.ToLead.FromString,
            )
            outbound: asyncio.Queue[wire.FromLead] = asyncio.Queue()
            async for message in method(self._outgoing(outbound)):
                if message.WhichOneof("kind") == "welcome":
                    self._wait_s = FIRST_WAIT_S
                    log(__name__, INFO, "the operator is there", version=message.welcome.version)
                self._hears(message)

    async def _outgoing(self, outbound: asyncio.Queue[wire.FromLead]) -> AsyncIterator[wire.FromLead]:
        greetings = list(self._greetings())
        self._outbound = outbound  # from here on nothing is dropped: what changes now follows the greetings
        for message in greetings:
            yield message
        while True:
            yield await outbound.get()
