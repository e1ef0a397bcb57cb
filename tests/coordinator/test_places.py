"""Where splits lie, by provider; HDFS from a recorded listing of blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from gristmill.coordinator.places import CachedFiles, HdfsBlocks, ZonesByPrefix, with_places
from gristmill.ids import Side, StageId
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.plan.stage import Scan, Stage, StageGraph, Step
from gristmill.storage.filesystem import canonical

RECORDED = Path(__file__).with_name("hdfs_blocks.json")


def _split(*pieces: tuple[str, int, int]) -> Split:
    return Split(tuple(FileRange(*piece) for piece in pieces), sum(end - start for _, start, end in pieces))


@pytest.mark.parametrize(
    ("pieces", "zones"),
    [
        ([("s3://eu/a", 0, 10)], ["zone-a"]),
        ([("s3://eu/archive/a", 0, 10)], ["zone-b"]),
        ([("s3://us/a", 0, 10)], []),
        ([("s3://eu/a", 0, 10), ("s3://eu/archive/a", 0, 11)], ["zone-b"]),
    ],
)
def test_the_longest_prefix_names_the_zone_of_most_bytes(pieces: list[tuple[str, int, int]], zones: list[str]) -> None:
    provider = ZonesByPrefix({"s3://eu/": "zone-a", "s3://eu/archive/": "zone-b"})
    assert list(provider.places(_split(*pieces))) == zones


def _recorded_blocks(uri: str) -> Sequence[tuple[int, int, Sequence[str]]]:
    """As WebHDFS answers GETFILEBLOCKLOCATIONS."""
    answers = json.loads(RECORDED.read_text())
    blocks = answers[uri]["BlockLocations"]["BlockLocation"]
    return [(block["offset"], block["offset"] + block["length"], block["hosts"]) for block in blocks]


def test_hosts_of_blocks_are_named_by_the_bytes_that_they_hold() -> None:
    provider = HdfsBlocks(_recorded_blocks)
    uri = "hdfs://nn/logs/day.txt"
    mebi = 1 << 20
    assert list(provider.places(_split((uri, 0, 128 * mebi)))) == ["dn1", "dn2", "dn3"]
    assert set(provider.places(_split((uri, 128 * mebi, 256 * mebi)))) == {"dn3", "dn4", "dn1"}
    assert set(provider.places(_split((uri, 100 * mebi, 256 * mebi)))[:2]) == {"dn1", "dn3"}
    assert list(provider.places(_split(("s3://b/x", 0, 1)))) == []


def test_a_cached_file_goes_to_the_same_node_and_moves_only_with_it() -> None:
    files = [_split((f"s3://b/{number}", 0, 1)) for number in range(300)]
    three = {split.pieces[0].uri: CachedFiles(["n1", "n2", "n3"]).places(split)[0] for split in files}
    two = {split.pieces[0].uri: CachedFiles(["n1", "n3"]).places(split)[0] for split in files}
    assert all(two[uri] == node for uri, node in three.items() if node != "n2")
    assert min(Counter(three.values()).values()) > 60
    assert list(CachedFiles(["n1"]).places(files[0])) == []


def test_the_first_provider_that_knows_a_split_puts_its_places_into_the_plan() -> None:
    split = _split(("s3://eu/a", 0, 10))
    source = FileSource(("s3://eu/a",), Format.TEXT)
    stage = Stage(StageId("job", Side.MAP, "in"), 1, Step("job", "in", None), (), Scan("in", source, (split,)))
    graph = StageGraph((stage, Stage(StageId("job", Side.REDUCE), 1, Step("job", "", None), ())), "job")
    cached = CachedFiles(["n1", "n2"])
    for zones, wanted in (({"s3://eu/": "zone-a"}, ("zone-a",)), ({}, tuple(cached.places(split)))):
        placed = with_places(graph, [ZonesByPrefix(zones), cached])
        assert placed.stages[0].scan is not None
        assert placed.stages[0].scan.splits[0].places == wanted
        assert placed.stages[1] == graph.stages[1]


def test_a_claim_is_a_folder_that_pods_mount() -> None:
    assert canonical("pvc://data/year=2024/") == "file:///volumes/data/year=2024/"
