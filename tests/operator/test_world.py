"""What is observed: older news never replace newer ones, the dead stay dead, and everybody concerned hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from operator_values import job, resource

from gristmill_operator.model import Defaults, Key
from gristmill_operator.names import Kind
from gristmill_operator.world import World

WC = Key(Kind.JOB, "ns", "wc")


def body(version: str = "1", name: str = "wc", uid: str = "u1", **spec: Any) -> dict[str, Any]:
    raw = dict(job(name, uid, **spec).raw)
    return {**raw, "metadata": {**raw["metadata"], "resourceVersion": version}}


def pod(version: str = "1", phase: str = "Running", uid: str = "p1") -> dict[str, Any]:
    owner = {"kind": "MapReduceJob", "name": "wc", "uid": "u1", "controller": True}
    labels = {"gristmill.dev/pool-uid": "u1", "app.kubernetes.io/component": "lead"}
    meta = {"name": "mrj-wc-lead-0", "namespace": "ns", "uid": uid, "resourceVersion": version}
    return {"metadata": {**meta, "labels": labels, "ownerReferences": [owner]}, "status": {"phase": phase}}


def test_an_older_version_changes_nothing() -> None:
    world = World(Defaults())
    world.put_resource(body("5", suspend=True))
    assert world.put_resource(body("4")) == set()
    found = world.resource(WC)
    assert found is not None
    assert found.run is not None
    assert found.run.suspend


def test_what_is_gone_stays_gone_whatever_arrives_late() -> None:
    world = World(Defaults())
    world.put_resource(body("5"))
    world.put_pod(pod("6"))
    world.drop_pod("p1")
    world.drop_resource(WC, "u1")
    assert world.put_pod(pod("7")) == set()
    assert world.put_resource(body("8")) == set()
    assert world.pods("u1") == ()
    assert world.resource(WC) is None


def test_a_late_deletion_does_not_take_the_next_of_that_name() -> None:
    world = World(Defaults())
    world.put_resource(body("9", uid="u2"))
    world.drop_resource(WC, "u1")
    found = world.resource(WC)
    assert found is not None
    assert found.uid == "u2"


def test_a_pod_concerns_its_owner() -> None:
    world = World(Defaults())
    assert world.put_pod(pod()) == {WC}
    assert world.put_pod(pod("0")) == set()
    assert world.drop_pod("p1") == {WC}


def test_a_job_concerns_those_that_read_it_and_the_pool_that_it_names() -> None:
    world = World(Defaults())
    world.put_resource(body(name="after", uid="u2", input=[{"name": "i", "fromJob": "wc"}]))
    after = Key(Kind.JOB, "ns", "after")
    assert world.put_resource(body()) == {WC, after}
    assert world.drop_resource(WC, "u1") == {WC, after}
    nightly = Key(Kind.POOL, "ns", "nightly")
    assert world.put_resource(body("1", "p", "u3", pool="nightly")) == {Key(Kind.JOB, "ns", "p"), nightly}
    assert world.readers(nightly) == {Key(Kind.JOB, "ns", "p")}


def test_what_has_ended_is_not_bothered_with_what_becomes_of_its_pool() -> None:
    world = World(Defaults())
    world.put_resource({**body("1", "done", "u3", pool="nightly"), "status": {"phase": "Complete"}})
    world.put_resource(body("1", "waits", "u4", pool="nightly"))
    assert world.waiting(Key(Kind.POOL, "ns", "nightly")) == {Key(Kind.JOB, "ns", "waits")}


def test_a_mirror_is_found_by_its_query() -> None:
    world = World(Defaults())
    owners = [{"kind": "SQLQuery", "name": "q", "uid": "u9"}]
    mirror = resource("MapReduceJob", "q-0", "u4", {"managedBy": "gristmill.dev/query"}, ownerReferences=owners)
    world.put_resource(dict(mirror.raw))
    assert world.readers(Key(Kind.QUERY, "ns", "q")) == {mirror.key}


def test_nothing_is_kept_of_what_is_gone() -> None:
    world = World(Defaults())
    for at in range(50):
        world.put_resource(body(name=f"j{at}", uid=f"u{at}", pool="nightly"))
        world.put_pod(pod(uid=f"p{at}"))
        world.drop_pod(f"p{at}")
        world.drop_resource(Key(Kind.JOB, "ns", f"j{at}"), f"u{at}")
    assert list(world.resources()) == []
    assert world.pod_versions() == {}
    assert world.readers(Key(Kind.POOL, "ns", "nightly")) == frozenset()


def test_a_run_belongs_to_its_own_pool_or_to_the_one_it_names() -> None:
    world = World(Defaults())
    world.put_resource(body())
    world.put_resource(body(name="named", uid="u2", pool="nightly"))
    assert [world.pool_of(uid) for uid in ("u1", "u2", "u3")] == ["u1", "", None]
    world.put_resource(dict(resource("WorkerPool", "nightly", "u3", {}).raw))
    assert [world.pool_of(uid) for uid in ("u1", "u2", "u3")] == ["u1", "u3", None]


@pytest.mark.parametrize(
    ("namespace", "owner"),
    [
        ("elsewhere", {}),
        ("ns", {"uid": "u2"}),
        ("ns", {"controller": False}),
        ("ns", {"kind": "ReplicaSet"}),
        ("ns", {"name": "other"}),
    ],
)
def test_a_pod_that_only_says_so_is_not_of_the_pool(namespace: str, owner: dict[str, Any]) -> None:
    world = World(Defaults())
    world.put_resource(body())
    world.put_pod(pod())
    forged = pod(uid="p2")
    forged["metadata"]["namespace"] = namespace
    forged["metadata"]["ownerReferences"][0].update(owner)
    world.put_pod(forged)
    assert [there.uid for there in world.pods("u1")] == ["p1"]
    assert set(world.pod_versions()) == {"p1", "p2"}, "no watch is taken for deaf because of it"
