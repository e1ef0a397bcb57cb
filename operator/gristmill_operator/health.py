"""``/healthz``, ``/readyz`` and ``/metrics``: what kubelet and Prometheus ask.

Healthy is an operator whose event loop turns and whose watches miss nothing; one that waits for the Lease is
healthy too, but not ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from gristmill.errors import StorageError

DEAF_LIMIT_S = 90.0
"""A watch that misses things for so long is not coming back."""


class Health:
    """Serves on all addresses of ``port``; 0 picks one."""

    def __init__(
        self,
        port: int,
        deaf_s: Callable[[], Mapping[str, float]],
        ready: Callable[[], bool],
        metrics: Callable[[], bytes],
    ) -> None:
        self._deaf_s = deaf_s
        self._ready = ready
        self._metrics = metrics
        self._port = port
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> int:
        """Begins to listen; the port. Raises StorageError where it is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "0.0.0.0", self._port).start()
        except OSError as error:
            reason = f"cannot listen: {error.strerror}"
            raise StorageError(reason, place=f"port {self._port}", remedy="set HTTP_PORT to a free one") from None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Closes."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        deaf = {kind: seconds for kind, seconds in self._deaf_s().items() if seconds > DEAF_LIMIT_S}
        if deaf:
            told = ", ".join(f"{kind} for {seconds:.0f} s" for kind, seconds in deaf.items())
            return web.Response(status=503, text=f"watches miss things: {told}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="another operator holds the lease, or watches are starting\n")

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), content_type="text/plain", charset="utf-8")
