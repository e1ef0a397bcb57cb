"""The lead end to end on one machine: an operator that asks, workers over TCP with certificates, an S3 server."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import gristmill as gm
from gristmill.plan.manifest import load_manifest
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.reports import RunPhase
from tests.support.pool_here import PoolHere, end_family, is_open, soon

Content = Callable[[str], list[tuple[int, int, str]]]

WORDS = """
def words(name, text):
    for word in text.split():
        yield word, 1

def total(word, counts):
    yield word, sum(counts)
"""


def word_count(books: str, output: str, **spec: Any) -> dict[str, Any]:
    """The MapReduceJob that counts words."""
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {"name": "wordcount", "namespace": "default"},
        "spec": {
            "code": {"inline": {"wordcount.py": WORDS}},
            "input": [{"name": "books", "uri": books, "format": "text", "splitSize": "4KiB"}],
            "map": {"python": "wordcount:words"},
            "combine": {"python": "wordcount:total"},
            "reduce": {"python": "wordcount:total"},
            "partitions": 4,
            "output": {"uri": output},
            **spec,
        },
    }


def embedded(resource: dict[str, Any], output: str) -> str:
    """Runs the same manifest in this process; its output."""
    form = {**resource, "spec": {**resource["spec"], "output": {"uri": output}}}
    gm.run(load_manifest(json.dumps(form)))
    return output


def test_a_job_runs_in_lead_and_worker_with_the_bytes_of_the_embedded_engine(
    pool: PoolHere, books: str, bucket: str, content: Content
) -> None:
    job = word_count(books, f"{bucket}/counts")
    pool.start(workers=1)
    report = pool.operator.complete(pool.operator.ask(job))
    assert (report.maps.done, report.reduces.done) == (report.maps.total, 4)
    assert report.outputs[0].uri == f"{bucket}/counts"
    assert report.rows == 12 * 400
    assert content(f"{bucket}/counts") == content(embedded(job, f"{bucket}/embedded"))


def test_the_phases_come_in_order(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    uid = pool.operator.ask(word_count(books, f"{bucket}/counts"))
    pool.operator.complete(uid)
    phases = list(dict.fromkeys(report.phase for report in pool.operator.reports[uid]))
    assert phases == [each for each in RunPhase if each in phases]
    assert phases[-1] is RunPhase.COMPLETE


SLOW_WORDS = """
import time

def words(name, text):
    time.sleep(0.003)
    print("a line of", name)
    for word in text.split():
        yield word, 1

def total(word, counts):
    yield word, sum(counts)
"""


def slow_count(books: str, output: str, **spec: Any) -> dict[str, Any]:
    """Counts words for some seconds."""
    return word_count(books, output, code={"inline": {"wordcount.py": SLOW_WORDS}}, **spec)


def query(books: str, **spec: Any) -> dict[str, Any]:
    """A SQLQuery over the lines of the books as CSV of one column, in several jobs."""
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "SQLQuery",
        "metadata": {"name": "longest", "namespace": "default"},
        "spec": {
            "sql": "SELECT length(line) AS n, count(*) AS lines FROM books GROUP BY n ORDER BY lines DESC, n LIMIT 5",
            "tables": {
                "books": {
                    "uri": books,
                    "format": "csv",
                    "csv": {"header": False, "delimiter": "|"},
                    "schema": [{"name": "line", "type": "VARCHAR"}],
                }
            },
            **spec,
        },
    }


def ask_lead(pool: PoolHere, path: str) -> bytes:
    """What the lead's client endpoint answers, once it is up."""
    assert soon(lambda: is_open(pool.client_port))
    with urllib.request.urlopen(f"http://127.0.0.1:{pool.client_port}{path}", timeout=30) as answer:
        return bytes(answer.read())


def test_a_query_is_a_chain_whose_rows_clients_get_from_the_lead(pool: PoolHere, books: str, s3_server: Any) -> None:
    pool.start()
    uid = pool.operator.ask(query(books))
    report = pool.operator.complete(uid)
    assert report.result is not None
    assert report.result.rows == 5
    rows = pa.ipc.open_stream(ask_lead(pool, f"/v1/runs/{uid}/result")).read_all()
    lines = [line for path in sorted((s3_server.root).glob("*/books/*.txt")) for line in path.read_text().splitlines()]
    assert rows.column_names == ["n", "lines"]
    assert sum(rows["lines"].to_pylist()) <= len(lines)
    told = [job for each in pool.operator.reports[uid] for job in each.jobs if job.manifest]
    assert [job.name for job in told] == [job.name for job in report.jobs]
    assert all(json.loads(job.manifest)["kind"] == "MapReduceJob" for job in told)


