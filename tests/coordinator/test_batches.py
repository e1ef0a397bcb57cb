"""What a coordinator sends a worker: messages that wait go together, in their order, to those that understand it."""

from __future__ import annotations

import asyncio

import pytest

from gristmill.coordinator import server
from gristmill.coordinator.server import StreamLink
from gristmill.ids import AttemptId
from gristmill.wire import wire_pb2 as wire

ATTEMPTS = [f"j/map/in#{number}.0" for number in range(5)]


def _sent(link: StreamLink) -> list[wire.ToWorker]:
    """All messages of the stream, where all was said before the first was asked for."""

    async def heard() -> list[wire.ToWorker]:
        for attempt in ATTEMPTS:
            link.cancel(AttemptId.parse(attempt))
        link.close()
        return [message async for message in link.outbound()]

    return asyncio.run(heard())


def _cancelled(messages: list[wire.ToWorker]) -> list[str]:
    batches = [message.batch.messages if message.WhichOneof("kind") == "batch" else [message] for message in messages]
    return [each.cancel.attempt for batch in batches for each in batch]


def test_messages_that_wait_go_as_one() -> None:
    (only,) = _sent(StreamLink(batches=True))
    assert _cancelled([only]) == ATTEMPTS


def test_a_worker_that_knows_no_batches_gets_each_message_by_itself() -> None:
    messages = _sent(StreamLink(batches=False))
    assert {message.WhichOneof("kind") for message in messages} == {"cancel"}
    assert _cancelled(messages) == ATTEMPTS


def test_large_messages_go_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BATCH_BYTES", 40)
    messages = _sent(StreamLink(batches=True))
    assert [len(message.batch.messages) for message in messages] == [2, 2, 0]
    assert _cancelled(messages) == ATTEMPTS
