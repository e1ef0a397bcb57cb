"""What no watch tells of pods that do not start: volumes that are not mounted, volumes that lie on another node."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from operator_values import BASE, NOW, pod

from gristmill_operator.kube import Refused
from gristmill_operator.mounts import Mounts
from gristmill_operator.observed import MOUNT, VOLUME, VOLUMES_APART, PlacedVolume
from gristmill_operator.policies.waiting import waiting
from gristmill_operator.volumes import Volumes

SLOW = pod(f"{BASE}-lead-0", "Pending", node="n1", created=NOW - 10, containers=())
NO_ROOM = "0/2 nodes are available: 1 node(s) had volume node affinity conflict, 1 node(s) were unschedulable."
STUCK = pod(f"{BASE}-lead-0", "Pending", created=NOW - 10, unschedulable=NO_ROOM, claims=("data",))


class Server:
    """Answers as the API server does, and counts."""

    def __init__(self, objects: dict[str, Any], events: list[dict[str, Any]] | None = None) -> None:
        self.objects = objects
        self.events = events or []
        self.asked = 0

    async def get(self, path: str) -> dict[str, Any]:
        self.asked += 1
        found = self.objects.get(path.rpartition("/")[2])
        if found is None:
            raise Refused(403, "Forbidden", path)
        return dict(found)

    async def list(self, _: str, **query: str) -> list[dict[str, Any]]:
        self.asked += 1
        assert query["fieldSelector"] == f"involvedObject.uid={SLOW.uid},reason=FailedMount"
        return self.events


CLAIM = {"spec": {"volumeName": "pv-7"}}


def volume_on(node: str) -> dict[str, Any]:
    """A local PersistentVolume."""
    there = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    return {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [there]}}}}


def test_a_missing_secret_is_told_by_the_kubelets_event_and_asked_for_seldom() -> None:
    event = {"message": 'MountVolume.SetUp failed for volume "store-0" : secret "keys" not found'}
    server = Server({}, [event])
    mounts = Mounts(server)  # type: ignore[arg-type]
    found = asyncio.run(mounts.failures("ns", [SLOW], NOW))
    assert [(one.about, one.reason) for one in found] == [(MOUNT, "SecretMissing")]
    assert "stores[].secretRef" in found[0].message
    asyncio.run(mounts.failures("ns", [SLOW], NOW + 1))
    assert server.asked == 1


def test_the_pools_own_secret_is_not_the_users_business() -> None:
    event = {"message": f'MountVolume.SetUp failed for volume "tls" : secret "{BASE}-tls" not found'}
    (found,) = asyncio.run(Mounts(Server({}, [event])).failures("ns", [SLOW], NOW))  # type: ignore[arg-type]
    assert found.reason == "PoolSecretMissing"
    assert "stores" not in found.message


def test_pods_that_start_in_time_are_not_asked_about() -> None:
    server = Server({})
    fresh = pod(f"{BASE}-lead-0", "Pending", node="n1", created=NOW - 1, containers=())
    running = pod(f"{BASE}-w-0")
    assert asyncio.run(Mounts(server).failures("ns", [fresh, running], NOW)) == []  # type: ignore[arg-type]
    assert server.asked == 0


def test_volume_and_node_are_named_where_a_pod_fits_nowhere_else() -> None:
    server = Server({"data": CLAIM, "pv-7": volume_on("n2")})
    found = asyncio.run(Volumes(server).failures("ns", [STUCK], NOW))  # type: ignore[arg-type]
    assert [one.about for one in found] == [VOLUME]
    shown = waiting([STUCK], found)
    assert shown is not None
    assert shown.reason == "VolumeNodeUnavailable"
    assert "volume pv-7 of claim data lies on node n2" in shown.message
    assert "uncordon" in shown.message


def test_volumes_of_different_nodes_are_named_with_them_and_what_to_do() -> None:
    volumes = {"pv-7": volume_on("n2"), "pv-8": volume_on("n1")}
    server = Server({"data": CLAIM, "more": {"spec": {"volumeName": "pv-8"}}, **volumes})
    stuck = replace(STUCK, claims=("data", "more"))
    (found,) = asyncio.run(Volumes(server).failures("ns", [stuck], NOW))  # type: ignore[arg-type]
    assert (found.about, found.reason) == (VOLUME, VOLUMES_APART)
    assert "volume pv-7 of claim data lies on node n2, volume pv-8 of claim more lies on node n1" in found.message
    assert "without spec.pool" in found.message


def test_without_rights_on_volumes_the_volume_alone_is_named() -> None:
    server = Server({"data": CLAIM})
    found = asyncio.run(Volumes(server).failures("ns", [STUCK], NOW))  # type: ignore[arg-type]
    assert "pv-7 of claim data lies on a node that the operator may not read" in found[0].message


def test_volumes_that_are_bound_to_no_node_are_not_to_blame() -> None:
    server = Server({"data": CLAIM, "pv-7": {"spec": {}}})
    assert asyncio.run(Volumes(server).failures("ns", [STUCK], NOW)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("why", ["2 Insufficient cpu.", "pod has unbound immediate PersistentVolumeClaims."])
def test_pods_that_wait_for_room_alone_or_for_a_volume_to_be_bound_are_not_asked_about(why: str) -> None:
    server = Server({"data": CLAIM, "pv-7": volume_on("n2")})
    crowded = replace(STUCK, unschedulable=why)
    assert asyncio.run(Volumes(server).failures("ns", [crowded], NOW)) == []  # type: ignore[arg-type]
    assert server.asked == 0


def test_where_volumes_lie_is_asked_once_in_a_while() -> None:
    server = Server({"data": CLAIM, "pv-7": volume_on("n2"), "free": {"spec": {}}})
    volumes = Volumes(server)  # type: ignore[arg-type]
    found = asyncio.run(volumes.placed("ns", ("data", "free"), NOW))
    assert found == (PlacedVolume("data", "pv-7", ("n2",)),)
    asked = server.asked
    assert asyncio.run(volumes.placed("ns", ("data", "free"), NOW + 1)) == found
    assert server.asked == asked
