"""The operator's work queue: keys of resources that something happened to, each reconciled by one task at a time.

Level-triggered: a key that is added again while it waits is one; while it is worked on, it comes again afterwards. A
key may be added for later; the earliest moment counts. Failures back off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from logging import ERROR

from gristmill.logs import log
from gristmill_operator.model import Key

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 60.0


class Requeue:
    """Runs ``reconcile`` for the keys that are added. It returns in how many seconds the key comes again, or None."""

    def __init__(self, reconcile: Callable[[Key], Awaitable[float | None]]) -> None:
        self._reconcile = reconcile
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Has the key reconciled, at once or in so many seconds."""
        if after_s > 0:
            self._later(key, after_s)
            return
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def _later(self, key: Key, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + after_s:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(after_s, self.add, key)

    async def work(self) -> None:
        """Reconciles one key after the other, for ever; several of these run beside each other."""
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._running.add(key)
            try:
                after_s = await self._attempt(key)
            finally:
                self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif after_s is not None:
                self.add(key, max(0.01, after_s))

    async def _attempt(self, key: Key) -> float | None:
        try:
            after_s = await self._reconcile(key)
        # Whatever goes wrong with one resource must not stop the others; it is tried again, ever more seldom.
        except Exception as error:  # noqa: BLE001
            tries = self._failures[key] = self._failures.get(key, 0) + 1
            log(__name__, ERROR, "could not reconcile", resource=key, why=repr(error), tries=tries)
            return float(min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(tries - 1, 10)))
        self._failures.pop(key, None)
        return after_s

    def close(self) -> None:
        """Nothing comes any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
