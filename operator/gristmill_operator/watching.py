"""kopf in a thread with an event loop of its own: when it ends it cancels every task of its loop, whoever began it.

What watches bring goes to the operator's loop, in the order in which it came. ``operating`` starts and ends it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import kopf

from gristmill_operator.handlers import Inbox, kopf_settings, registry

_END_S = 10.0


class ThreadedInbox:
    """Hands over to the loop that it was made in."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._loop = asyncio.get_running_loop()

    def resource(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """See Inbox."""
        self._loop.call_soon_threadsafe(self._inbox.resource, type_, body)

    def pod(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """See Inbox."""
        self._loop.call_soon_threadsafe(self._inbox.pod, type_, body)

    def node(self, type_: str | None, body: Mapping[str, Any]) -> None:
        """See Inbox."""
        self._loop.call_soon_threadsafe(self._inbox.node, type_, body)


class Watching:
    """The watches of ``namespaces``, or of all where there are none."""

    def __init__(self, inbox: Inbox, namespaces: Sequence[str], watch_nodes: bool) -> None:
        self._registry = registry(ThreadedInbox(inbox), watch_nodes)
        self._namespaces = tuple(namespaces)
        self._stop = threading.Event()
        self._started = threading.Event()

    @property
    def started(self) -> bool:
        """Whether kopf runs."""
        return self._started.is_set()

    async def run(self) -> None:
        """Watches until cancelled. Raises what kopf fails with."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def main() -> None:
            try:
                asyncio.run(self._kopf())
            except Exception as error:  # noqa: BLE001  (whatever it is, it is raised in the other loop)
                loop.call_soon_threadsafe(_fail, ended, error)
            else:
                loop.call_soon_threadsafe(_end, ended)

        thread = threading.Thread(target=main, name="kopf", daemon=True)
        thread.start()
        try:
            await ended
        finally:
            self._stop.set()
            await asyncio.to_thread(thread.join, _END_S)

    async def _kopf(self) -> None:
        await kopf.operator(
            registry=self._registry,
            settings=kopf_settings(),
            standalone=True,
            namespaces=self._namespaces,
            clusterwide=not self._namespaces,
            stop_flag=self._stop,
            ready_flag=self._started,
        )


def _fail(ended: asyncio.Future[None], error: Exception) -> None:
    if not ended.done():
        ended.set_exception(error)


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
