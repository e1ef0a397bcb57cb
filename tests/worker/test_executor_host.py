"""The executor host: a real one, asked by a connection that stands for an agent, whose socket executors dial."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.wire import frames
from gristmill.wire import host_pb2 as wire
from gristmill.wire.wire_pb2 import FromExecutor
from gristmill.worker.processes import family

HOST = """
import sys
from pathlib import Path
from gristmill.worker import host
sys.path.insert(0, str(Path(sys.argv[1]).parent))
host.run(Path(sys.argv[1]), host.FOR_EXECUTORS, ("later",))
"""


class _Asker:
    """A connection to the host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = socket.socket(socket.AF_UNIX)
        assert _soon(lambda: self._connection.connect_ex(str(folder / "host.sock")) == 0, 60)
        self._connection.settimeout(60)

    def start(self, name: str) -> int:
        """Has an executor started; its pid."""
        executor = wire.ExecutorStart(socket=str(self._folder / "agent.sock"), worker="w")
        start = wire.StartProcess(name=name, log=str(self._folder / f"{name}.log"), executor=executor)
        self._connection.sendall(frames.encode(wire.ToHost(start=start)))
        told = self.hear().started
        assert told.name == name
        return told.pid

    def kill(self, name: str) -> None:
        self._connection.sendall(frames.encode(wire.ToHost(kill=wire.KillProcess(name=name))))

    def hear(self) -> wire.FromHost:
        """The next notice."""
        message = frames.receive_blocking(self._connection, wire.FromHost())
        assert message is not None, "the host is gone"
        return message

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets, with an agent's socket in it."""
    with tempfile.TemporaryDirectory(prefix="gm-") as name:
        yield Path(name)