def test_two_runs_share_the_workers_of_a_pool(pool: PoolHere, books: str, bucket: str, content: Content) -> None:
    pool.start(workers=1)
    slow, quick = slow_count(books, f"{bucket}/slow"), word_count(books, f"{bucket}/quick")
    first = pool.operator.ask(slow)
    pool.operator.wait(first, lambda report: report.maps.done > 0)
    second = pool.operator.ask(quick)
    pool.operator.complete(second)
    assert not pool.operator.reports[first][-1].phase.ended
    pool.operator.complete(first)
    assert content(f"{bucket}/slow") == content(f"{bucket}/quick") == content(embedded(quick, f"{bucket}/embedded"))


def test_a_run_goes_on_while_the_operator_is_away(pool: PoolHere, books: str, bucket: str, content: Content) -> None:
    pool.start(workers=1)
    job = slow_count(books, f"{bucket}/counts")
    uid = pool.operator.ask(job)
    pool.operator.wait(uid, lambda report: report.maps.done > 0)
    pool.operator.stop()
    time.sleep(2)
    pool.operator.start()
    report = pool.operator.complete(uid)
    assert report.rows == 12 * 400
    assert [list(hello.runs) for hello in pool.operator.hellos] == [[], [uid]]
    assert content(f"{bucket}/counts") == content(embedded(job, f"{bucket}/embedded"))


