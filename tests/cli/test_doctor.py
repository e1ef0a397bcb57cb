"""What the doctor finds, on a real API server whose objects tests put there; nothing runs behind them."""

import uuid
from contextlib import suppress
from dataclasses import replace

import pytest
import yaml
from api_server import Refused

from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.place import Cluster
from gristmill.version import __version__
from gristmill_cli.commands.doctor import line_of
from gristmill_cli.health.findings import examine, fail
from gristmill_cli.health.installation import check_definitions, check_operator, check_server
from gristmill_cli.health.namespace import check_dns, check_pods, check_policies, check_pools, check_rights

OPERATOR = {"app.kubernetes.io/name": "gristmill", "app.kubernetes.io/component": "operator"}
WORKER = {"app.kubernetes.io/name": "gristmill", "app.kubernetes.io/component": "worker"}


@pytest.fixture
def space(api):
    """A namespace of its own."""
    name = f"d-{uuid.uuid4().hex[:8]}"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    api.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    return name


@pytest.fixture
def connection(api, space):
    return connect(Cluster(kubeconfig=str(api.kubeconfig), namespace=space))


@pytest.fixture
def deploy(api, space):
    """An operator's Deployment as the chart makes it; gone after the test."""
    path = f"/apis/apps/v1/namespaces/{space}/deployments"

    def make(ready=1, version=__version__, **variables):
        container = {
            "name": "operator",
            "image": "x",
            "env": [{"name": name, "value": value} for name, value in variables.items()],
        }
        template = {"metadata": {"labels": OPERATOR}, "spec": {"containers": [container]}}
        api.call("POST", path, {
            "metadata": {"name": "gristmill-operator", "labels": OPERATOR | {"app.kubernetes.io/version": version}},
            "spec": {"selector": {"matchLabels": OPERATOR}, "template": template},
        })  # fmt: skip
        if ready:
            status = {"status": {"replicas": ready, "readyReplicas": ready}}
            api.call("PATCH", f"{path}/gristmill-operator/status", status, (), "application/merge-patch+json")

    yield make
    with suppress(Refused):  # tests that made none
        api.call("DELETE", f"{path}/gristmill-operator")


@pytest.fixture
def pod(api, space):
    def make(name, labels, status):
        path = f"/api/v1/namespaces/{space}/pods"
        spec = {"containers": [{"name": "c", "image": "x"}], "automountServiceAccountToken": False}
        api.call("POST", path, {"metadata": {"name": name, "labels": labels}, "spec": spec})
        api.call("PATCH", f"{path}/{name}/status", {"status": status}, (), "application/merge-patch+json")

    return make


def said(findings):
    return [(finding.verdict, finding.found) for finding in findings]


def test_a_new_server_with_the_projects_own_definitions_is_well(connection):
    assert {finding.verdict for finding in [*check_server(connection), *check_definitions(connection)]} == {"ok"}


def test_definitions_that_lack_a_field_are_older_than_the_command(connection, monkeypatch):
    monkeypatch.setattr("gristmill_cli.health.installation._defined_fields", lambda definition: {"input", "map"})
    findings = list(check_definitions(connection))
    assert all(finding.verdict == "fail" and "older" in finding.found for finding in findings)
    assert "reduce" in findings[0].found
    assert "helm upgrade" in findings[0].remedy


def test_no_operator_at_all(connection):
    assert said(check_operator(connection)) == [("fail", "there is none in the cluster")]


def test_an_operator_that_is_ready_and_fits(connection, deploy):
    deploy(DEFAULT_SCRATCH="s3://tmp/")
    assert [finding.verdict for finding in check_operator(connection)] == ["ok", "ok", "ok"]


def test_no_default_scratch_is_a_warning(connection, deploy):
    deploy()
    assert list(check_operator(connection))[-1].verdict == "warn"


@pytest.mark.parametrize(
    ("version", "verdict"), [("0.2.9", "ok"), ("0.0.1", "ok"), ("0.3.0", "fail"), ("1.1.0", "fail")]
)
def test_one_minor_version_apart_fits_two_do_not(connection, deploy, monkeypatch, version, verdict):
    monkeypatch.setattr("gristmill_cli.health.installation.__version__", "0.1.5")
    deploy(version=version)
    (found,) = [finding for finding in check_operator(connection) if finding.subject.startswith("version")]
    assert found.verdict == verdict
    assert version in found.found