@pytest.fixture
def agent(folder: Path) -> Iterator[socket.socket]:
    """Listens as an agent does."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "agent.sock"))
        listener.listen()
        listener.settimeout(60)
        yield listener


@pytest.fixture
def host(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "later.py").write_text("from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n")
    with (folder / "host.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", HOST, str(folder / "host.sock")], stderr=log)
    yield process
    process.kill()
    process.wait()


def _soon(holds: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return holds()


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _says_ready(agent: socket.socket) -> tuple[socket.socket, str]:
    connection, _ = agent.accept()
    connection.settimeout(60)
    first = frames.receive_blocking(connection, FromExecutor())
    assert first is not None
    return connection, first.ready.name


def test_an_executor_is_started_and_says_who_it_is(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    pid = asker.start("0-0")
    connection, name = _says_ready(agent)
    assert name == "0-0"
    assert pid in family(host.pid)
    assert Path(f"/proc/{pid}/comm").read_text() == "gm-exec w\n"
    connection.close()  # an executor whose agent has gone ends
    ended = asker.hear().ended
    assert (ended.name, ended.status) == ("0-0", 0)


def test_the_host_has_one_thread_and_its_children_nothing_of_its_sockets(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    pids = [asker.start(str(number)) for number in range(3)]
    connections = [_says_ready(agent)[0] for _ in pids]
    assert len(os.listdir(f"/proc/{host.pid}/task")) == 1
    for pid in pids:
        open_files = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
        assert sum(target.startswith("socket:") for target in open_files) == 1
        assert not any("pidfd" in target or "eventpoll" in target for target in open_files)
    for connection in connections:
        connection.close()


def test_what_the_host_sets_for_itself_is_not_in_the_environment_of_executors(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    import gristmill as gm

    def variables(name: str, line: str) -> Iterator[tuple[str, str]]:
        yield line, os.environ.get("JE_ARROW_MALLOC_CONF", "none") + os.environ.get("PYTHONHASHSEED", "none")

    (folder / "in.txt").write_text("a\n")
    job = gm.Job("env", input=gm.text(str(folder / "in.txt")), map=variables)
    rows = gm.run(job, workers=1, memory="512MiB", force_distributed=True).arrow().to_pylist()
    assert rows == [{"key": "a", "value": "none0"}]


def test_a_killed_executor_ends_with_all_that_it_started(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    pid = asker.start("0-0")
    connection, _ = _says_ready(agent)
    asker.kill("0-0")
    ended = asker.hear().ended
    assert ended.status == -signal.SIGKILL
    assert _gone(pid)
    asker.kill("0-0")  # of no consequence
    assert asker.start("0-1") != pid
    connection.close()


def test_a_crash_is_told_with_its_signal(folder: Path, host: subprocess.Popen[bytes], agent: socket.socket) -> None:
    asker = _Asker(folder)
    os.kill(asker.start("0-0"), signal.SIGSEGV)
    assert asker.hear().ended.status == -signal.SIGSEGV


def test_executors_end_with_the_connection_that_asked_for_them(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    one, other = _Asker(folder), _Asker(folder)
    pids = [one.start("0-0"), other.start("0-0")]
    connections = [_says_ready(agent)[0] for _ in pids]
    one.close()
    assert _soon(lambda: _gone(pids[0]))
    assert not _gone(pids[1])
    assert host.poll() is None
    assert connections


def test_an_executor_that_has_hardly_begun_can_be_killed(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    for number in range(20):
        pid = asker.start(str(number))
        asker.kill(str(number))
        assert asker.hear().ended.status == -signal.SIGKILL
        assert _gone(pid)


def test_executors_end_with_a_host_that_is_killed(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    pids = [asker.start(str(number)) for number in range(2)]
    connections = [_says_ready(agent)[0] for _ in pids]
    host.kill()
    assert _soon(lambda: all(map(_gone, pids)))
    assert connections


def test_a_host_that_is_asked_to_end_waits_for_those_who_use_it(
    folder: Path, host: subprocess.Popen[bytes], agent: socket.socket
) -> None:
    asker = _Asker(folder)
    pid = asker.start("0-0")
    connection, _ = _says_ready(agent)
    host.terminate()
    assert asker.start("0-1")
    assert not _gone(pid)
    asker.close()
    host.wait(10)
    assert _soon(lambda: _gone(pid))
    connection.close()


def test_executors_do_not_share_their_random_numbers(folder: Path) -> None:
    import gristmill as gm

    def words(name: str, line: str) -> Iterator[tuple[str, int]]:
        yield line, 1

    def draw(word: str, counts: Iterator[int]) -> Iterator[tuple[str, str]]:
        import random

        import numpy as np

        time.sleep(0.2)  # so that both workers get some
        yield str(os.getpid()), f"{random.random()} {np.random.random()}"

    (folder / "in.txt").write_text("\n".join(map(str, range(12))))
    job = gm.Job("draw", input=gm.text(str(folder / "in.txt")), map=words, reduce=draw, partitions=4)
    rows = gm.run(job, workers=2, memory="512MiB", force_distributed=True).arrow().to_pylist()
    drawn = [number for row in rows for number in row["value"].split()]
    assert len({row["key"] for row in rows}) == 2
    assert len(set(drawn)) == 24


def test_a_command_ends_with_the_executor_that_runs_it(folder: Path) -> None:
    import gristmill as gm

    pid_file, seen = folder / "pid", folder / "seen"
    script = f"cat > /dev/null; test -e {seen} && exit 0; touch {seen}; echo $$ > {pid_file}; exec sleep 1000"
    (folder / "in.txt").write_text("x\n")
    job = gm.Job("sleep", input=gm.text(str(folder / "in.txt")), map=gm.command(["sh", "-c", script]))
    killed = []

    def kill_the_host(_: gm.Progress) -> None:
        if not killed and pid_file.exists() and pid_file.read_text():
            hosts = (pid for pid in family(os.getpid()) if Path(f"/proc/{pid}/comm").read_text() == "gm-host\n")
            killed.extend(hosts)
            os.kill(killed[0], signal.SIGKILL)

    gm.run(job, workers=1, memory="512MiB", force_distributed=True, progress=kill_the_host)
    assert killed
    assert _soon(lambda: _gone(int(pid_file.read_text())))


def test_what_first_tasks_do_without_is_imported_once_an_executor_runs(
    host: subprocess.Popen[bytes], agent: socket.socket, folder: Path
) -> None:
    asker = _Asker(folder)
    time.sleep(1.5)
    assert not (folder / "later.imported").exists()
    asker.start("first")
    connection, _ = _says_ready(agent)
    assert _soon((folder / "later.imported").exists, 20)
    connection.close()
