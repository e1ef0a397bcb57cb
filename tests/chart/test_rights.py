"""Rights: the operator has what it needs and no more, alone or for some namespaces; users get theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.helm_chart import CHART, NAMESPACED, VALUE_SETS, Helm, one

CLUSTER_WIDE_KINDS = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "PriorityClass"}


def rules_of_operator(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rules of every role that is bound to the operator's account."""
    roles = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in objects if "rules" in o}
    for binding in objects:
        subjects = [subject["name"] for subject in binding.get("subjects", [])]
        if "gristmill-operator" in subjects:
            role = binding["roleRef"]
            namespace = binding["metadata"].get("namespace") if role["kind"] == "Role" else None
            yield from roles[role["kind"], namespace, role["name"]]["rules"]


def verbs(objects: list[dict[str, Any]], resource: str) -> set[str]:
    rules = [rule for rule in rules_of_operator(objects) if resource in rule["resources"]]
    return {verb for rule in rules for verb in rule["verbs"]}


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_nothing_is_granted_by_wildcard(helm: Helm, values: dict[str, Any]) -> None:
    rules = [rule for found in helm.render(values) for rule in found.get("rules", [])]
    assert [r for r in rules if "*" in r["apiGroups"] + r["resources"] + r["verbs"]] == []


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_the_operator_makes_secrets_and_reads_none(helm: Helm, values: dict[str, Any]) -> None:
    assert verbs(helm.render(values), "secrets") == {"create", "delete"}


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_the_operator_cannot_widen_its_rights(helm: Helm, values: dict[str, Any]) -> None:
    granted = {
        (resource, verb)
        for r in rules_of_operator(helm.render(values))
        for resource in r["resources"]
        for verb in r["verbs"]
    }
    resources = {resource for resource, _ in granted}
    assert not resources & {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "serviceaccounts"}
    assert not resources & {
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/ephemeralcontainers",
        "serviceaccounts/token",
    }
    assert not {verb for _, verb in granted} & {"escalate", "bind", "impersonate", "deletecollection"}


def test_whatever_the_operator_asks_for_is_granted(helm: Helm) -> None:
    sources = [path.read_text() for path in (CHART.parent.parent / "operator" / "gristmill_operator").glob("*.py")]
    asked = {name for text in sources for name in re.findall(r'core_path\([^")]*"(\w+)"', text)}
    granted = {resource for rule in rules_of_operator(helm.render()) for resource in rule["resources"]}
    assert {"pods", "secrets", "configmaps"} <= asked <= granted


def test_nodes_are_read_only_where_all_namespaces_are(helm: Helm) -> None:
    assert verbs(helm.render(), "nodes") == {"list", "watch"}
    assert verbs(helm.render(NAMESPACED), "nodes") == set()


def test_an_installation_for_some_namespaces_is_nothing_cluster_wide(helm: Helm) -> None:
    objects = helm.render(NAMESPACED)
    assert {found["kind"] for found in objects} & CLUSTER_WIDE_KINDS == set()
    assert {found["metadata"]["namespace"] for found in objects} == {"mill", "team-a", "team-b"}


def test_each_watched_namespace_gets_the_same_rules_as_a_whole_cluster(helm: Helm) -> None:
    everywhere = one(helm.render(), "ClusterRole", "gristmill-operator")["rules"]
    roles = [
        found
        for found in helm.render(NAMESPACED)
        if found["metadata"]["name"] == "gristmill-operator" and "rules" in found
    ]
    assert [role["metadata"]["namespace"] for role in roles] == ["team-a", "team-b"]
    assert all(role["rules"] == everywhere[:-2] for role in roles)


def test_only_a_lease_is_kept_in_the_namespace_of_the_operator(helm: Helm) -> None:
    role = one(helm.render(NAMESPACED), "Role", "gristmill-operator-lease")
    assert role["metadata"]["namespace"] == "mill"
    assert [rule["resources"] for rule in role["rules"]] == [["leases"]]


def test_roles_can_be_left_to_somebody_else(helm: Helm) -> None:
    objects = helm.render({"rbac": {"create": False, "userRoles": False}})
    assert {found["metadata"]["name"] for found in objects if "rules" in found} == {"gristmill-test"}


@pytest.mark.parametrize(("role", "added_to"), [("view", {"view", "edit", "admin"}), ("edit", {"edit", "admin"})])
def test_users_roles_come_to_those_of_kubernetes(helm: Helm, role: str, added_to: set[str]) -> None:
    labels = one(helm.render(), "ClusterRole", f"gristmill-{role}")["metadata"]["labels"]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {label.removeprefix(prefix) for label in labels if label.startswith(prefix)} == added_to


def test_users_never_write_status(helm: Helm) -> None:
    for role in ("view", "edit", "results"):
        for rule in one(helm.render(), "ClusterRole", f"gristmill-{role}")["rules"]:
            written = set(rule["verbs"]) - {"get", "list", "watch"}
            assert not written or not any(resource.endswith("/status") for resource in rule["resources"])


def test_results_want_port_forward_and_are_added_to_no_role(helm: Helm) -> None:
    role = one(helm.render(), "ClusterRole", "gristmill-results")
    assert {"get", "create"} in [set(r["verbs"]) for r in role["rules"] if "pods/portforward" in r["resources"]]
    assert not any(label.startswith("rbac.authorization.k8s.io") for label in role["metadata"]["labels"])


def test_the_test_pod_may_only_handle_jobs(helm: Helm) -> None:
    (rule,) = one(helm.render(), "Role", "gristmill-test")["rules"]
    assert (rule["resources"], set(rule["verbs"])) == (["mapreducejobs"], {"get", "create", "delete"})
