"""What an executor knows of exchanges: the map output told so far, and whether more may come.

Filled from the connection's thread while a reduce task, in the main thread, may be waiting for the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from gristmill.ids import ExchangeId
from gristmill.plan.task import ExchangeFeed, MapOutput

Watcher = Callable[[ExchangeFeed], None]


class FeedStore:
    """The newest feed of each exchange. Outputs of the same ``task_order`` replace each other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._outputs: dict[ExchangeId, dict[int, MapOutput]] = {}
        self._latest: dict[ExchangeId, ExchangeFeed] = {}
        self._watchers: dict[ExchangeId, list[Watcher]] = {}

    def watch(self, exchange: ExchangeId, watcher: Watcher) -> None:
        """Calls ``watcher`` with the feed as it is, and again each time it grows."""
        with self._changed:
            self._watchers.setdefault(exchange, []).append(watcher)
            watcher(self._assembled(exchange))

    def unwatch(self, exchange: ExchangeId, watcher: Watcher) -> None:
        """Ends what ``watch`` began."""
        with self._changed:
            self._watchers[exchange].remove(watcher)

    def add(self, update: ExchangeFeed) -> None:
        """Takes an update: outputs are added to those known, the rest replaces what was known."""
        with self._changed:
            outputs = self._outputs.setdefault(update.exchange, {})
            outputs.update((output.task_order, output) for output in update.outputs)
            self._latest[update.exchange] = replace(update, outputs=())
            for watcher in self._watchers.get(update.exchange, ()):
                watcher(self._assembled(update.exchange))
            self._changed.notify_all()

    def current(self, exchange: ExchangeId) -> ExchangeFeed:
        """All that is known of an exchange, outputs in task order."""
        with self._changed:
            return self._assembled(exchange)

    def sealed(self, exchange: ExchangeId) -> ExchangeFeed:
        """The feed once no more outputs can come; waits for that."""
        with self._changed:
            self._changed.wait_for(lambda: exchange in self._latest and self._latest[exchange].sealed)
            return self._assembled(exchange)

    def _assembled(self, exchange: ExchangeId) -> ExchangeFeed:
        outputs = self._outputs.get(exchange, {})
        latest = self._latest.get(exchange) or ExchangeFeed(exchange, (), (), sealed=False)
        return replace(latest, outputs=tuple(outputs[order] for order in sorted(outputs)))
