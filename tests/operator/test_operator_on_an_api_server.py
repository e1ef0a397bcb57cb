"""A whole operator against a real API server: objects it makes, leads it talks to, status it writes, its own death."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from operator_api import Cluster, Namespace, Operated, TestLead, eventually, new_authority, operating, sent_resource
from operator_api import settings as settings_for
from operator_values import SPEC

from gristmill.wire.reports import JobReport, OutputPointer, PoolNeed, RunPhase, RunReport, TaskCounts

JOB = "MapReduceJob"


@pytest.fixture
def operator(api: Cluster, namespace: Namespace, authority: tuple[Path, Path]) -> Iterator[Operated]:
    with operating(settings_for(namespace.name, authority), api.kubeconfig) as running:
        yield running


def lead_of(namespace: Namespace, uid: str, operator: Operated, base: str = "mrj-wc", **more: Any) -> TestLead:
    """The lead of a pool whose pod the operator has made."""
    pod = eventually(lambda: next((name for name in namespace.pods() if name.startswith(f"{base}-lead-")), None))
    namespace.pod_runs(pod)
    return TestLead(uid, pod, operator.operator.lead_port, namespace.credentials(base), **more)


def test_a_job_runs_from_its_resource_to_its_end(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator)
    request = eventually(lambda: lead.got("run"))[0]
    assert (request.uid, request.kind) == (uid, JOB)
    assert sent_resource(request)["spec"]["output"]["uri"] == "s3://out/"
    lead.reports(uid, RunReport(RunPhase.RUNNING, run="r1", maps=TaskCounts(40, 12), plan="40 splits"))
    eventually(lambda: namespace.status("wc").get("phase") == "Running")
    assert namespace.status("wc")["progress"]["maps"] == "12/40"
    pointer = OutputPointer("wc", "", "s3://out/", 1, 4000, 90000)
    lead.reports(uid, RunReport(RunPhase.COMPLETE, run="r1", outputs=(pointer,), result=pointer))
    eventually(lambda: namespace.status("wc").get("phase") == "Complete")
    eventually(lambda: namespace.pods() == {})
    assert namespace.status("wc")["result"]["uri"] == "s3://out/"
    eventually(lambda: {"Running", "Complete"} <= set(namespace.events()))
    lead.end()


def test_objects_of_a_pool_belong_to_its_resource(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    eventually(namespace.pods)
    service = namespace.cluster.core.read_namespaced_service("mrj-wc", namespace.name)
    secret = namespace.cluster.core.read_namespaced_secret("mrj-wc-tls", namespace.name)
    for made in (service, secret):
        assert made.metadata.owner_references[0].uid == uid
    assert set(secret.data) == {"ca.crt", "tls.crt", "tls.key", "token"}


def test_nothing_but_the_pools_own_certificate_is_let_in(
    namespace: Namespace, operator: Operated, tmp_path: Path
) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    other = namespace.apply(JOB, "other", SPEC)
    lead_of(namespace, other, operator, "mrj-other").end()
    port = operator.operator.lead_port
    theirs = namespace.credentials("mrj-other")
    assert TestLead(uid, "p", port, theirs).refusal() is grpc.StatusCode.PERMISSION_DENIED
    assert TestLead(uid, "p", port, {"ca.crt": theirs["ca.crt"]}).refusal() is grpc.StatusCode.UNAVAILABLE
    foreign = new_authority(tmp_path)
    forged = {**theirs, "tls.crt": foreign[0].read_bytes(), "tls.key": foreign[1].read_bytes()}
    assert TestLead(other, "p", port, forged).refusal() is grpc.StatusCode.UNAVAILABLE


def test_a_lead_two_versions_away_is_refused_clearly(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator, version="9.9.0")
    assert lead.refusal() is grpc.StatusCode.FAILED_PRECONDITION
    assert lead.error is not None
    assert "9.9.0" in str(lead.error.details())


def test_workers_come_as_needed_and_the_lead_hears_of_them(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: lead.got("run"))
    lead.reports(uid, RunReport(RunPhase.RUNNING))
    lead.needs(PoolNeed(slots=3, maps=3))
    eventually(lambda: {"mrj-wc-w-0", "mrj-wc-w-1"} <= set(namespace.pods()))
    namespace.pod_runs("mrj-wc-w-0")
    eventually(lambda: [news for news in lead.got("pod") if (news.pod, news.state) == ("mrj-wc-w-0", "running")])
    namespace.cluster.core.delete_namespaced_pod("mrj-wc-w-0", namespace.name)
    eventually(lambda: [news for news in lead.got("pod") if (news.pod, news.state) == ("mrj-wc-w-0", "deleted")])
    eventually(lambda: "mrj-wc-w-2" in namespace.pods())
    lead.end()


def test_an_operator_that_is_killed_and_comes_again_harms_nothing(
    api: Cluster, namespace: Namespace, authority: tuple[Path, Path]
) -> None:
    with operating(settings_for(namespace.name, authority, "op-1"), api.kubeconfig) as first:
        uid = namespace.apply(JOB, "wc", SPEC)
        lead = lead_of(namespace, uid, first)
        eventually(lambda: lead.got("run"))
        lead.reports(uid, RunReport(RunPhase.RUNNING, rows=5))
        eventually(lambda: namespace.status("wc").get("phase") == "Running")
        before = {name: pod["metadata"]["uid"] for name, pod in namespace.pods().items()}
    lead.end()
    with operating(settings_for(namespace.name, authority, "op-2"), api.kubeconfig) as second:
        again = TestLead(uid, lead.pod, second.operator.lead_port, lead.files, runs=(uid,))
        eventually(lambda: again.got("welcome"))
        again.reports(uid, RunReport(RunPhase.COMPLETE, rows=9))
        eventually(lambda: namespace.status("wc").get("phase") == "Complete")
        assert again.got("run") == []
        assert {name: pod["metadata"]["uid"] for name, pod in namespace.pods().items()} in (before, {})
        assert namespace.status("wc")["leads"] == 1
        again.end()


def test_a_lead_pod_that_is_lost_is_replaced_and_the_run_goes_on(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: lead.got("run"))
    lead.end()
    namespace.pod_status(lead.pod, {"phase": "Failed", "reason": "Evicted"})
    eventually(lambda: "mrj-wc-lead-1" in namespace.pods())
    eventually(lambda: "mrj-wc-lead-0" not in namespace.pods())
    second = lead_of(namespace, uid, operator)
    assert second.pod == "mrj-wc-lead-1"
    assert eventually(lambda: second.got("run"))[0].uid == uid
    second.end()


def test_a_missing_config_map_is_told_and_waited_for(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", {**SPEC, "code": {"configMap": "wc-code"}})
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: "wc-code" in namespace.condition("wc", "PodsReady").get("message", ""))
    assert namespace.condition("wc", "PodsReady")["reason"] == "ConfigMapMissing"
    body = {"metadata": {"name": "wc-code"}, "data": {"m.py": "def f(k, v): ..."}}
    namespace.cluster.core.create_namespaced_config_map(namespace.name, body)
    request = eventually(lambda: lead.got("run"))[0]
    assert dict(request.code) == {"m.py": b"def f(k, v): ..."}
    lead.end()


def test_pods_that_the_api_server_refuses_are_a_condition(namespace: Namespace, operator: Operated) -> None:
    namespace.apply(JOB, "wc", {**SPEC, "pod": {"serviceAccountName": "nobody"}})
    eventually(lambda: namespace.condition("wc", "PodsReady").get("reason") == "ServiceAccountMissing")
    assert "serviceAccountName" in namespace.status("wc")["message"]
    eventually(lambda: "ServiceAccountMissing" in namespace.events())


def test_a_cancelled_job_says_so_and_has_no_pods(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: lead.got("run"))
    lead.reports(uid, RunReport(RunPhase.RUNNING))
    eventually(lambda: namespace.status("wc").get("phase") == "Running")
    namespace.change(JOB, "wc", {"cancel": True})
    assert eventually(lambda: lead.got("cancel"))[0].uid == uid
    lead.reports(uid, RunReport(RunPhase.CANCELLED))
    eventually(lambda: namespace.status("wc").get("phase") == "Cancelled")
    eventually(lambda: namespace.pods() == {})
    lead.end()


def test_suspended_jobs_give_up_their_pods_and_start_again(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", {**SPEC, "suspend": True})
    eventually(lambda: namespace.status("wc").get("phase") == "Suspended")
    assert namespace.pods() == {}
    namespace.change(JOB, "wc", {"suspend": False})
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: lead.got("run"))
    namespace.change(JOB, "wc", {"suspend": True})
    eventually(lambda: namespace.pods() == {})
    assert eventually(lambda: lead.got("end"))
    lead.end()


def test_a_resource_whose_time_is_over_is_deleted(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply(JOB, "wc", {**SPEC, "ttlSecondsAfterFinished": 0})
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: lead.got("run"))
    lead.reports(uid, RunReport(RunPhase.FAILED, message="no such bucket"))
    eventually(lambda: namespace.resource(JOB, "wc") is None)
    lead.end()


def test_a_query_shows_its_jobs_as_mirrors_that_never_run(namespace: Namespace, operator: Operated) -> None:
    uid = namespace.apply("SQLQuery", "q", {"sql": "SELECT 1"})
    lead = lead_of(namespace, uid, operator, "gsql-q")
    eventually(lambda: lead.got("run"))
    manifest = '{"spec": {"reduce": {"sql": "SELECT 1"}}}'
    job = JobReport("j0", RunPhase.RUNNING, TaskCounts(2, 1), manifest=manifest)
    lead.reports(uid, RunReport(RunPhase.RUNNING, jobs=(job,)))
    eventually(lambda: namespace.status("q-j0").get("phase") == "Running")
    mirror = namespace.resource(JOB, "q-j0")
    assert mirror is not None
    assert mirror["spec"]["managedBy"] == "gristmill.dev/query"
    assert mirror["metadata"]["ownerReferences"][0]["uid"] == uid
    assert list(namespace.pods()) == ["gsql-q-lead-0"]
    done = JobReport("j0", RunPhase.COMPLETE, TaskCounts(2, 2))
    lead.reports(uid, RunReport(RunPhase.COMPLETE, jobs=(done,)))
    eventually(lambda: namespace.status("q-j0").get("phase") == "Complete")
    lead.end()


def test_jobs_share_a_warm_pool_that_goes_to_zero(namespace: Namespace, operator: Operated) -> None:
    pool_uid = namespace.apply("WorkerPool", "nightly", {"max": 2, "idle": "1s"})
    uids = [namespace.apply(JOB, name, {**SPEC, "pool": "nightly"}) for name in ("one", "two")]
    lead = lead_of(namespace, pool_uid, operator, "gpool-nightly")
    eventually(lambda: {request.uid for request in lead.got("run")} == set(uids))
    lead.needs(PoolNeed(slots=2, active_runs=2))
    for uid in uids:
        lead.reports(uid, RunReport(RunPhase.COMPLETE))
    for name in ("one", "two"):
        eventually(lambda name=name: namespace.status(name).get("phase") == "Complete")
    lead.needs(PoolNeed(active_runs=0))
    eventually(lambda: namespace.pods() == {})
    eventually(lambda: namespace.status("nightly", "WorkerPool").get("phase") == "Idle")
    lead.end()


def test_a_job_that_reads_another_waits_for_it_and_learns_where_its_rows_lie(
    namespace: Namespace, operator: Operated
) -> None:
    after = namespace.apply(JOB, "after", {**SPEC, "input": [{"name": "i", "fromJob": "wc"}]})
    eventually(lambda: "does not exist" in namespace.status("after").get("message", ""))
    uid = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, uid, operator)
    eventually(lambda: "waits for job wc" in namespace.status("after").get("message", ""))
    pointer = OutputPointer("wc", "", "s3://out/", 1, 1, 1)
    eventually(lambda: lead.got("run"))
    lead.reports(uid, RunReport(RunPhase.COMPLETE, outputs=(pointer,), result=pointer))
    second = lead_of(namespace, after, operator, "mrj-after")
    request = eventually(lambda: second.got("run"))[0]
    assert sent_resource(request)["metadata"]["annotations"] == {"gristmill.dev/upstream-wc": "s3://out/"}
    lead.end()
    second.end()


def test_a_job_made_anew_under_the_same_name_is_another_job(namespace: Namespace, operator: Operated) -> None:
    first = namespace.apply(JOB, "wc", SPEC)
    lead = lead_of(namespace, first, operator)
    eventually(lambda: lead.got("run"))
    namespace.remove(JOB, "wc")
    namespace.cluster.core.delete_namespaced_pod(lead.pod, namespace.name)  # as the garbage collector would
    second = namespace.apply(JOB, "wc", SPEC)
    again = lead_of(namespace, second, operator)
    assert eventually(lambda: again.got("run"))[0].uid == second
    lead.end()
    again.end()


def test_health_and_metrics_are_served(operator: Operated, namespace: Namespace) -> None:
    namespace.apply(JOB, "wc", SPEC)
    eventually(namespace.pods)
    base = f"http://127.0.0.1:{operator.operator.http_port}"
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(base + path, timeout=5) as answer:
            assert answer.read() == b"ok\n"
    with urllib.request.urlopen(f"{base}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    assert 'gristmill_pods_created_total{role="lead"} 1.0' in text
    assert "gristmill_reconcile_seconds_bucket" in text


def test_a_second_operator_waits_for_the_first(
    api: Cluster, namespace: Namespace, authority: tuple[Path, Path], operator: Operated
) -> None:
    import threading

    started = threading.Event()

    def second() -> None:
        with operating(settings_for(namespace.name, authority, "op-9"), api.kubeconfig):
            started.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not started.wait(2)
    operator.end()
    assert started.wait(10)
    thread.join(20)
