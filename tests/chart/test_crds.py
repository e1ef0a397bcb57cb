"""CRDs: the chart's are those of crds/, are upgraded with the release, and outlive it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.helm_chart import CHART, Helm

SOURCES = {path.name: yaml.safe_load(path.read_text()) for path in (CHART.parent.parent / "crds").glob("*.yaml")}


def crds(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == "CustomResourceDefinition"}


def test_all_three_kinds_are_installed(helm: Helm) -> None:
    names = {f"{plural}.gristmill.dev" for plural in ("mapreducejobs", "sqlqueries", "workerpools")}
    assert set(crds(helm.render())) == names == {source["metadata"]["name"] for source in SOURCES.values()}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_definition_is_the_one_of_the_checkout(helm: Helm, name: str) -> None:
    source = SOURCES[name]
    assert crds(helm.render())[source["metadata"]["name"]]["spec"] == source["spec"]


def test_no_definition_lies_where_helm_would_never_upgrade_it() -> None:
    assert not (CHART / "crds").exists()


def test_definitions_outlive_the_release(helm: Helm) -> None:
    for found in crds(helm.render()).values():
        assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_definitions_go_with_the_release_if_asked(helm: Helm) -> None:
    assert all(
        "annotations" not in found["metadata"] for found in crds(helm.render({"crds": {"keep": False}})).values()
    )


def test_definitions_can_be_left_to_somebody_else(helm: Helm) -> None:
    assert crds(helm.render({"crds": {"install": False}})) == {}