def test_a_lead_that_is_killed_and_started_again_gives_the_same_bytes(
    pool: PoolHere, books: str, bucket: str, content: Content
) -> None:
    pool.start(workers=1)
    job = slow_count(books, f"{bucket}/counts")
    uid = pool.operator.ask(job)
    pool.operator.wait(uid, lambda report: report.maps.done > report.maps.total // 2)
    end_family(pool.lead.main)
    pool.lead.restart()
    report = pool.operator.complete(uid)
    told = next(text for text in report.warnings if "were done already" in text)
    assert int(told.split()[0]) > report.maps.total // 3
    assert content(f"{bucket}/counts") == content(embedded(job, f"{bucket}/embedded"))


def test_a_committed_run_is_complete_at_once_for_the_next_lead(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    uid = pool.operator.ask(word_count(books, f"{bucket}/counts"))
    done = pool.operator.complete(uid)
    end_family(pool.lead.main)
    pool.operator.reports[uid].clear()
    pool.lead.restart()  # it has forgotten the run, and is asked again
    again = pool.operator.complete(uid)
    assert again.outputs == done.outputs
    assert again.result == done.result


def test_a_cancelled_run_leaves_nothing_staged(pool: PoolHere, books: str, bucket: str, s3_server: Any) -> None:
    pool.start()
    uid = pool.operator.ask(slow_count(books, f"{bucket}/counts"))
    pool.operator.wait(uid, lambda report: report.maps.done > 0)
    pool.operator.say(wire.ToLead(cancel=wire.CancelRun(uid=uid, reason="no longer wanted")))
    report = pool.operator.end_of(uid)
    assert (report.phase, report.reason) == (RunPhase.CANCELLED, "Cancelled")
    assert "no longer wanted" in report.message
    left = [path for path in (s3_server.root / bucket[5:] / "counts").rglob("*") if path.is_file()]
    assert [path for path in left if "logs" not in path.parts] == []


def test_logs_and_plan_and_progress_are_there_for_clients(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    uid = pool.operator.ask(slow_count(books, f"{bucket}/counts"))
    pool.operator.wait(uid, lambda report: report.phase is RunPhase.RUNNING)
    progress = [json.loads(line) for line in ask_lead(pool, f"/v1/runs/{uid}/progress").splitlines()]
    assert progress[-1]["state"] == "finished"
    assert len({line["elapsed_s"] for line in progress if "elapsed_s" in line}) > 5
    report = pool.operator.complete(uid)
    assert "wordcount" in ask_lead(pool, f"/v1/runs/{uid}/explain").decode()
    lines = ask_lead(pool, f"/v1/runs/{uid}/logs").decode().splitlines()
    assert len(lines) == 12 * 400
    assert lines[0].startswith("wordcount/map/books#0  a line of ")
    one = ask_lead(pool, f"/v1/runs/{uid}/logs?task=wordcount/map/books%230").decode().splitlines()
    assert one
    assert all(line.startswith("a line of ") for line in one)
    assert report.logs.startswith(bucket)
    assert json.loads(ask_lead(pool, "/v1/version"))["pool"] == "mrj-test"


def test_what_a_client_cannot_have_is_said_as_an_error(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    uid = pool.operator.ask(word_count(books, f"{bucket}/counts", map={"python": "wordcount:missing"}))
    report = pool.operator.end_of(uid)
    assert report.phase is RunPhase.FAILED
    assert report.reason == "FragmentError"
    assert "missing" in report.message
    for path, status in ((f"/v1/runs/{uid}/result", 410), ("/v1/runs/nobody/result", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask_lead(pool, path)
        assert refused.value.code == status
        assert json.loads(refused.value.read())["reason"]


def test_tasks_run_where_the_operator_says_that_their_bucket_lies(
    pool: PoolHere, books: str, bucket: str, content: Content
) -> None:
    zones = json.dumps({f"{bucket}/": "zone-b"})
    pool.lead.environment["GRISTMILL_ZONES"] = zones
    pool.operator.start()
    pool.lead.start()
    pool.add_worker()
    pool.operator.until(lambda: bool(pool.operator.hellos))
    for pod, zone in (("lead-0", "zone-a"), ("w-0", "zone-b")):
        pool.operator.say(wire.ToLead(pod=wire.PodNews(pod=pod, state="running", node=f"node-{pod}", zone=zone)))
    pool.operator.until(lambda: any("w-0" in need.idle for need in pool.operator.needs))
    report = pool.operator.complete(pool.operator.ask(word_count(books, f"{bucket}/counts")))
    local = report.locality
    assert local.zone + local.remote + local.local == report.maps.total
    assert local.zone > local.remote


def test_rows_of_another_job_come_from_where_it_wrote_them(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    pool.operator.complete(pool.operator.ask(word_count(books, f"{bucket}/counts")))
    reader: dict[str, Any] = {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {
            "name": "frequent",
            "annotations": {"gristmill.dev/upstream-wordcount": f"{bucket}/counts"},
        },
        "spec": {
            "input": [{"name": "counts", "fromJob": "wordcount", "map": {"sql": "SELECT value FROM counts"}}],
            "reduce": {"sql": "SELECT sum(value) AS words, count(*) AS different FROM counts"},
            "partition": "single",
        },
    }
    uid = pool.operator.ask(reader)
    report = pool.operator.complete(uid)
    assert report.result is not None
    assert report.result.uri.startswith(f"{bucket}/scratch/results/")
    rows = pa.ipc.open_stream(ask_lead(pool, f"/v1/runs/{uid}/result")).read_all().to_pylist()
    assert rows == [{"words": 12 * 400 * 8, "different": 200}]


def test_a_job_whose_upstream_wrote_nothing_says_so(pool: PoolHere, bucket: str) -> None:
    pool.start()
    reader = {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {"name": "b", "annotations": {"gristmill.dev/upstream-a": f"{bucket}/nothing"}},
        "spec": {"input": [{"name": "a", "fromJob": "a"}], "output": {"uri": f"{bucket}/out"}},
    }
    report = pool.operator.end_of(pool.operator.ask(reader))
    assert report.phase is RunPhase.FAILED
    assert "job 'a' has committed nothing" in report.message


def test_a_lead_that_the_operator_ends_sweeps_what_it_cannot_finish(
    pool: PoolHere, books: str, bucket: str, s3_server: Any
) -> None:
    pool.start()
    code = {"inline": {"wordcount.py": SLOW_WORDS.replace("0.003", "0.05")}}
    uid = pool.operator.ask(word_count(books, f"{bucket}/counts", code=code))
    pool.operator.wait(uid, lambda report: report.maps.running > 0)
    pool.operator.say(wire.ToLead(end=wire.EndLead(reason="the job was deleted")))
    report = pool.operator.end_of(uid)
    assert (report.phase, report.reason) == (RunPhase.CANCELLED, "Cancelled")
    assert pool.lead.main.wait(30) == 0
    left = [path for path in (s3_server.root / bucket[5:]).rglob("*") if path.is_file() and "books" not in path.parts]
    assert [path for path in left if "logs" not in path.parts] == []


def test_a_lead_whose_pod_is_deleted_leaves_its_run_to_the_next(
    pool: PoolHere, books: str, bucket: str, content: Content
) -> None:
    pool.start(workers=1)
    job = word_count(books, f"{bucket}/counts", code={"inline": {"wordcount.py": SLOW_WORDS.replace("0.003", "0.015")}})
    uid = pool.operator.ask(job)
    pool.operator.wait(uid, lambda report: report.maps.done > 2)
    pool.lead.main.terminate()
    assert pool.lead.main.wait(30) == 0
    assert not any(report.phase.ended for report in pool.operator.reports[uid])
    pool.lead.restart()
    report = pool.operator.complete(uid)
    told = next(text for text in report.warnings if "were done already" in text)
    assert int(told.split()[0]) > 0
    assert content(f"{bucket}/counts") == content(embedded(job, f"{bucket}/embedded"))


def test_a_lead_that_is_asked_says_where_its_threads_stand_and_goes_on(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    pool.operator.until(lambda: bool(pool.operator.hellos))
    assert "most recent call first" not in pool.lead.log
    assert "most recent call first" in pool.lead.stacks()
    assert "run_forever" in pool.lead.log
    pool.operator.complete(pool.operator.ask(word_count(books, f"{bucket}/counts")))


def test_a_lead_ends_when_the_operator_says_that_nobody_needs_it(pool: PoolHere) -> None:
    pool.start()
    pool.operator.until(lambda: bool(pool.operator.hellos))
    pool.operator.say(wire.ToLead(end=wire.EndLead(reason="idle for too long")))
    assert pool.lead.main.wait(30) == 0
