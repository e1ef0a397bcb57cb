"""Early fetching: a reduce task that starts while maps still run pulls what is there, and the rest as it appears.

Made by the executor for an order whose feeds are not sealed; to the kernel it is just another BlockFetcher.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gristmill.ids import ExchangeId
from gristmill.kernel.environment import MemorySplit
from gristmill.kernel.feeds import FeedStore
from gristmill.plan.stage import Stage
from gristmill.plan.task import ExchangeFeed, TaskOrder
from gristmill.shuffle.blocks import Run, Selection
from gristmill.shuffle.flight import EarlyFetch, WorkerFiles


class EarlyReads:
    """The fetcher of one order. ``close`` it when the attempt has ended."""

    def __init__(self, files: WorkerFiles, feeds: FeedStore, stage: Stage, order: TaskOrder, spill_dir: Path) -> None:
        self._files = files
        self._feeds = feeds
        memory_bytes = MemorySplit.of(order.memory_bytes).reader // max(len(stage.reads), 1)
        unsealed = {feed.exchange for feed in order.feeds if not feed.sealed}
        self._early: dict[ExchangeId, EarlyFetch] = {
            read.exchange: files.early(read.spec, order.attempt.task.partition, memory_bytes, spill_dir / read.input)
            for read in stage.reads
            if read.exchange in unsealed
        }
        for exchange, fetch in self._early.items():
            feeds.watch(exchange, fetch.offer)

    def runs(self, feed: ExchangeFeed, selection: Selection, memory_bytes: int, spill_dir: Path) -> Iterator[Run]:
        """See BlockFetcher."""
        fetcher = self._early.get(feed.exchange, self._files)
        return fetcher.runs(feed, selection, memory_bytes, spill_dir)

    def close(self) -> None:
        """Hears of no more outputs, and gives up what is under way."""
        for exchange, fetch in self._early.items():
            self._feeds.unwatch(exchange, fetch.offer)
            fetch.close()
