"""The demo S3 server and `helm test`: stores, Secrets and a job that manifests would take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gristmill.plan.manifest import load_manifest
from tests.support.helm_chart import NAMESPACED, Helm, one

DEMO = {"demoS3": {"enabled": True, "namespaces": ["team-a"]}}


def test_the_demo_server_is_the_store_of_jobs_that_name_none(helm: Helm) -> None:
    env = environment(helm.render(DEMO))
    (store,) = json.loads(env["DEFAULT_STORES"])
    assert store["endpoint"] == "http://gristmill-demo-s3.mill.svc:9000"
    assert store["secretRef"] == {"name": "gristmill-demo-s3"}
    assert env["DEFAULT_SCRATCH"] == "s3://demo/scratch/"


def test_own_stores_come_before_the_demo_server(helm: Helm) -> None:
    env = environment(helm.render({**DEMO, "stores": [{"prefix": "s3://mine/"}], "scratch": "s3://mine/tmp/"}))
    assert [store["prefix"] for store in json.loads(env["DEFAULT_STORES"])] == ["s3://mine/", "s3://"]
    assert env["DEFAULT_SCRATCH"] == "s3://mine/tmp/"


def test_every_namespace_of_the_demo_gets_the_same_keys(helm: Helm) -> None:
    secrets = [
        found for found in helm.render(DEMO) if found["metadata"]["name"] == "gristmill-demo-s3" and "data" in found
    ]
    found = {secret["metadata"]["namespace"]: secret["data"] for secret in secrets if secret["kind"] == "Secret"}
    assert set(found) == {"mill", "team-a"}
    assert found["mill"] == found["team-a"]
    assert set(found["mill"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_the_demo_server_has_no_token_of_the_cluster(helm: Helm) -> None:
    pod = one(helm.render(DEMO), "Deployment", "gristmill-demo-s3")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("values", "reads", "writes"),
    [
        ({}, None, None),
        (DEMO, "s3://demo/books/*.txt", "s3://demo/helm-test/"),
        ({"test": {"input": "s3://a/*.txt", "output": "s3://a/out/"}}, "s3://a/*.txt", "s3://a/out/"),
    ],
    ids=["without a store", "with the demo server", "with a store of one's own"],
)
def test_the_job_of_helm_test_is_valid(
    helm: Helm, values: dict[str, Any], reads: str | None, writes: str | None
) -> None:
    job = json.loads(one(helm.render(values), "ConfigMap", "gristmill-test")["data"]["job.json"])
    load_manifest(json.dumps(job), "job.json")
    assert [source["uri"] for source in job["spec"].get("input", [])] == ([reads] if reads else [])
    assert job["spec"].get("output", {}).get("uri") == writes


def test_helm_test_runs_where_jobs_are_watched(helm: Helm) -> None:
    objects = helm.render(NAMESPACED)
    job = json.loads(one(objects, "ConfigMap", "gristmill-test")["data"]["job.json"])
    assert job["metadata"]["namespace"] == "team-a"
    assert one(objects, "Pod", "gristmill-test")["metadata"]["namespace"] == "team-a"


def test_whatever_helm_test_makes_goes_when_it_ends(helm: Helm) -> None:
    hooks = [found for found in helm.render() if found["metadata"]["name"] == "gristmill-test"]
    assert {found["kind"] for found in hooks} == {"ServiceAccount", "ConfigMap", "Role", "RoleBinding", "Pod"}
    for found in hooks:
        annotations = found["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded,hook-failed"


def environment(objects: list[dict[str, Any]]) -> dict[str, str]:
    pod = one(objects, "Deployment", "gristmill-operator")["spec"]["template"]["spec"]
    return {entry["name"]: entry.get("value", "") for entry in pod["containers"][0]["env"]}


@pytest.mark.parametrize(
    ("values", "told"), [({}, "false"), (DEMO, "true"), ({"scratch": "s3://tmp/"}, "true")], ids=["none", "demo", "own"]
)
def test_the_test_pod_knows_whether_there_is_a_store(helm: Helm, values: dict[str, Any], told: str) -> None:
    (container,) = one(helm.render(values), "Pod", "gristmill-test")["spec"]["containers"]
    assert {"name": "HAS_STORE", "value": told} in container["env"]
