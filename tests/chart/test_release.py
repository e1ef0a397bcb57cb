"""Releases on a real API server: what stays over an upgrade, what an uninstall leaves, what accounts may do.

There are no nodes: objects are made and judged, nothing runs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.harness.api_only import running_api
from tests.cluster.harness.binaries import CannotRun, program
from tests.cluster.harness.client import Client, wait_for
from tests.support.helm_chart import CHART, EVERYTHING, VALUE_SETS

KINDS = (
    "deployments,pods,services,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,leases,jobs,"
    "clusterroles,clusterrolebindings,customresourcedefinitions,mapreducejobs,sqlqueries,workerpools"
)


@pytest.fixture(scope="module")
def api() -> Iterator[Client]:
    """An administrator of an API server that has the namespaces of the value sets."""
    try:
        for name in ("helm", "kubectl", "kube-apiserver"):
            program(name)
    except CannotRun as missing:
        pytest.skip(str(missing))
    with tempfile.TemporaryDirectory() as folder, running_api(Path(folder)) as kubeconfig:
        client = Client(kubeconfig, "mill")
        for name in ("mill", "team-a", "team-b"):
            client.kubectl("create", "namespace", name)
        yield client


@pytest.fixture
def release(api: Client) -> Iterator[Client]:
    """The same, with everything of a release gone after the test."""
    yield api
    if "gristmill" in api.helm("list", "--all", "--short"):
        api.helm("uninstall", "gristmill")
    delete_definitions(api)


def delete_definitions(client: Client) -> None:
    """End the definitions now: the API server's own cleaning of their objects may take it minutes on a busy machine."""
    ours = [
        definition["metadata"]["name"] for definition in client.items("crds", "-l", "app.kubernetes.io/name=gristmill")
    ]
    for name in ours:
        for object_ in client.items(name, "--all-namespaces"):
            client.within(object_["metadata"]["namespace"]).kubectl("delete", name, object_["metadata"]["name"])
        client.kubectl("delete", "crd", name, "--wait=false")
        without = '{"metadata": {"finalizers": null}}'
        client.kubectl("patch", "crd", name, "--type=merge", "--patch", without, check=False)  # it may be gone by now
    wait_for(lambda: not [name for name in ours if client.get("crd", name)], 120, "definitions that are gone")


