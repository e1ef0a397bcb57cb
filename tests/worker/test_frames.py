"""Frames between agent and executor arrive whole, in order, and end cleanly."""

import asyncio
import socket
import threading

from gristmill.wire import frames
from gristmill.wire import wire_pb2 as wire


def test_messages_cross_a_socket_whole_and_in_order() -> None:
    sent = [wire.Order(attempt=str(number), order="x" * number * 1000) for number in range(50)]
    here, there = socket.socketpair()

    def send() -> None:
        here.sendall(b"".join(frames.encode(message) for message in sent))
        here.close()

    threading.Thread(target=send).start()
    received = []
    while (message := frames.receive_blocking(there, wire.Order())) is not None:
        received.append(message)
    assert received == sent


def test_a_frame_cut_short_counts_as_gone() -> None:
    here, there = socket.socketpair()
    here.sendall(frames.encode(wire.Order(attempt="1"))[:-1])
    here.close()
    assert frames.receive_blocking(there, wire.Order()) is None


def test_the_agent_reads_what_an_executor_writes() -> None:
    async def round_trip() -> wire.Order | None:
        reader = asyncio.StreamReader()
        reader.feed_data(frames.encode(wire.Order(attempt="7")))
        reader.feed_eof()
        return await frames.receive(reader, wire.Order())

    assert asyncio.run(round_trip()) == wire.Order(attempt="7")
