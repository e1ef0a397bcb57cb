"""Work goes where its data lies: zones of buckets as a preference, volumes of one node as a condition."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.harness.client import wait_for
from tests.cluster.harness.tested import TestedCluster
from tests.cluster.places import Place
from tests.cluster.workloads import word_count, write_books


@pytest.fixture
def second(cluster: TestedCluster) -> str:
    """The node in zone-b."""
    return list(cluster.nodes)[1]


@pytest.fixture
def zoned_books(place: Place) -> Iterator[str]:
    """Books in a bucket that the chart's values map to zone-b, node n2's."""
    bucket = place.s3.bucket(f"zone-b-{place.name}")
    there = Place(place.client, place.s3, bucket)
    yield write_books(there, "books", 20)
    place.s3.remove(bucket)


def test_maps_run_in_the_zone_of_their_bucket_where_there_is_room(place: Place, zoned_books: str) -> None:
    place.apply("MapReduceJob", "near", word_count(zoned_books, f"{place.bucket}/out/"))
    locality = place.complete("mrj", "near")["locality"]
    assert locality["local"] + locality["zone"] >= 0.95 * sum(locality.values()), locality
    assert sum(locality.values()) >= 20


def test_a_job_whose_zone_is_cordoned_finishes_and_says_what_was_remote(
    place: Place, zoned_books: str, cluster: TestedCluster, second: str
) -> None:
    with cluster.cordoned(second):
        place.apply("MapReduceJob", "far", word_count(zoned_books, f"{place.bucket}/out/"))
        locality = place.complete("mrj", "far")["locality"]
    assert locality["remote"] >= 20, locality


@pytest.fixture
def volume(place: Place, cluster: TestedCluster, second: str) -> Iterator[str]:
    """A PersistentVolume on the second node with books, claimed as `books` in the namespace; the volume's name."""
    there = Place(place.client, place.s3, place.bucket)
    write_books(there, "volume", 4)
    folder = place.s3.path(f"{place.bucket}/volume")
    for file in folder.iterdir():
        file.chmod(0o644)
    name = f"books-{place.name}"
    node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [second]}
    size = {"storage": "1Gi"}
    cluster.client.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": size,
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "local",
                "local": {"path": str(folder)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}},
            },
        }
    )
    place.client.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "books"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                "volumeName": name,
                "resources": {"requests": size},
            },
        }
    )
    yield name
    cluster.client.kubectl("delete", "pv", name, "--wait=false")


def test_all_tasks_of_data_on_a_local_volume_run_on_its_node(place: Place, volume: str, second: str) -> None:
    place.apply("MapReduceJob", "volume", word_count("pvc://books/*.txt", f"{place.bucket}/out/"))
    wait_for(place.pods, 60, "pods of the job")
    status = place.complete("mrj", "volume")
    assert {pod["spec"]["nodeName"] for pod in place.pods()} == {second}
    assert status["locality"]["remote"] == 0, status["locality"]


def test_a_cordoned_node_of_a_local_volume_is_named_with_the_volume(
    place: Place, volume: str, cluster: TestedCluster, second: str
) -> None:
    with cluster.cordoned(second):
        place.apply("MapReduceJob", "volume", word_count("pvc://books/*.txt", f"{place.bucket}/out/"))

        def told() -> str:
            conditions = place.status("mrj", "volume").get("conditions", [])
            texts = [each["message"] for each in conditions if volume in each["message"] and second in each["message"]]
            return texts[0] if texts else ""

        assert wait_for(told, 60, lambda: place.report("mrj", "volume"))
    place.complete("mrj", "volume")