def install(client: Client, values: dict[str, Any] | None = None) -> str:
    """Install the chart, or upgrade to these values; the notes."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(values or {}))
        file.flush()
        return client.helm("upgrade", "--install", "gristmill", str(CHART), "--values", file.name)


def names(client: Client) -> set[str]:
    """Every object of the project in the cluster, as kind/name."""
    found = client.items(KINDS, "--all-namespaces")
    return {f"{o['kind']}/{o['metadata']['name']}" for o in found if "gristmill" in o["metadata"]["name"]}


def secret(client: Client, name: str) -> dict[str, str]:
    return dict(client.get("secret", name)["data"])


@pytest.mark.parametrize("name", [name for name in VALUE_SETS if name not in ("everything", "namespaced")])
def test_the_api_server_takes_what_is_rendered(release: Client, name: str) -> None:
    assert "STATUS: deployed" in install(release, VALUE_SETS[name])


def test_the_api_server_takes_every_value(release: Client) -> None:
    monitored_elsewhere = {**EVERYTHING, "metrics": {"serviceMonitor": {"enabled": False}}}
    assert "STATUS: deployed" in install(release, monitored_elsewhere)


def test_an_installation_for_some_namespaces_wants_the_definitions_only(release: Client) -> None:
    install(release)
    release.helm("uninstall", "gristmill")
    assert "team-a, team-b" in install(release, VALUE_SETS["namespaced"])
    assert "ClusterRole/gristmill-operator" not in names(release)


def test_keys_stay_over_an_upgrade(release: Client) -> None:
    values = {"demoS3": {"enabled": True}}
    install(release, values)
    before = [secret(release, name) for name in ("gristmill-ca", "gristmill-demo-s3")]
    install(release, {**values, "operator": {"logLevel": "DEBUG"}})
    assert [secret(release, name) for name in ("gristmill-ca", "gristmill-demo-s3")] == before


def test_an_upgrade_brings_new_fields_of_the_definitions(release: Client, tmp_path: Path) -> None:
    old = Path(shutil.copytree(CHART, tmp_path / "old"))
    file = old / "files" / "crds" / "mapreducejobs.yaml"
    definition = yaml.safe_load(file.read_text())
    del status_fields(definition)["ledger"]
    file.write_text(yaml.safe_dump(definition))
    release.helm("install", "gristmill", str(old))
    assert "ledger" not in status_fields(release.get("crd", "mapreducejobs.gristmill.dev"))
    install(release)
    assert "ledger" in status_fields(release.get("crd", "mapreducejobs.gristmill.dev"))


def status_fields(definition: dict[str, Any]) -> dict[str, Any]:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields: dict[str, Any] = schema["properties"]["status"]["properties"]
    return fields


def test_uninstall_leaves_the_definitions_and_the_jobs_and_nothing_else(release: Client) -> None:
    install(release, {"demoS3": {"enabled": True, "namespaces": ["team-a"]}})
    spec = {"reduce": {"sql": "SELECT 42 AS answer"}}
    job = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {"name": "gristmill-job"}}
    release.apply({**job, "spec": spec})
    release.helm("uninstall", "gristmill")
    plurals = ("mapreducejobs", "sqlqueries", "workerpools")
    definitions = {f"CustomResourceDefinition/{plural}.gristmill.dev" for plural in plurals}
    assert names(release) == definitions | {"MapReduceJob/gristmill-job"}


def test_definitions_that_were_left_are_taken_again(release: Client) -> None:
    install(release)
    release.helm("uninstall", "gristmill")
    assert "STATUS: deployed" in install(release)


def test_definitions_of_another_release_can_be_taken_over(release: Client) -> None:
    install(release)
    release.helm("uninstall", "gristmill")
    chart = str(CHART)
    with pytest.raises(RuntimeError, match="invalid ownership metadata"):
        release.within("team-a").helm("install", "mill", chart)
    release.within("team-a").helm("upgrade", "--install", "mill", chart, "--take-ownership")
    release.within("team-a").helm("uninstall", "mill")


@pytest.mark.parametrize(
    ("verb", "resource", "everywhere", "where_watched"),
    [
        ("create", "secrets", True, True),
        ("get", "secrets", False, False),
        ("list", "secrets", False, False),
        ("patch", "secrets", False, False),
        ("create", "pods", True, True),
        ("create", "pods/exec", False, False),
        ("get", "configmaps", True, True),
        ("list", "configmaps", False, False),
        ("patch", "sqlqueries.gristmill.dev/status", True, True),
        ("patch", "sqlqueries.gristmill.dev", False, False),
        ("list", "nodes", True, False),
        ("create", "rolebindings.rbac.authorization.k8s.io", False, False),
    ],
)
def test_the_authorizer_lets_the_operator_do_this(
    installed_twice: Client, verb: str, resource: str, everywhere: bool, where_watched: bool
) -> None:
    assert may(installed_twice, "gristmill", verb, resource, "default") == everywhere
    assert may(installed_twice, "narrow", verb, resource, "team-a") == where_watched
    assert not may(installed_twice, "narrow", verb, resource, "default")


def test_the_lease_is_the_only_thing_that_may_change_beside_the_operator(installed_twice: Client) -> None:
    assert may(installed_twice, "narrow", "update", "leases.coordination.k8s.io", "narrow")
    assert not may(installed_twice, "narrow", "create", "pods", "narrow")


@pytest.fixture(scope="module")
def installed_twice(api: Client) -> Iterator[Client]:
    """A release ``gristmill`` for all namespaces, and a release ``narrow``, in a namespace so called, for two."""
    install(api)
    narrow = ["--set", "watchNamespaces={team-a,team-b},crds.install=false,rbac.userRoles=false"]
    beside = api.within("narrow")
    beside.helm("install", "narrow", str(CHART), "--create-namespace", "--set", "fullnameOverride=narrow", *narrow)
    yield api
    beside.helm("uninstall", "narrow")
    api.helm("uninstall", "gristmill")


def may(client: Client, release: str, verb: str, resource: str, namespace: str) -> bool:
    """Whether the operator of a release may do this, as the API server's authorizer says."""
    home = "narrow" if release == "narrow" else "mill"
    name, _, subresource = resource.partition("/")
    argv = ["auth", "can-i", verb, name, "--as", f"system:serviceaccount:{home}:{release}-operator"]
    if subresource:
        argv += ["--subresource", subresource]
    flags = ["--kubeconfig", str(client.kubeconfig), "--namespace", namespace]
    done = subprocess.run([program("kubectl"), *flags, *argv], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout.strip() == "yes"
