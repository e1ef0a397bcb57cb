"""The lead's endpoint through a forwarded port: the real endpoint and client, a server that frames as kubelets do.

That a real API server and kubelet do frame so is for the tests on a cluster.
"""

import asyncio
import socket
import threading
from types import SimpleNamespace

import pyarrow as pa
import pytest
from port_forwarding import forwarding

import gristmill as gm
from gristmill.api.cluster import portforward
from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.early_rows import EarlyRows
from gristmill.api.cluster.failures import Missing, Unreachable
from gristmill.api.cluster.lead import Lead
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import ClusterError, InvalidPlan, InvalidQuery
from gristmill.ids import Side, StageId
from gristmill.storage.filesystem import canonical
from gristmill.storage.stores import Stores
from gristmill.version import __version__
from gristmill.wire.protocol import CLIENT_PORT
from gristmill.wire.reports import RunPhase
from gristmill_worker.changes import Changes
from gristmill_worker.client import ClientEndpoint

ROWS = 20_000


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """What a job of numbers left in storage."""
    folder = tmp_path_factory.mktemp("committed")
    result = gm.sql(f"SELECT i, i::VARCHAR AS text FROM range({ROWS}) t(i)").write(str(folder / "rows"))
    log = folder / "logs" / "numbers" / "map" / "input"
    log.mkdir(parents=True)
    (log / "0.log").write_text("hello\nagain\n")
    return SimpleNamespace(manifest=result.manifest, logs=canonical(str(folder / "logs")))


@pytest.fixture(scope="module")
def runs(committed):
    """Runs in several states."""
    stages = (StageProgress(StageId("numbers", Side.MAP), 4, 4, rows=ROWS),)

    def run(phase, **fields):
        state = SimpleNamespace(
            phase=phase, ended=phase.ended, error=None, stores=Stores((), None), explained="the plan",
            result=committed.manifest, logs=committed.logs, messages=["tried again"],
            progress=Progress(ChainState.FINISHED, stages),
        )  # fmt: skip
        vars(state).update(fields)
        return state

    return {
        "done": run(RunPhase.COMPLETE),
        "busy": run(RunPhase.RUNNING, ended=False),
        "wrong": run(RunPhase.FAILED, error=InvalidQuery("no table x", place="line 1"), explained="", result=None),
    }


@pytest.fixture(scope="module")
def loop():
    """The event loop of a lead, in a thread."""
    made = asyncio.new_event_loop()
    threading.Thread(target=made.run_forever, daemon=True).start()
    yield made
    made.call_soon_threadsafe(made.stop)


@pytest.fixture(scope="module")
def changes():
    return Changes()


