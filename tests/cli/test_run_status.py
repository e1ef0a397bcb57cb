"""The status of a run, as docs/cluster.md has it, in the words and values that users see."""

from datetime import UTC, datetime

import pytest

from gristmill.api.cluster.status import (
    OutputRef,
    counts_of,
    failure_of,
    has_ended,
    outputs_of,
    progress_of,
    result_of,
    seconds_of,
    stores_of,
)
from gristmill.coordinator.progress import ChainState
from gristmill.errors import Cancelled, ClusterError, FragmentError, InternalError, OutputExists
from gristmill.ids import Side, StageId
from gristmill_cli.commands.get import age_text, pool_row, run_row
from gristmill_cli.commands.why import why_text
from gristmill_cli.outcome import outcome_text

MADE = "2026-01-01T12:00:00Z"
NOW = datetime(2026, 1, 1, 12, 1, 30, tzinfo=UTC)


def body(kind="MapReduceJob", spec=None, **status):
    metadata = {"name": "wc", "creationTimestamp": MADE}
    return {"apiVersion": "gristmill.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec or {}} | (
        {"status": status} if status else {}
    )


def failed(reason, message):
    return body(phase="Failed", message=message, conditions=[{"type": "Failed", "status": "True", "reason": reason}])


def test_what_the_operator_has_not_seen_is_pending():
    assert run_row(body(), NOW) == ["mrj/wc", "Pending", "-", "-", "-", "0", "90s", ""]
    assert not has_ended(body())
    assert progress_of(body()).state is ChainState.PLANNING
    assert "has not been seen by the operator" in why_text(body())


def test_progress_of_a_job_has_its_two_sides():
    progress = progress_of(body(phase="Running", workers=2, progress={"maps": "12/40", "reduces": "0/8", "rows": 900}))
    assert [(stage.stage, stage.done, stage.tasks, stage.rows) for stage in progress.stages] == [
        (StageId("wc", Side.MAP), 12, 40, 900),
        (StageId("wc", Side.REDUCE), 0, 8, 0),
    ]
    assert (progress.state, progress.workers) == (ChainState.RUNNING, 2)


def test_progress_of_a_query_has_those_of_each_of_its_jobs():
    jobs = [{"name": "q-1", "maps": "3/3", "reduces": "2/2"}, {"name": "q-2", "maps": "0/0", "reduces": "1/4"}]
    stages = progress_of(body("SQLQuery", phase="Running", jobs=jobs, progress={"maps": "3/3"})).stages
    assert [str(stage.stage) for stage in stages] == ["q-1/map", "q-1/reduce", "q-2/reduce"]


@pytest.mark.parametrize(("text", "counts"), [("3/4", (3, 4)), ("", (0, 0)), (None, (0, 0)), ("x/y", (0, 0))])
def test_counts_are_read_from_their_text(text, counts):
    assert counts_of(text) == counts


def test_how_long_it_ran_ends_with_it():
    done = body(phase="Complete", startTime="2026-01-01T12:00:10Z", completionTime="2026-01-01T12:00:14.5Z")
    assert seconds_of(done, NOW) == 4.5
    assert seconds_of(body(phase="Running", startTime="2026-01-01T12:00:10Z"), NOW) == 80


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("OutputExists", OutputExists),
        ("FragmentError", FragmentError),
        ("InternalError", InternalError),
        ("ImagePullBackOff", ClusterError),
        ("", ClusterError),
        ("error_from_dict", ClusterError),
    ],
)
def test_a_failed_run_is_the_error_that_a_run_here_would_raise(reason, kind):
    error = failure_of(failed(reason, "s3://x: no"))
    assert type(error) is kind
    assert str(error) == "mrj/wc: s3://x: no"


def test_a_cancelled_run_is_a_cancellation_and_others_are_no_error():
    assert isinstance(failure_of(body(phase="Cancelled", message="by eve")), Cancelled)
    assert failure_of(body(phase="Complete")) is None
    assert failure_of(body(phase="Running")) is None


def test_outputs_and_result_are_where_and_how_large():
    output = {"job": "wc", "name": "", "uri": "s3://o/", "generation": 2, "rows": 7, "bytes": 70}
    done = body(phase="Complete", outputs=[output], result=output)
    assert outputs_of(done) == (OutputRef("wc", "", "s3://o/", 2, 7, 70),) == (result_of(done),)
    assert result_of(body(phase="Complete")) is None


def test_stores_come_without_their_credentials():
    spec = {"stores": [{"prefix": "s3://", "endpoint": "http://s3", "pathStyle": True, "secretRef": {"name": "keys"}}]}
    (store,) = stores_of(body(spec=spec))
    assert (store.endpoint, store.path_style, store.secret) == ("http://s3", True, "")


def test_the_table_cuts_long_messages_to_one_line():
    shown = run_row(body(phase="Failed", message="a\nb" + "c" * 200), NOW)[-1]
    assert shown.startswith("a bccc")
    assert shown.endswith("…")
    assert len(shown) == 80


def test_a_pool_has_its_sizes():
    pool = body("WorkerPool", {"min": 1, "max": 4}, phase="Ready", workers=2, active=3)
    assert pool_row(pool, NOW) == ["gpool/wc", "Ready", "2", "1", "4", "3", "90s", ""]


@pytest.mark.parametrize(("minutes", "text"), [(0, "0s"), (1, "60s"), (30, "30m"), (300, "5h"), (5000, "3d")])
def test_ages_are_short(minutes, text):
    now = datetime.fromtimestamp(datetime.fromisoformat(MADE).timestamp() + 60 * minutes, UTC)
    assert age_text(body(), now) == text


def test_why_says_what_it_waits_for():
    waiting = body(phase="Pending", message="0/2 nodes have 64 cpu; ask for less")
    assert why_text(waiting).startswith("mrj/wc waits for its pods (for ")
    assert why_text(waiting).endswith("): 0/2 nodes have 64 cpu; ask for less")


def test_why_says_what_it_died_of_and_the_last_failures():
    entry = {"task": "wc/map/in#3", "cause": "oom", "message": "used 2 GiB", "action": "run again with 2x memory"}
    dead = failed("TaskFailed", "wc/map/in#3 failed 4 times: used 2 GiB")
    dead["status"]["ledger"] = [entry] * 5
    dead["status"]["warnings"] = ["the map is not deterministic"]
    lines = why_text(dead).splitlines()
    assert "mrj/wc has failed (after " in lines[0]
    assert lines[0].endswith("wc/map/in#3 failed 4 times: used 2 GiB")
    assert lines[1] == "The last of 5 failures:"
    assert lines[2] == "  wc/map/in#3: oom: used 2 GiB (run again with 2x memory)"
    assert lines[-1] == "  warning: the map is not deterministic"


def test_the_outcome_says_tasks_pods_places_and_outputs():
    output = {"job": "wc", "uri": "s3://o/", "rows": 7, "bytes": 70}
    times = {"startTime": MADE, "completionTime": "2026-01-01T12:00:02Z"}
    progress, locality = {"maps": "12/12", "reduces": "4/4"}, {"local": 10, "zone": 2, "remote": 0}
    done = body(
        phase="Complete", progress=progress, locality=locality, workersStarted=2, leads=2, outputs=[output], **times
    )
    assert outcome_text(done).splitlines() == [
        "mrj/wc: 16 tasks in 2.00 s, 2 worker pods, 2 leads, maps 10 local, 2 zone",
        "  7 rows, 70 B: s3://o/",
    ]
