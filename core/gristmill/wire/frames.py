"""Frames between processes over a unix socket: a 4-byte big-endian length, then one protobuf message.

Agents read and write them with asyncio, executors with a plain socket, executor hosts and sessions as bytes come in
(``Incoming``). Only shapes are known here, not what the messages mean.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio

_LENGTH = struct.Struct(">I")


class Message(Protocol):
    """What both sides send: a protobuf message."""

    def SerializeToString(self) -> bytes: ...  # noqa: N802
    def ParseFromString(self, data: bytes, /) -> int: ...  # noqa: N802


M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """The frame of a message."""
    body = message.SerializeToString()
    return _LENGTH.pack(len(body)) + body


async def receive(reader: asyncio.StreamReader, message: M) -> M | None:
    """Fills ``message`` from the next frame; None when the other side has gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        body = await reader.readexactly(length)
    except (EOFError, ConnectionError):  # of the reading, and of a write that came too late: a broken pipe
        return None
    message.ParseFromString(body)
    return message


def receive_blocking(connection: socket.socket, message: M) -> M | None:
    """Fills ``message`` from the next frame; None when the other side has gone."""
    header = _exactly(connection, _LENGTH.size)
    if header is None:
        return None
    body = _exactly(connection, _LENGTH.unpack(header)[0])
    if body is None:
        return None
    message.ParseFromString(body)
    return message


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    chunks = bytearray()
    while len(chunks) < count:
        try:
            chunk = connection.recv(count - len(chunks))
        except ConnectionError:
            return None
        if not chunk:
            return None
        chunks += chunk
    return bytes(chunks)


class Incoming:
    """Takes bytes as they arrive, and gives the whole frames among them."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes, kind: Callable[[], M]) -> Iterator[M]:
        """The messages that are complete with ``data``, each filled into what ``kind`` makes."""
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                return
            message = kind()
            message.ParseFromString(bytes(self._bytes[_LENGTH.size : end]))
            del self._bytes[:end]
            yield message