@pytest.fixture(scope="module")
def lead(runs, loop, changes):
    """A lead that has them, and the way to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = ClientEndpoint(port, "pool", runs, changes)
    asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result()
    with forwarding({"lead-0": port, "deaf": 9}) as url:
        yield Lead(connection(url), "lead-0")
    asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result()


def connection(url: str) -> Connection:
    from kubernetes import client

    configuration = client.Configuration(host=url)
    return Connection("test", "default", configuration, client.ApiClient(configuration).rest_client.pool_manager)


def test_the_version_is_that_of_the_lead(lead):
    assert lead.version() == __version__


@pytest.mark.parametrize(("ours", "fits"), [("0.2.7", True), ("0.0.1", True), ("0.3.0", False), ("1.1.0", False)])
def test_a_lead_one_minor_version_apart_is_heard_two_is_refused(lead, monkeypatch, ours, fits):
    monkeypatch.setattr("gristmill_worker.client.__version__", "0.1.0")
    monkeypatch.setattr("gristmill.api.cluster.lead.__version__", ours)
    assert lead.version() == "0.1.0"
    if fits:
        assert lead.explain("done") == "the plan"
        return
    with pytest.raises(ClusterError, match=f"runs Gristmill 0.1.0, which this one, {ours}, does not fit"):
        lead.explain("done")


def test_progress_comes_as_values_until_the_run_has_ended(lead):
    (last,) = lead.progress("done")
    assert last.state is ChainState.FINISHED
    assert last.stages[0].done == 4
    assert last.messages == ("tried again",)


def test_rows_arrive_as_they_were_committed(lead):
    table = lead.result("done").read_all()
    assert table.num_rows == ROWS
    assert table.schema.field("text").type == pa.string()
    assert table["i"].to_pylist() == list(range(ROWS))


def test_rows_may_be_left_unread(lead):
    assert next(lead.result("done")).num_rows > 0


def test_rows_that_are_asked_for_before_the_run_has_begun_come_at_its_end(lead, runs, loop, changes):
    def begin():
        runs.update(late=runs["done"])
        changes.tell()

    early = EarlyRows(lambda: lead)
    early.ask("late")
    timer = threading.Timer(0.2, lambda: loop.call_soon_threadsafe(begin))
    timer.start()
    assert early.rows(0.0) is None
    assert not early.have_come()
    source, _ = early.rows()
    assert early.have_come()
    assert source().read_all().num_rows == ROWS


@pytest.mark.parametrize("uid", ["wrong", ""])
def test_rows_that_do_not_come_early_are_left_to_others(lead, uid):
    early = EarlyRows(lambda: lead)
    early.ask(uid)
    assert early.rows() is None


def test_no_rows_come_early_from_a_pool_without_a_lead():
    early = EarlyRows(lambda: None)
    assert early.rows() is None
    early.ask("done")
    assert not early.have_come()


def test_logs_of_all_tasks_say_whose_each_line_is(lead):
    assert list(lead.logs("done")) == ["numbers/map/input#0  hello", "numbers/map/input#0  again"]


def test_logs_of_one_task_are_its_lines_alone(lead):
    assert list(lead.logs("done", "numbers/map/input#0", follow=True)) == ["hello", "again"]
    assert list(lead.logs("done", "numbers/map/input#7")) == []


def test_the_plan_is_text(lead):
    assert lead.explain("done") == "the plan"


@pytest.mark.parametrize(("uid", "words"), [("none", "no such run"), ("busy", "not finished"), ("wrong", "no result")])
def test_rows_that_are_not_to_be_had_say_why(lead, uid, words):
    with pytest.raises(Missing, match=words):
        lead.result(uid)


def test_errors_of_the_run_come_as_their_own_class(lead):
    with pytest.raises(InvalidQuery, match="no table x") as caught:
        lead.explain("wrong")
    assert caught.value.place == "line 1"


def test_what_is_no_task_is_refused_by_the_lead_too(lead):
    with pytest.raises(InvalidPlan, match="no task"):
        list(lead.logs("done", "nonsense"))


def test_a_pod_that_is_gone_and_a_port_where_nothing_listens(lead):
    with pytest.raises(Missing, match="not found"):
        Lead(lead.connection, "gone").version()
    with pytest.raises(Unreachable, match="nothing listens"):
        Lead(lead.connection, "deaf").version()


def test_a_pod_that_has_no_node_yet_is_not_to_be_reached_for_now():
    form = b'{"message": "pod w does not have a host assigned", "reason": "BadRequest", "code": 400}'
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(form)}\r\n\r\n".encode()
    with serving(head + form) as server, pytest.raises(Unreachable, match="does not have a host assigned"):
        Lead(connection(f"http://127.0.0.1:{server.getsockname()[1]}"), "w").version()


def serving(answer: bytes):
    """A port that answers any request with these bytes and closes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            peer.recv(65536)
            peer.sendall(answer)
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_an_answer_that_breaks_off_is_an_error_not_an_end(answer):
    with serving(answer) as server, forwarding({"p": server.getsockname()[1]}) as url:
        lead = Lead(connection(url), "p")
        with pytest.raises(Unreachable):
            lead.version()
        with pytest.raises(Unreachable):
            list(lead.progress("x"))
        with pytest.raises(Unreachable):
            lead.result("x").read_all()


def test_silence_ends_with_an_error(monkeypatch):
    monkeypatch.setattr("gristmill.api.cluster.lead.PROGRESS_SILENCE_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        forwarding({"p": server.getsockname()[1]}) as url,
        pytest.raises(Unreachable, match="broke off"),
    ):
        Lead(connection(url), "p").version()


def test_bytes_come_whole_whatever_the_frames(lead):
    content = bytes(range(256)) * 4096
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    for chunk_bytes in (1000, 1 << 18):
        with (
            serving(head + content) as server,
            forwarding({"p": server.getsockname()[1]}, chunk_bytes=chunk_bytes) as url,
            portforward.dial(connection(url), "p", CLIENT_PORT).get("/", silence_s=5) as response,
        ):
            assert response.read() == content
