"""An API server that can do one thing: forward ports of pods over websockets, as a kubelet frames them.

Each port of a pod is a port of this machine. The framing is that of ``v4.channel.k8s.io``: channel 0 data, channel 1
errors, each opened by a frame that repeats the port.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import WSMsgType, web

_PROTOCOL = "v4.channel.k8s.io"


@contextmanager
def forwarding(pods: Mapping[str, int], *, chunk_bytes: int = 4096) -> Iterator[str]:
    """The URL of the server; ``pods`` are ports of this machine by name of pod."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = _Server(pods, chunk_bytes)
    port = asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield f"http://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


class _Server:
    def __init__(self, pods: Mapping[str, int], chunk_bytes: int) -> None:
        self._pods = pods
        self._chunk_bytes = chunk_bytes
        application = web.Application()
        application.add_routes([web.get("/api/v1/namespaces/{space}/pods/{pod}/portforward", self._forward)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> int:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        pod = request.match_info["pod"]
        if pod not in self._pods:
            details = {"name": pod, "kind": "pods"}
            return web.json_response({"message": f'pods "{pod}" not found', "details": details}, status=404)
        socket = web.WebSocketResponse(protocols=[_PROTOCOL])
        await socket.prepare(request)
        port = int(request.query["ports"])
        for channel in (0, 1):
            await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._pods[pod])
        except OSError:
            refused = f"error forwarding port {port} to pod {pod}, uid : dial tcp4 127.0.0.1:{port}: connect: "
            await socket.send_bytes(b"\1" + refused.encode() + b"connection refused")
            await socket.close()
            return socket
        sending = asyncio.create_task(self._send(socket, reader))
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                writer.write(message.data[1:])
        sending.cancel()
        writer.close()
        return socket

    async def _send(self, socket: web.WebSocketResponse, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(self._chunk_bytes):
            await socket.send_bytes(b"\0" + data)
        await socket.close()
