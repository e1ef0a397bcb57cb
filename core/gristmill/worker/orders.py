"""What the coordinator has said of the run that a worker serves: orders that wait, and what executors need for them.

Kept by the agent, which tells each executor all of it when it dials in, and what is new from then on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from gristmill.wire import wire_pb2 as wire


class Orders:
    """The run, its plans and feeds, and the orders that no slot has taken yet."""

    def __init__(self) -> None:
        self._waiting: deque[wire.Order] = deque()
        self._served = wire.Serve(stores="[]")
        self._stages: dict[str, wire.ToExecutor] = {}
        self._feeds: dict[str, list[wire.ToExecutor]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def serve(self, serve: wire.Serve) -> wire.ToExecutor:
        """Another run: what was told of the one before is forgotten. Returns what executors are to hear."""
        self._served = serve
        self._stages.clear()
        self._feeds.clear()
        return wire.ToExecutor(serve=serve)

    def stage(self, stage: wire.StagePlan) -> wire.ToExecutor:
        """The plan of a stage."""
        frame = self._stages[stage.digest] = wire.ToExecutor(stage=stage)
        return frame

    def feed(self, feed: wire.Feed) -> wire.ToExecutor:
        """News of an exchange."""
        frame = wire.ToExecutor(feed=feed)
        self._feeds.setdefault(feed.exchange, []).append(frame)
        return frame

    def told(self) -> Iterator[wire.ToExecutor]:
        """All that a new executor has to hear."""
        yield wire.ToExecutor(serve=self._served)
        yield from self._stages.values()
        for frames in self._feeds.values():
            yield from frames

    def launch(self, launch: wire.Launch) -> None:
        """Orders to carry out, in their order."""
        self._waiting.extend(launch.orders)

    def next(self) -> wire.Order:
        """Takes the first that waits. Raises IndexError where none does."""
        return self._waiting.popleft()

    def withdraw(self, attempt: str) -> bool:
        """Drops an order that waits; whether there was one."""
        for order in self._waiting:
            if order.attempt == attempt:
                self._waiting.remove(order)
                return True
        return False

    def release(self, run: str, exchange: str) -> None:
        """Nobody reads that exchange any more."""
        if run == self._served.run:
            self._feeds.pop(exchange, None)

    def forget(self) -> None:
        """The coordinator is gone: what it said is nobody's any more."""
        self._waiting.clear()
        self._stages.clear()
        self._feeds.clear()
