"""Objects: pods hold to the restricted Pod Security Standard, the operator can read its settings, selectors fit."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import verification

from gristmill.wire.tls import OPERATOR_NAME, pool_name
from gristmill_operator.authority import Authority
from gristmill_operator.settings import OperatorSettings, load_settings
from tests.support.helm_chart import EVERYTHING, NAMESPACED, VALUE_SETS, Helm, one, pods


def container_of_operator(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (container,) = one(objects, "Deployment", "gristmill-operator")["spec"]["template"]["spec"]["containers"]
    return dict(container)


def environment(objects: list[dict[str, Any]]) -> dict[str, str]:
    """What the operator finds in its environment."""
    return {entry["name"]: entry.get("value", "from-the-pod") for entry in container_of_operator(objects)["env"]}


def settings(objects: list[dict[str, Any]]) -> OperatorSettings:
    """The settings as the operator would read them in its pod."""
    return load_settings(environment(objects))


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_pod_holds_to_the_restricted_standard(helm: Helm, values: dict[str, Any]) -> None:
    for name, pod in pods(helm.render(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all("hostPath" not in volume for volume in pod["volumes"]), name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert "hostPort" not in str(container.get("ports", "")), name


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_container_says_what_it_takes(helm: Helm, values: dict[str, Any]) -> None:
    for name, pod in pods(helm.render(values)):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_object_has_the_usual_labels(helm: Helm, values: dict[str, Any]) -> None:
    wanted = {"name", "instance", "component", "version", "managed-by", "part-of"}
    for found in helm.render(values):
        labels = found["metadata"]["labels"]
        assert {f"app.kubernetes.io/{label}" for label in wanted} <= set(labels), found["metadata"]["name"]


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_names_are_not_given_twice(helm: Helm, values: dict[str, Any]) -> None:
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in helm.render(values)]
    assert len(names) == len(set(names))


def test_services_and_policies_select_the_pods_they_are_for(helm: Helm) -> None:
    objects = helm.render(EVERYTHING)
    labels = {
        found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
        for found in objects
        if found["kind"] == "Deployment"
    }
    for found in objects:
        match found["kind"]:
            case "Service":
                selector = found["spec"]["selector"]
            case "NetworkPolicy":
                selector = found["spec"]["podSelector"]["matchLabels"]
            case "Deployment":
                selector = found["spec"]["selector"]["matchLabels"]
            case _:
                continue
        name = found["metadata"]["name"]
        assert [pod for pod, its in labels.items() if selector.items() <= its.items()] == [name]


def test_the_operator_is_one_and_never_two(helm: Helm) -> None:
    spec = one(helm.render(), "Deployment", "gristmill-operator")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_service_leads_to_the_ports_that_leads_are_told(helm: Helm) -> None:
    objects = helm.render()
    named = {port["name"]: port["containerPort"] for port in container_of_operator(objects)["ports"]}
    service = one(objects, "Service", "gristmill-operator")["spec"]["ports"]
    assert {port["port"]: named[port["targetPort"]] for port in service} == {7070: 7070, 8080: 8080}
    assert settings(objects).service_address == "gristmill-operator.mill.svc:7070"


def test_defaults_reach_the_operator(helm: Helm) -> None:
    read = settings(helm.render())
    assert (read.namespaces, read.watch_nodes, read.network_policies, read.max_workers) == ((), True, True, 8)
    assert read.pods.image == "gristmill-worker:0.1.0"
    assert read.pods.executor_resources["limits"] == {"memory": "1Gi"}


def test_what_is_set_reaches_the_operator(helm: Helm) -> None:
    read = settings(helm.render(EVERYTHING))
    assert read.zones == {"s3://eu/": "eu-west-1a"}
    assert read.pods.image == "registry.example.com/team/gristmill-worker@sha256:" + 64 * "0"
    assert read.pods.pull_secrets == ("regcred",)
    assert read.pods.tolerations == ({"key": "spot"},)
    assert read.pods.env == {"HTTPS_PROXY": "http://proxy:3128"}
    assert read.pods.scratch_size == "20Gi"


def test_watched_namespaces_reach_the_operator(helm: Helm) -> None:
    read = settings(helm.render(NAMESPACED))
    assert (read.namespaces, read.watch_nodes) == (("team-a", "team-b"), False)


def test_the_operator_reads_every_variable_that_the_chart_sets(helm: Helm) -> None:
    asked: set[str] = set()

    class Asked(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return super().get(name, default)

    env = {
        entry["name"]: entry.get("value", "from-the-pod")
        for entry in container_of_operator(helm.render(EVERYTHING))["env"]
    }
    load_settings(Asked(env))
    assert set(env) - asked == {"HTTPS_PROXY"}


def test_the_certificate_authority_signs_what_clients_accept(helm: Helm) -> None:
    data = one(helm.render(), "Secret", "gristmill-ca")["data"]
    certificate, key = (base64.b64decode(data[name]) for name in ("tls.crt", "tls.key"))
    authority = Authority(certificate, key)
    leaves = [authority.operator().cert, authority.pool("0").cert]
    trusted = verification.Store([x509.load_pem_x509_certificate(certificate)])
    for leaf, name in zip(leaves, (OPERATOR_NAME, pool_name("0")), strict=True):
        verifier = verification.PolicyBuilder().store(trusted).build_server_verifier(x509.DNSName(name))
        chain = verifier.verify(x509.load_pem_x509_certificate(leaf), [])
        identifier = chain[0].extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        assert identifier == chain[1].extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_an_authority_of_ones_own_is_mounted_and_none_is_made(helm: Helm) -> None:
    objects = helm.render({"ca": {"existingSecret": "our-ca"}})
    volumes = one(objects, "Deployment", "gristmill-operator")["spec"]["template"]["spec"]["volumes"]
    assert [v["secret"]["secretName"] for v in volumes if "secret" in v] == ["our-ca"]
    assert [found for found in objects if found["kind"] == "Secret"] == []


def test_leads_of_any_namespace_reach_the_operator_and_nobody_else(helm: Helm) -> None:
    leads, http = one(helm.render(), "NetworkPolicy", "gristmill-operator")["spec"]["ingress"]
    (peer,) = leads["from"]
    assert peer["namespaceSelector"] == {}
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "lead"
    assert [port["port"] for port in leads["ports"] + http["ports"]] == ["leads", "http"]
    assert "from" not in http


def test_job_pods_get_no_policies_where_the_chart_gets_none(helm: Helm) -> None:
    objects = helm.render({"networkPolicy": {"enabled": False}})
    assert "NetworkPolicy" not in {found["kind"] for found in objects}
    assert settings(objects).network_policies is False