def test_an_operator_that_is_not_ready_says_why(connection, deploy, pod):
    deploy(ready=0)
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}
    pod("op", OPERATOR, {"containerStatuses": [
        {"name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    ]})  # fmt: skip
    found = next(iter(check_operator(connection)))
    assert found.verdict == "fail"
    assert "ImagePullBackOff: Back-off pulling" in found.found


def test_an_operator_that_looks_elsewhere(connection, deploy):
    deploy(WATCH_NAMESPACES="analytics, nightly")
    (found,) = check_operator(connection)
    assert found.verdict == "fail"
    assert "analytics, nightly" in found.found


def test_rights_of_an_administrator_and_of_nobody(api, connection, space):
    assert [finding.verdict for finding in check_rights(connection)] == ["ok"]
    findings = list(check_rights(as_account(api, connection, space)))
    assert [finding.verdict for finding in findings] == ["fail", "fail", "fail", "warn", "warn", "warn"]
    assert "you may not create pods/portforward" in findings[4].found


def test_what_may_not_be_looked_at_is_not_checked_and_the_rest_is(api, connection, space):
    nobody = as_account(api, connection, space)
    findings = list(examine(nobody, [("operator", check_operator), ("cluster", check_server)]))
    assert [finding.verdict for finding in findings] == ["warn", "ok"]
    assert "not checked" in findings[0].found


def test_pods_that_are_stuck_are_named_with_the_reason(connection, pod):
    assert said(check_pods(connection)) == [("ok", "0 of pools here, none stuck")]
    pod("full", WORKER, {"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: cpu"}
    ]})  # fmt: skip
    assert said(check_pods(connection)) == [("fail", "pod full: Unschedulable: 0/2 nodes: cpu")]


def test_pools_without_operator_and_at_rest(api, connection, space):
    path = f"/apis/gristmill.dev/v1alpha1/namespaces/{space}/workerpools"
    form = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "WorkerPool", "metadata": {"name": "warm"}}
    api.call("POST", path, form | {"spec": {"min": 0, "max": 2}})
    assert said(check_pools(connection)) == [("fail", "the operator has not seen it")]
    status = {"status": {"phase": "Idle", "workers": 0}}
    api.call("PATCH", f"{path}/warm/status", status, (), "application/merge-patch+json")
    assert said(check_pools(connection)) == [("ok", "scaled to zero")]


def test_names_and_policies_that_nobody_serves(connection):
    assert [finding.verdict for finding in [*check_dns(connection), *check_policies(connection)]] == ["warn", "warn"]


def test_a_network_plugin_that_enforces_policies_is_known_by_name(api, connection, space):
    labels = {"app": "n"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    path = f"/apis/apps/v1/namespaces/{space}/daemonsets"
    spec = {"selector": {"matchLabels": labels}, "template": template}
    api.call("POST", path, {"metadata": {"name": "calico-node"}, "spec": spec})
    assert said(check_policies(connection)) == [("ok", "calico can enforce them")]
    api.call("DELETE", f"{path}/calico-node")


def test_a_finding_is_a_line_with_its_remedy_below():
    shown = line_of(fail("operator", "is not ready", "Look at its log.")).plain
    assert shown == "fail  operator: is not ready\n      Look at its log."


def test_the_command_ends_with_1_where_something_will_not_work(gristmill, api):
    done = gristmill("doctor", KUBECONFIG=str(api.kubeconfig))
    assert done.returncode == 1
    assert "fail  operator: there is none in the cluster" in done.stdout
    assert done.stderr == ""


def as_account(api, connection, space):
    """The same server, as a service account that nobody gave any right."""
    path = f"/api/v1/namespaces/{space}/serviceaccounts/default/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = api.call("POST", path, request)["status"]["token"]
    form = yaml.safe_load(api.kubeconfig.read_text())
    form["users"][0]["user"] = {"token": token}
    file = api.kubeconfig.with_name(f"{space}.yaml")
    file.write_text(yaml.safe_dump(form))
    return replace(connect(Cluster(kubeconfig=str(file))), namespace=space)
