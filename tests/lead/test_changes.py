"""Waiting for something to become true of a lead's runs."""

from __future__ import annotations

import asyncio
import time

from gristmill_worker.changes import Changes


async def _waited(changes: Changes, found: list[int], least: int, at_most_s: float = 5.0) -> float:
    began_s = time.monotonic()
    await changes.until(lambda: len(found) >= least, at_most_s)
    return time.monotonic() - began_s


async def _all_told() -> list[float]:
    changes, found = Changes(), list[int]()
    waiting = [asyncio.create_task(_waited(changes, found, least)) for least in (1, 2, 2)]
    for number in range(2):
        await asyncio.sleep(0.05)
        found.append(number)
        changes.tell()
    return await asyncio.gather(*waiting)


def test_all_who_wait_hear_of_the_change_that_they_wait_for() -> None:
    first, *others = asyncio.run(_all_told())
    assert 0.04 < first < 1.0
    assert all(first < other < 2.0 for other in others)


def test_nobody_waits_for_longer_than_wanted_nor_for_what_holds_already() -> None:
    assert 0.04 < asyncio.run(_waited(Changes(), [], 1, 0.05)) < 1.0
    assert asyncio.run(_waited(Changes(), [7], 1, 0.0)) < 0.5
