"""The work queue: one at a time for each key, coalescing, later means later, failures back off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gristmill_operator.model import Key
from gristmill_operator.names import Kind
from gristmill_operator.requeue import Requeue

ONE, TWO = Key(Kind.JOB, "ns", "one"), Key(Kind.JOB, "ns", "two")
Reconcile = Callable[[Key], Awaitable[float | None]]


async def worked(reconcile: Reconcile, drive: Callable[[Requeue], Awaitable[None]], workers: int = 2) -> None:
    """Runs the queue while ``drive`` runs."""
    requeue = Requeue(reconcile)
    tasks = [asyncio.create_task(requeue.work()) for _ in range(workers)]
    try:
        await drive(requeue)
    finally:
        requeue.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_key_is_never_worked_on_twice_at_once_and_comes_again_afterwards() -> None:
    running: list[Key] = []
    done: list[Key] = []

    async def reconcile(key: Key) -> None:
        assert key not in running
        running.append(key)
        await asyncio.sleep(0.02)
        running.remove(key)
        done.append(key)

    async def drive(requeue: Requeue) -> None:
        for _ in range(5):
            requeue.add(ONE)
            requeue.add(TWO)
        await asyncio.sleep(0.005)
        for _ in range(5):
            requeue.add(ONE)
        await asyncio.sleep(0.1)

    asyncio.run(worked(reconcile, drive))
    assert sorted(done) == [ONE, ONE, TWO]


def test_later_is_later_and_the_earliest_moment_counts() -> None:
    at: list[float] = []

    async def reconcile(_: Key) -> None:
        at.append(asyncio.get_running_loop().time())

    async def drive(requeue: Requeue) -> None:
        begun = asyncio.get_running_loop().time()
        requeue.add(ONE, 5.0)
        requeue.add(ONE, 0.05)
        requeue.add(ONE, 1.0)
        await asyncio.sleep(0.2)
        assert [moment - begun for moment in at] == [pytest.approx(0.05, abs=0.04)]

    asyncio.run(worked(reconcile, drive))


def test_a_key_that_asks_for_it_comes_again() -> None:
    count = 0

    async def reconcile(_: Key) -> float | None:
        nonlocal count
        count += 1
        return 0.01 if count < 3 else None

    async def drive(requeue: Requeue) -> None:
        requeue.add(ONE)
        await asyncio.sleep(0.2)

    asyncio.run(worked(reconcile, drive))
    assert count == 3


def test_a_failure_is_tried_again_and_stops_nobody_else() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)
        if key == ONE and seen.count(ONE) == 1:
            raise RuntimeError("once")

    async def drive(requeue: Requeue) -> None:
        requeue.add(ONE)
        requeue.add(TWO)
        await asyncio.sleep(0.7)

    asyncio.run(worked(reconcile, drive, workers=1))
    assert seen == [ONE, TWO, ONE]
