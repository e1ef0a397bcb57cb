"""Manifests that the operator makes: what pods may do, what they are told, where they would rather run."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operator_api import new_authority
from operator_values import BASE, UID, job, resource, warm_pool

from gristmill_operator.actions import CreateChild, CreatePod, RecordEvent
from gristmill_operator.authority import PoolCredentials, load_authority
from gristmill_operator.model import Defaults, PoolSpec, Resource, parse_resource
from gristmill_operator.names import Kind, Role, base_name, child_name, label_value
from gristmill_operator.objects import (
    child_manifest,
    event_manifest,
    network_policy_manifest,
    run_resource,
    secret_manifest,
    service_manifest,
    store_ports,
)
from gristmill_operator.pods import executor_resources, pod_manifest, zone_of
from gristmill_operator.quantities import quantity
from gristmill_operator.settings import OperatorSettings, PodDefaults

SETTINGS = OperatorSettings(
    namespace="gristmill",
    identity="op-0",
    service_address="gristmill-operator.gristmill.svc:7070",
    pods=PodDefaults(image="worker:1"),
    zones={"s3://books/": "zone-a", "s3://": "zone-b"},
)


def pool_of(what: Resource) -> PoolSpec:
    assert what.pool is not None
    return what.pool


def made(what: Resource, role: Role = Role.LEAD, settings: OperatorSettings = SETTINGS, **more: Any) -> dict[str, Any]:
    name = f"{pool_of(what).base}-lead-0"
    return pod_manifest(CreatePod(pool_of(what), name, role, **more), settings, frozenset({"zone-a"}))


def environment(manifest: dict[str, Any], container: int = 0) -> dict[str, str]:
    return {one["name"]: one["value"] for one in manifest["spec"]["containers"][container]["env"] if "value" in one}


def test_pods_satisfy_the_restricted_standard_and_hold_no_token() -> None:
    spec = made(job())["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    kinds = {next(key for key in volume if key != "name") for volume in spec["volumes"]}
    assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim"}


def test_a_pod_has_an_agent_and_an_executor_beside_each_other() -> None:
    lead, worker = made(job()), made(job(), Role.MAPPER)
    assert [one["name"] for one in lead["spec"]["containers"]] == ["agent", "executor"]
    assert lead["spec"]["containers"][0]["command"][-1] == "gristmill_worker.lead"
    assert worker["spec"]["containers"][0]["command"][-1] == "gristmill_worker.agent"
    assert worker["spec"]["containers"][1]["command"][-1] == "gristmill_worker.executors"
    assert lead["spec"]["shareProcessNamespace"] is True
    assert lead["spec"]["restartPolicy"] == "Always"


def test_a_pod_belongs_to_its_resource_and_says_what_it_is_for() -> None:
    meta = made(job(), Role.REDUCER)["metadata"]
    owner = meta["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("MapReduceJob", "wc", UID, True)
    assert owner["blockOwnerDeletion"] is False
    labels = meta["labels"]
    assert labels["gristmill.dev/role"] == "reducer"
    assert labels["gristmill.dev/stage"] == "reduce"
    assert labels["gristmill.dev/job"] == "wc"
    assert labels["gristmill.dev/pool-uid"] == UID
    assert labels["app.kubernetes.io/managed-by"] == "gristmill-operator"


def test_the_environment_is_that_of_the_contract() -> None:
    told = environment(made(job()))
    assert told["GRISTMILL_POOL"] == BASE
    assert told["GRISTMILL_LEAD"] == f"{BASE}.ns.svc:7077"
    assert told["GRISTMILL_OPERATOR"] == "gristmill-operator.gristmill.svc:7070"
    assert told["GRISTMILL_EXECUTOR_MEMORY_BYTES"] == str(1 << 30)
    assert json.loads(told["GRISTMILL_ZONES"]) == SETTINGS.zones
    fields = {one["name"] for one in made(job())["spec"]["containers"][0]["env"] if "valueFrom" in one}
    assert fields == {"GRISTMILL_POD", "GRISTMILL_POD_IP", "GRISTMILL_NODE"}


def test_secrets_of_stores_are_read_only_files_and_never_environment() -> None:
    store = {"prefix": "s3://", "endpoint": "http://minio:9000", "secretRef": {"name": "keys"}}
    manifest = made(job(stores=[store]))
    volume = next(one for one in manifest["spec"]["volumes"] if one["name"] == "store-0")
    assert volume["secret"]["secretName"] == "keys"
    for container in manifest["spec"]["containers"]:
        mount = next(one for one in container["volumeMounts"] if one["name"] == "store-0")
        assert (mount["mountPath"], mount["readOnly"]) == ("/etc/gristmill/stores/keys", True)
    assert "keys" not in json.dumps([one["env"] for one in manifest["spec"]["containers"]])


def test_stores_of_the_operator_come_behind_those_of_the_resource() -> None:
    default = {"prefix": "s3://", "secretRef": {"name": "shared"}}
    own = {"prefix": "s3://mine/", "secretRef": {"name": "mine"}}
    what = parse_resource(dict(job(stores=[own]).raw), Defaults(stores=(default,), scratch="s3://scratch/"))
    manifest = made(what)
    told = environment(manifest)
    assert json.loads(told["GRISTMILL_STORES"]) == [own, default]
    assert told["GRISTMILL_SCRATCH"] == "s3://scratch/"
    optional = {one["secret"]["secretName"]: one["secret"]["optional"] for one in manifest["spec"]["volumes"][-2:]}
    assert optional == {"mine": False, "shared": True}


def test_a_private_pool_is_told_no_stores_where_the_operator_has_none() -> None:
    assert "GRISTMILL_STORES" not in environment(made(job(stores=[{"prefix": "s3://"}])))
    assert "GRISTMILL_STORES" in environment(made(warm_pool(stores=[{"prefix": "s3://"}])))


def test_claims_that_inputs_name_are_mounted_to_read_and_outputs_to_write() -> None:
    what = job(input=[{"name": "i", "uri": "pvc://data/in/*.txt", "format": "text"}], output={"uri": "pvc://out/x/"})
    mounts = {one["mountPath"]: one.get("readOnly") for one in made(what)["spec"]["containers"][1]["volumeMounts"]}
    assert mounts["/volumes/data"] is True
    assert mounts["/volumes/out"] is False


def test_the_first_pod_prefers_the_zone_of_its_inputs() -> None:
    terms = made(job())["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    expression = terms[0]["preference"]["matchExpressions"][0]
    assert (expression["key"], expression["values"]) == ("topology.kubernetes.io/zone", ["zone-a"])


def test_workers_prefer_places_by_the_bytes_that_lie_there() -> None:
    manifest = made(job(), Role.MAPPER, places=(("zone-a", 1000), ("node-7", 10)))
    terms = manifest["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    found = [(one["weight"], one["preference"]["matchExpressions"][0]["key"]) for one in terms]
    assert found == [(100, "topology.kubernetes.io/zone"), (1, "kubernetes.io/hostname")]


def test_pods_that_no_data_draws_are_better_apart() -> None:
    (apart,) = made(warm_pool())["spec"]["topologySpreadConstraints"]
    assert (apart["topologyKey"], apart["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert apart["labelSelector"] == {"matchLabels": {"gristmill.dev/pool-uid": UID}}
    assert "topologySpreadConstraints" not in made(job(), Role.MAPPER, places=(("zone-a", 1000),))["spec"]


@pytest.mark.parametrize(("uri", "zone"), [("s3://books/a", "zone-a"), ("s3://other/a", "zone-b"), ("gs://x", "")])
def test_the_longest_prefix_gives_the_zone(uri: str, zone: str) -> None:
    assert zone_of(uri, SETTINGS.zones) == zone


def test_what_a_resource_asks_of_its_pods_is_added_to_the_operators_own() -> None:
    pod = {
        "labels": {"team": "search", "gristmill.dev/role": "other"},
        "annotations": {"note": "x"},
        "nodeSelector": {"disk": "nvme"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "serviceAccountName": "reader",
        "priorityClassName": "batch",
        "imagePullSecrets": [{"name": "registry"}],
        "env": [{"name": "TZ", "value": "UTC"}],
        "cacheClaim": "blocks",
    }
    defaults = PodDefaults(image="worker:1", node_selector={"arch": "arm"}, pull_secrets=("shared",))
    manifest = made(job(pod=pod), settings=replace(SETTINGS, pods=defaults))
    spec = manifest["spec"]
    assert manifest["metadata"]["labels"]["team"] == "search"
    assert manifest["metadata"]["labels"]["gristmill.dev/role"] == "lead"
    assert manifest["metadata"]["annotations"]["note"] == "x"
    assert spec["nodeSelector"] == {"arch": "arm", "disk": "nvme"}
    assert spec["imagePullSecrets"] == [{"name": "shared"}, {"name": "registry"}]
    assert (spec["serviceAccountName"], spec["priorityClassName"]) == ("reader", "batch")
    assert spec["tolerations"][-1] == {"key": "spot", "operator": "Exists"}
    assert environment(manifest, 1)["TZ"] == "UTC"
    assert "TZ" not in environment(manifest, 0)
    cache = next(one for one in spec["volumes"] if one["name"] == "cache")
    assert cache["persistentVolumeClaim"] == {"claimName": "blocks"}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}),
        (
            {"limits": {"memory": "4Gi"}},
            {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
        ),
        (
            {"requests": {"cpu": "2", "memory": "2Gi"}},
            {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
        ),
    ],
)
def test_an_executor_always_has_a_memory_limit(asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert executor_resources(pool_of(job(resources=asked)), SETTINGS) == wanted


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("500m", 0.5), ("4Gi", 4 * 2.0**30), ("2e3", 2000.0), ("1k", 1000.0), ("x", None), (None, None)],
)
def test_quantities(text: object, number: float | None) -> None:
    assert quantity(text) == number


def test_names_are_cut_and_hashed_where_they_are_long() -> None:
    long = "a" * 80
    assert base_name(Kind.JOB, "wc") == "mrj-wc"
    assert len(base_name(Kind.QUERY, long)) == 50
    assert base_name(Kind.QUERY, long) != base_name(Kind.QUERY, long + "b")
    assert len(child_name("q", long)) == 63
    assert label_value("short") == "short"


def test_a_pools_token_stays_when_its_secret_is_made_again(tmp_path: Path) -> None:
    authority = load_authority(*map(str, new_authority(tmp_path)))
    first, again, other = authority.pool("u1"), authority.pool("u1"), authority.pool("u2")
    assert first.token == again.token != other.token
    assert len(first.token) > 40
    assert first.cert != again.cert


def test_the_secret_holds_certificates_and_token_and_goes_with_its_owner() -> None:
    manifest = secret_manifest(pool_of(job()), PoolCredentials(b"ca", b"cert", b"key", "token"))
    assert manifest["metadata"]["name"] == f"{BASE}-tls"
    assert base64.b64decode(manifest["data"]["token"]) == b"token"
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == UID


def test_the_service_finds_the_lead_before_it_is_ready() -> None:
    spec = service_manifest(pool_of(job()))["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["publishNotReadyAddresses"] is True
    assert spec["selector"] == {"gristmill.dev/pool-uid": UID, "app.kubernetes.io/component": "lead"}


def test_the_network_policy_lets_in_nobody_but_the_pool() -> None:
    what = job(stores=[{"prefix": "s3://", "endpoint": "http://minio:9000"}])
    spec = network_policy_manifest(pool_of(what), SETTINGS)["spec"]
    own = {"podSelector": {"matchLabels": {"gristmill.dev/pool-uid": UID}}}
    assert [one["from"] for one in spec["ingress"]] == [[own]]
    assert store_ports(pool_of(what)) == (80, 443, 9000)
    operator = spec["egress"][1]["to"][0]
    assert operator["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gristmill"}


def test_a_mirror_is_owned_by_its_query_and_managed_by_it() -> None:
    query = resource("SQLQuery", "q", UID, {"sql": "SELECT 1"})
    manifest = child_manifest(query, CreateChild("q-0", '{"metadata": {"name": "x"}, "spec": {"partitions": 3}}'))
    assert manifest["metadata"]["name"] == "q-0"
    assert manifest["spec"] == {"partitions": 3, "managedBy": "gristmill.dev/query"}
    assert manifest["metadata"]["ownerReferences"][0]["kind"] == "SQLQuery"


def test_a_run_is_sent_without_status_and_with_the_places_of_its_upstreams() -> None:
    sent = json.loads(run_resource(job(), {"first": "s3://out/first/"}))
    assert "status" not in sent
    assert sent["metadata"]["annotations"] == {"gristmill.dev/upstream-first": "s3://out/first/"}
    assert sent["spec"] == job().raw["spec"]


def test_an_event_names_its_resource() -> None:
    manifest = event_manifest(job(), RecordEvent("Failed", "no bucket", warning=True), "op-0", 1_800_000_000.0)
    assert manifest["involvedObject"]["uid"] == UID
    assert (manifest["type"], manifest["reason"]) == ("Warning", "Failed")


def test_a_store_of_the_resource_replaces_the_operators_store_of_the_same_prefix() -> None:
    own = {"prefix": "s3://", "endpoint": "http://own:9000"}
    default = {"prefix": "s3://", "endpoint": "http://default:9000", "secretRef": {"name": "default-keys"}}
    what = parse_resource(dict(job(stores=[own]).raw), Defaults(stores=(default,)))
    assert what.pool is not None
    assert json.loads(what.pool.stores) == [own]
    assert what.pool.shared_secrets == ()
