"""Pods in groups by the nodes that hold their volumes: tables of where volumes lie against the pods that are made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from operator_values import BASE, LEAD, NOW, decided, job, lead, pod, warm_pool, worker

from gristmill.wire.reports import PoolNeed
from gristmill_operator.actions import CreatePod, DeletePod
from gristmill_operator.decide import Decision
from gristmill_operator.model import Resource
from gristmill_operator.observed import VOLUME, VOLUMES_APART, Failure, Observed, PlacedVolume, PodView, Upstream
from gristmill_operator.pods import pod_manifest
from gristmill_operator.policies.upstream import mounting
from gristmill_operator.settings import OperatorSettings, PodDefaults
from gristmill_operator.status import Phase, Status

A, B = PlacedVolume("a", "pv-a", ("n1",)), PlacedVolume("b", "pv-b", ("n2",))
BOTH = PlacedVolume("b", "pv-b", ("n1", "n2"))
SETTINGS = OperatorSettings("gristmill", "op-0", "operator:7070", PodDefaults(image="worker:1"))
RUNNING = Status(phase=Phase.RUNNING, leads=1)


def reading(*claims: str, output: str = "s3://out/", **spec: Any) -> Resource:
    """A job over files of those claims."""
    inputs = [{"name": f"i{at}", "uri": f"pvc://{claim}/*.txt", "format": "text"} for at, claim in enumerate(claims)]
    return job(input=inputs, output={"uri": output}, **spec)


def made(decision: Decision) -> list[tuple[str, tuple[str, ...]]]:
    """Pods that it makes, with their claims."""
    return [(one.name, one.pool.claims) for one in decision.actions if isinstance(one, CreatePod)]


def gone(decision: Decision) -> list[str]:
    return [one.name for one in decision.actions if isinstance(one, DeletePod)]


def at(view: PodView, *claims: str, **more: Any) -> PodView:
    """A pod that mounts those claims."""
    return replace(view, claims=claims, **more)


@pytest.mark.parametrize(
    ("what", "volumes", "first"),
    [
        pytest.param(reading("a", "b"), (), ("a", "b"), id="any node can mount both"),
        pytest.param(reading("a", "b"), (A, BOTH), ("a", "b"), id="one node can mount both"),
        pytest.param(reading("a", "b"), (A, B), ("a",), id="they lie apart"),
        pytest.param(reading("a", "b", "c"), (A, B), ("a", "c"), id="what any node can mount is in every group"),
        pytest.param(reading("a", "b", output="pvc://b/out"), (A, B), ("b",), id="the lead is where the output is"),
        pytest.param(reading("a", "b"), (A, replace(B, nodes=None)), ("a", "b"), id="nobody may tell where one lies"),
    ],
)
def test_the_lead_mounts_what_one_node_has(
    what: Resource, volumes: tuple[PlacedVolume, ...], first: tuple[str, ...]
) -> None:
    assert made(decided(what, Status(), Observed(volumes=volumes))) == [(f"{BASE}-lead-0", first)]


def during(*pods: PodView, need: PoolNeed, **more: Any) -> Observed:
    return Observed(pods=(at(LEAD, "a"), *pods), lead=lead(need=need), volumes=(A, B), **more)


W0, W1 = f"{BASE}-w-0", f"{BASE}-w-1"


@pytest.mark.parametrize(
    ("need", "pods", "wanted"),
    [
        pytest.param(PoolNeed(volumes=(("b", 1),)), (), [(W0, ("b",))], id="before anything is planned"),
        pytest.param(PoolNeed(slots=1, volumes=(("a", 9),)), (), [], id="the lead has what is read"),
        pytest.param(PoolNeed(slots=1, volumes=(("b", 9),)), (at(worker(0), "b"),), [], id="one is there"),
        pytest.param(PoolNeed(slots=1, volumes=(("b", 9),)), (at(worker(0), "a"),), [(W1, ("b",))], id="another one"),
        pytest.param(
            PoolNeed(slots=3, volumes=(("a", 9), ("b", 9))), (), [(W0, ("b",)), (W1, ("a",))], id="room for two"
        ),
        pytest.param(
            PoolNeed(slots=3, volumes=(("a", 2), ("b", 90))), (), [(W0, ("b",)), (W1, ("b",))], id="more lies there"
        ),
        pytest.param(
            PoolNeed(slots=2, volumes=(("b", 9),)),
            (at(replace(worker(0), phase="Failed"), "b"),),
            [(W1, ("b",))],
            id="it died",
        ),
    ],
)
def test_workers_are_made_in_the_group_whose_volumes_tasks_wait_for(
    need: PoolNeed, pods: tuple[PodView, ...], wanted: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert made(decided(reading("a", "b"), RUNNING, during(*pods, need=need))) == wanted


def test_one_of_each_group_is_made_however_few_workers_are_allowed() -> None:
    need = PoolNeed(slots=50, volumes=(("a", 9), ("b", 9)))
    assert made(decided(reading("a", "b", workers=0), RUNNING, during(need=need))) == [(W0, ("b",))]


def test_the_last_of_a_group_stays_while_tasks_wait_for_its_volumes() -> None:
    pods = (at(worker(0), "b"), at(worker(1), "a"))
    idle = lead(need=PoolNeed(volumes=(("b", 1),), idle=(W0, W1)), idle_since=dict.fromkeys((W0, W1), NOW - 60))
    observed = Observed(pods=(at(LEAD, "a"), *pods), lead=idle, volumes=(A, B))
    assert gone(decided(reading("a", "b"), RUNNING, observed)) == [W1]
    done = replace(observed, lead=replace(idle, need=replace(idle.need, volumes=())))
    assert sorted(gone(decided(reading("a", "b"), RUNNING, done))) == [W0, W1]


def test_a_pod_that_was_to_mount_all_goes_and_one_of_a_group_follows() -> None:
    stuck = at(pod(f"{BASE}-lead-0", "Pending", unschedulable="volume node affinity conflict"), "a", "b")
    apart = Failure(VOLUME, VOLUMES_APART, "no node has all", NOW)
    decision = decided(reading("a", "b"), RUNNING, Observed(pods=(stuck,), volumes=(A, B), failures=(apart,)))
    assert (gone(decision), decision.status.phase) == ([stuck.name], Phase.RUNNING)
    assert made(decided(reading("a", "b"), RUNNING, Observed(volumes=(A, B)))) == [(f"{BASE}-lead-1", ("a",))]


def test_outputs_on_volumes_of_two_nodes_are_refused_with_their_names() -> None:
    what = job(outputs={"x": {"uri": "pvc://a/x"}, "y": {"uri": "pvc://b/y"}})
    decision = decided(what, Status(), Observed(volumes=(A, B)))
    assert decision.status.phase is Phase.FAILED
    assert "pv-a of claim a lies on node n1, volume pv-b of claim b lies on node n2" in decision.status.message


def test_a_volume_that_an_upstream_wrote_to_is_mounted_too() -> None:
    what = job(input=[{"name": "x", "fromJob": "first"}, {"name": "y", "uri": "pvc://a/*.txt", "format": "text"}])
    upstreams = (Upstream("first", Phase.COMPLETE, output="pvc://b/out"),)
    mounted = mounting(what, upstreams)
    observed = Observed(upstreams=upstreams, volumes=(A, B))
    assert made(decided(mounted, Status(), observed)) == [(f"{BASE}-lead-0", ("a",))]
    assert mounting(what, (Upstream("first", Phase.COMPLETE, output="s3://b/out"),)) == what


def test_pods_of_a_warm_pool_all_mount_the_same() -> None:
    decision = decided(warm_pool(claims=["a", "b"], min=1), None, Observed(volumes=(A, B)))
    assert [claims for _, claims in made(decision)] == [("a", "b")]


def test_a_pod_of_a_group_knows_its_volumes_and_those_of_the_others() -> None:
    what = reading("a", "b", "c", output="pvc://a/out")
    decision = decided(what, Status(), Observed(volumes=(A, B)))
    (action,) = (one for one in decision.actions if isinstance(one, CreatePod))
    spec = pod_manifest(action, SETTINGS, frozenset())["spec"]
    environment = {one["name"]: one.get("value") for one in spec["containers"][0]["env"]}
    assert environment["GRISTMILL_VOLUMES"] == "a,c"
    assert environment["GRISTMILL_VOLUME_GROUPS"] == "a,c;b,c"
    mounted = {
        one["mountPath"]: one["readOnly"]
        for one in spec["containers"][1]["volumeMounts"]
        if "/volumes" in one["mountPath"]
    }
    assert mounted == {"/volumes/a": False, "/volumes/c": True}
