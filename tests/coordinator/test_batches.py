"""What a coordinator sends a worker: messages that wait go together, in their order."""

from __future__ import annotations

import asyncio

import pytest

from gristmill.coordinator import server
from gristmill.coordinator.server import batches
from gristmill.coordinator.streams import StreamLink
from gristmill.ids import AttemptId, WorkerId
from gristmill.wire import wire_pb2 as wire

ATTEMPTS = [f"j/map/in#{number}.0" for number in range(5)]


def _waiting() -> list[wire.ToWorker]:
    """All that is sent before the stream asks for the first."""

    async def heard() -> list[list[wire.ToWorker]]:
        link = StreamLink(WorkerId("w"))
        for attempt in ATTEMPTS:
            link.cancel(AttemptId.parse(attempt))
        link.close()
        return [messages async for messages in link.outbound()]

    (messages,) = asyncio.run(heard())
    return messages


def _cancelled(messages: list[wire.ToWorker]) -> list[str]:
    each = [message.batch.messages if message.WhichOneof("kind") == "batch" else [message] for message in messages]
    return [message.cancel.attempt for batch in each for message in batch]


def test_messages_that_wait_go_as_one() -> None:
    (only,) = batches(_waiting())
    assert _cancelled([only]) == ATTEMPTS


def test_a_message_that_waits_alone_is_no_batch() -> None:
    (only,) = batches(_waiting()[:1])
    assert only.WhichOneof("kind") == "cancel"


def test_large_messages_go_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BATCH_BYTES", 40)
    messages = list(batches(_waiting()))
    assert [len(message.batch.messages) for message in messages] == [2, 2, 0]
    assert _cancelled(messages) == ATTEMPTS
