"""Workers that stay: the next run finds the processes of the one before, and nothing else."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import gristmill as gm
from gristmill.coordinator import session as coordinator_session
from gristmill.coordinator.embedded import EmbeddedPool
from gristmill.coordinator.local_server import LocalServer
from gristmill.errors import Cancelled, FragmentError, GristmillError, InternalError, InvalidPlan
from gristmill.plan.manifest import load_manifest

Processes = Callable[[str], list[int]]
KINDS = ("agent", "executor", "host")
NUMBERS = pa.table({"n": range(1000)})
COUNTING = """
import os
calls = 0

def count(name, line):
    global calls
    calls += 1
    yield os.environ.get("GM_MARK", ""), calls
"""
MANIFEST = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: counting}}
spec:
{code}
  input: [{{name: lines, uri: '{text}', format: text}}]
  map: {{python: "gm_test_counting:count"}}
"""
INLINE = "  code:\n    inline:\n      gm_test_counting.py: |\n" + "".join(
    f"        {line}\n" for line in COUNTING.strip().splitlines()
)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own folder for scratch: nothing may be left in it."""
    with tempfile.TemporaryDirectory(prefix="gm-") as folder:  # its sockets need a short path
        monkeypatch.setenv("GRISTMILL_LOCAL_DIR", folder)
        yield Path(folder)


@pytest.fixture
def one_line(tmp_path: Path) -> Path:
    (tmp_path / "line.txt").write_text("a\n")
    return tmp_path / "line.txt"


def _soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a few seconds."""
    until_s = time.monotonic() + 5
    while not (held := holds()) and time.monotonic() < until_s:
        time.sleep(0.02)
    return held


def _left(processes: Processes, local: Path) -> list[object]:
    """What there still is of processes and scratch after a few seconds."""
    until_s = time.monotonic() + 5
    while True:
        left = [*(process for kind in KINDS for process in processes(kind)), *local.iterdir()]
        if not left or time.monotonic() > until_s:
            return left
        time.sleep(0.02)


def _spread(session: gm.Session) -> int:
    query = "SELECT sum(n) AS s FROM (SELECT n % 7 AS k, sum(n) AS n FROM t GROUP BY k)"
    (row,) = session.sql(query, tables={"t": NUMBERS}, force_distributed=True).rows()
    return int(row["s"])


def _count(session: gm.Session, text: Path, code: str) -> list[tuple[str, int]]:
    rows = session.run(load_manifest(MANIFEST.format(code=code, text=text)), force_distributed=True).rows()
    return [(row["key"], row["value"]) for row in rows]


def test_the_next_run_meets_the_same_processes(local: Path, engine_processes: Processes) -> None:
    with gm.Session(workers=2, memory="512MiB", idle_s=60) as session:
        assert _spread(session) == 499500
        first = [engine_processes(kind) for kind in KINDS]
        assert _spread(session) == 499500
        assert [engine_processes(kind) for kind in KINDS] == first
        assert _soon(lambda: not list(local.glob("gristmill-*/w*/outputs/*")))
    assert _left(engine_processes, local) == []


