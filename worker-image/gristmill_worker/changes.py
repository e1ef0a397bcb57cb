"""Wakes whoever waits for something to become true of the lead's runs: clients, mostly, that wait for an end.

The lead tells of each change; everything happens in its event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Changes:
    """Of anything that somebody waits for."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Something has changed."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, holds: Callable[[], bool], at_most_s: float) -> None:
        """Waits until it holds, but not for longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                while not holds():
                    await self._next.wait()
