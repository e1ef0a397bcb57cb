"""Work goes where its data lies: zones of buckets as a preference, volumes of one node as a condition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import gristmill as gm
from tests.cluster.embedded import parts, parts_here
from tests.cluster.harness.client import wait_for
from tests.cluster.harness.tested import TestedCluster
from tests.cluster.places import Place
from tests.cluster.workloads import word_count, write_books, write_orders


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
    write_books(place, "volume", 4)
    with local_volume(place, cluster, "books", second, place.s3.path(f"{place.bucket}/volume")) as name:
        yield name


@contextmanager
def local_volume(place: Place, cluster: TestedCluster, claim: str, on: str, folder: Path) -> Iterator[str]:
    """A folder as a PersistentVolume of that node, claimed in the namespace; the volume's name."""
    for file in folder.iterdir():
        file.chmod(0o644)
    name = f"{claim}-{place.name}"
    node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [on]}
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
                "claimRef": {"namespace": place.name, "name": claim},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}},
            },
        }
    )
    place.client.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim},
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


def test_a_job_over_local_volumes_of_two_nodes_reads_each_where_it_lies(place: Place, cluster: TestedCluster) -> None:
    first, second = cluster.nodes
    here = [write_books(place, folder, 8) for folder in ("left", "right")]
    output = f"{place.bucket}/out/"
    spec = word_count("", output, "slow_words", workers=1)
    spec["input"] = [{**spec["input"][0], "uris": ["pvc://left/*.txt", "pvc://right/*.txt"]}]
    del spec["input"][0]["uri"]
    with (
        local_volume(place, cluster, "left", first, place.s3.path(f"{place.bucket}/left")),
        local_volume(place, cluster, "right", second, place.s3.path(f"{place.bucket}/right")),
    ):
        place.apply("MapReduceJob", "both", spec)
        wait_for(lambda: _maps_done(place) > 1, 120, lambda: place.report("mrj", "both"))
        (worker,) = place.client.items("pods", "-l", "app.kubernetes.io/component=worker")
        assert _homes(place) == {first, second}
        place.client.kubectl("delete", "pod", worker["metadata"]["name"], "--grace-period=0", "--force")
        status = place.complete("mrj", "both")
        assert (status["leads"], status["workersStarted"]) == (1, 2)
        assert status["locality"]["remote"] == 0, status["locality"]
    spec["input"][0]["uris"] = here
    assert parts(output) == parts_here("both", spec, f"{place.bucket}/here/")


def _maps_done(place: Place) -> int:
    progress = place.status("mrj", "both").get("progress") or {}
    return int(str(progress.get("maps", "0/0")).partition("/")[0])


def _homes(place: Place) -> set[str]:
    """The nodes of the job's pods."""
    return {pod["spec"]["nodeName"] for pod in place.pods()}


def test_a_query_joins_tables_on_local_volumes_of_two_nodes(place: Place, cluster: TestedCluster) -> None:
    first, second = cluster.nodes
    orders, lines = write_orders(place)
    sql = "SELECT custkey, sum(price) AS paid FROM orders JOIN lines USING (orderkey) GROUP BY custkey ORDER BY custkey"
    tables = {name: {"uri": f"pvc://{name}/*.parquet"} for name in ("orders", "lines")}
    with (
        local_volume(place, cluster, "orders", first, place.s3.path(f"{place.bucket}/orders")),
        local_volume(place, cluster, "lines", second, place.s3.path(f"{place.bucket}/lines")),
    ):
        place.apply("SQLQuery", "both", {"sql": sql, "tables": tables, "output": {"uri": f"{place.bucket}/out/"}})
        place.complete("gsql", "both")
        assert _homes(place) == {first, second}
    found = gm.sql("FROM t ORDER BY custkey", tables={"t": f"{place.bucket}/out/"}).arrow()
    assert found.equals(gm.sql(sql, tables={"orders": orders, "lines": lines}).arrow())