def test_runs_of_a_process_share_workers(
    local: Path, engine_processes: Processes, one_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_IDLE_S", "60")
    job = gm.Job("lines", input=gm.text(str(one_line)), output=str(one_line.with_name("out")))
    gm.run(job, workers=1, memory="512MiB", force_distributed=True)
    agents = engine_processes("agent")
    rows = gm.sql("SELECT 1 AS one", workers=1, memory="512MiB", force_distributed=True).rows()
    assert rows == [{"one": 1}]
    assert engine_processes("agent") == agents
    monkeypatch.setenv("GRISTMILL_IDLE_S", "0")
    assert gm.sql("SELECT 2 AS two", workers=1, memory="512MiB", force_distributed=True).rows() == [{"two": 2}]
    assert _left(engine_processes, local) == []


@pytest.mark.parametrize("code", [INLINE, ""], ids=["inline", "installed"])
def test_modules_are_imported_anew_by_each_run(
    tmp_path: Path, one_line: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    (tmp_path / "gm_test_counting.py").write_text(COUNTING)
    monkeypatch.syspath_prepend(str(tmp_path))
    with gm.Session(workers=1, memory="512MiB", idle_s=60) as session:
        assert [_count(session, one_line, code) for _ in range(2)] == [[("", 1)], [("", 1)]]


def test_a_changed_environment_gets_new_workers(one_line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gm.Session(workers=1, memory="512MiB", idle_s=60) as session:
        assert _count(session, one_line, INLINE) == [("", 1)]
        monkeypatch.setenv("GM_MARK", "new")
        assert _count(session, one_line, INLINE) == [("new", 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_dies_between_runs_is_replaced(local: Path, engine_processes: Processes, kind: str) -> None:
    with gm.Session(workers=2, memory="512MiB", idle_s=60) as session:
        _spread(session)
        for process in engine_processes(kind):
            os.kill(process, signal.SIGKILL)
        assert _spread(session) == 499500
        assert len(engine_processes("agent")) == 2
    assert _left(engine_processes, local) == []


def test_a_run_that_fails_leaves_the_workers_to_the_next(engine_processes: Processes) -> None:
    with gm.Session(workers=2, memory="512MiB", idle_s=60) as session:
        _spread(session)
        agents = engine_processes("agent")
        with pytest.raises(FragmentError):
            session.sql("SELECT error('no') AS x FROM t", tables={"t": NUMBERS}, force_distributed=True).arrow()
        assert _spread(session) == 499500
        assert engine_processes("agent") == agents


def test_workers_without_work_end_and_come_again(local: Path, engine_processes: Processes) -> None:
    with gm.Session(workers=1, memory="512MiB", idle_s=0.2) as session:
        _spread(session)
        assert _left(engine_processes, local) == []
        assert _spread(session) == 499500


def test_no_process_and_no_file_is_left_behind(local: Path, engine_processes: Processes, one_line: Path) -> None:
    job = gm.Job("lines", input=gm.text(str(one_line)), output=str(one_line.with_name("out")))
    gm.run(job, workers=2, memory="512MiB", force_distributed=True)
    assert _left(engine_processes, local) == []


def test_threads_share_the_workers_which_outlive_them(engine_processes: Processes) -> None:
    sums: list[int] = []
    with gm.Session(workers=2, memory="512MiB", idle_s=60) as session:
        threads = [threading.Thread(target=lambda: sums.append(_spread(session))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        agents = engine_processes("agent")
        assert len(agents) == 2
        assert _spread(session) == 499500
        assert engine_processes("agent") == agents
    assert sums == [499500] * 3


def test_a_closed_session_runs_nothing() -> None:
    with gm.Session(workers=1, memory="512MiB", idle_s=60) as session:
        query = session.sql("SELECT 1 AS one", force_distributed=True)
    with pytest.raises(InvalidPlan, match="its session is closed"):
        query.arrow()


def test_a_copy_of_the_process_has_workers_of_its_own(engine_processes: Processes) -> None:
    with gm.Session(workers=1, memory="512MiB", idle_s=60) as session:
        _spread(session)
        agents = engine_processes("agent")
        for _ in range(8):
            if (child := os.fork()) == 0:
                session.close()  # nothing of its own to be ended
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert _spread(session) == 499500
        assert engine_processes("agent") == agents


def test_a_session_that_closes_ends_workers_too_that_other_surroundings_have_replaced(
    local: Path, engine_processes: Processes, one_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = gm.Session(workers=1, memory="512MiB", idle_s=60)
    job = gm.Job("slow", input=gm.text(str(one_line)), map=_sleeps)
    failed: list[GristmillError] = []
    began = threading.Thread(target=lambda: failed.append(_error_of(lambda: session.run(job, force_distributed=True))))
    began.start()
    _until(lambda: len(engine_processes("executor")) == 1)
    monkeypatch.setenv("GM_MARK", "new")
    assert _count(session, one_line, INLINE) == [("new", 1)]
    assert len(engine_processes("agent")) == 2
    session.close()
    began.join(10)
    assert [type(error) for error in failed] == [Cancelled]
    assert _left(engine_processes, local) == []


def test_deaths_count_against_the_runs_that_saw_them(
    engine_processes: Processes, one_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator_session, "REPLACEMENTS_PER_WORKER", 2)
    job = gm.Job("slow", input=gm.text(str(one_line)), map=_sleeps)
    with gm.Session(workers=2, memory="512MiB", idle_s=60) as session:
        failed: list[GristmillError] = []
        first = threading.Thread(
            target=lambda: failed.append(_error_of(lambda: session.run(job, force_distributed=True)))
        )
        first.start()
        for _ in range(2):
            _kill_agents(engine_processes)
        sums: list[int] = []
        second = threading.Thread(target=lambda: sums.append(_spread(session)))
        second.start()  # it forgives nothing that the first run has seen
        _kill_agents(engine_processes)
        first.join(30)
        second.join(30)
        assert [type(error) for error in failed] == [InternalError]
        assert sums == [499500]
        assert _spread(session) == 499500


def test_a_fault_of_the_coordinator_ends_its_server_too(
    local: Path, engine_processes: Processes, one_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[bool] = []
    stop = LocalServer.stop

    async def fault(_: EmbeddedPool) -> None:
        raise ZeroDivisionError("a fault")

    async def noted(server: LocalServer) -> None:
        await stop(server)
        stopped.append(True)

    monkeypatch.setattr(EmbeddedPool, "_take_care", fault)
    monkeypatch.setattr(LocalServer, "stop", noted)
    with gm.Session(workers=1, memory="512MiB") as session, pytest.raises(ZeroDivisionError):
        _count(session, one_line, INLINE)
    assert stopped == [True]
    assert _left(engine_processes, local) == []


def test_a_local_folder_may_be_as_long_as_sockets_allow_whichever_worker_it_is(
    local: Path, engine_processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = coordinator_session.SOCKET_NAME_BYTES - len("/gristmill-abcdefgh-1/coordinator.sock")
    deep = local / ("d" * (room - len(str(local)) - 1))
    deep.mkdir()
    monkeypatch.setenv("GRISTMILL_LOCAL_DIR", str(deep))
    with gm.Session(workers=1, memory="512MiB", idle_s=60) as session:
        assert _spread(session) == 499500
        _kill_agents(engine_processes)
        assert _spread(session) == 499500
        homes = [home.name for home in deep.glob("gristmill-*-*/w*/")]
        assert homes == ["w0"]  # one that takes the place of another has no longer a path
    Path(f"{deep}d").mkdir()
    monkeypatch.setenv("GRISTMILL_LOCAL_DIR", f"{deep}d")
    with gm.Session(workers=1, memory="512MiB") as session, pytest.raises(InvalidPlan, match="1 bytes too long"):
        _spread(session)


def _sleeps(name: str, line: str) -> Iterator[tuple[str, int]]:
    time.sleep(60)
    yield name, 1


def _error_of(work: Callable[[], object]) -> GristmillError:
    with pytest.raises(GristmillError) as raised:
        work()
    return raised.value


def _until(there: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 20
    while not there():
        assert time.monotonic() < until_s, "it has not come to that"
        time.sleep(0.02)


def _kill_agents(processes: Processes) -> None:
    """Kills the workers that run; returns once others are there."""
    _until(lambda: len(processes("executor")) == len(processes("agent")) > 0)
    victims = processes("agent")
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    _until(lambda: len(processes("agent")) == len(victims) and not set(processes("agent")) & set(victims))
