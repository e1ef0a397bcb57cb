"""An agent's connection to an executor host that comes and goes: what ran has ended, what was wanted is asked again."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gristmill.wire import frames
from gristmill.wire import host_pb2 as wire
from gristmill.worker.host_link import HOST_GONE, NOT_STARTED, HostLink


class _Host:
    """Stands for a host: starts what it is asked to while ``starts``, and can go away."""

    def __init__(self, path: str) -> None:
        self.asked: list[str] = []
        self.killed: list[str] = []
        self.starts = True
        self._path = path
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def come(self) -> None:
        Path(self._path).unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def go(self, *, listening: bool = False) -> None:
        """Ends its connections, and, unless it is still ``listening``, its socket."""
        if self._server is not None and not listening:
            self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await asyncio.sleep(0.05)

    def hang_up(self) -> None:
        """Ends its connections between two looks of the other side, whose next word meets a broken pipe."""
        for writer in self._writers:
            writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while (message := await frames.receive(reader, wire.ToHost())) is not None:
            if message.WhichOneof("kind") == "kill":
                self.killed.append(message.kill.name)
                continue
            self.asked.append(message.start.name)
            if self.starts:
                started = wire.ProcessStarted(name=message.start.name, pid=4711)
                writer.write(frames.encode(wire.FromHost(started=started)))


class _Heard:
    """What an agent hears."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[tuple[str, int | None, str]] = []

    def take_start(self, name: str, pid: int) -> None:
        self.started.append(name)

    def take_end(self, name: str, status: int | None, reason: str) -> None:
        self.ended.append((name, status, reason))


Play = Callable[[Callable[[_Host, HostLink, _Heard], Awaitable[None]]], None]


@pytest.fixture
def play() -> Iterator[Play]:
    """Runs a scene with a host that has not come yet and a link that looks for it."""
    with tempfile.TemporaryDirectory(prefix="gm-") as folder:
        path = f"{folder}/host.sock"

        async def run(scene: Callable[[_Host, HostLink, _Heard], Awaitable[None]]) -> None:
            host, heard = _Host(path), _Heard()
            link = HostLink(path, "agent.sock", "w", heard.take_start, heard.take_end)
            keeping = asyncio.create_task(link.keep())
            try:
                await asyncio.wait_for(scene(host, link, heard), 30)
            finally:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
                await host.go()

        yield lambda scene: asyncio.run(run(scene))


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


def test_what_is_asked_for_waits_for_the_host(play: Play) -> None:
    async def scene(host: _Host, link: HostLink, heard: _Heard) -> None:
        link.start("0-0", "log")
        await asyncio.sleep(0.1)
        await host.come()
        await _until(lambda: heard.started == ["0-0"])

    play(scene)


def test_what_ran_has_ended_with_the_host_and_what_is_new_goes_to_the_next(play: Play) -> None:
    async def scene(host: _Host, link: HostLink, heard: _Heard) -> None:
        await host.come()
        link.start("0-0", "log")
        await _until(lambda: heard.started == ["0-0"])
        await host.go()
        await _until(lambda: heard.ended == [("0-0", None, HOST_GONE)])
        link.start("0-1", "log")
        await host.come()
        await _until(lambda: heard.started == ["0-0", "0-1"])
        assert host.asked == ["0-0", "0-1"]

    play(scene)


def test_a_host_that_dies_with_open_ears_costs_nothing_that_had_not_started(play: Play) -> None:
    async def scene(host: _Host, link: HostLink, heard: _Heard) -> None:
        host.starts = False
        await host.come()
        link.start("0-0", "log")
        await _until(lambda: len(host.asked) == 1)
        for _ in range(3):
            await host.go(listening=True)
        await _until(lambda: len(host.asked) > 1)
        assert heard.ended == []
        host.starts = True
        await host.go(listening=True)
        await _until(lambda: heard.started == ["0-0"])

    play(scene)


def test_a_host_that_is_gone_before_it_is_spoken_to_has_ended_too(play: Play) -> None:
    async def scene(host: _Host, link: HostLink, heard: _Heard) -> None:
        await host.come()
        link.start("0-0", "log")
        await _until(lambda: heard.started == ["0-0"])
        host.hang_up()
        link.start("0-1", "log")
        await _until(lambda: heard.ended == [("0-0", None, HOST_GONE)])
        await _until(lambda: heard.started == ["0-0", "0-1"])

    play(scene)


def test_a_wish_that_is_taken_back_has_ended(play: Play) -> None:
    async def scene(host: _Host, link: HostLink, heard: _Heard) -> None:
        link.start("0-0", "log")
        link.kill("0-0")
        await _until(lambda: heard.ended == [("0-0", None, NOT_STARTED)])
        await host.come()
        link.start("0-1", "log")
        await _until(lambda: heard.started == ["0-1"])
        assert host.asked == ["0-1"]

    play(scene)
