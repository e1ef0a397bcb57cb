"""Where splits lie, by provider; HDFS from a recorded listing of blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.coordinator.places import HdfsBlocks, ZonesByPrefix, cache_nodes, with_caches, with_places
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


def test_a_cached_file_goes_to_the_same_node_and_moves_hardly_but_with_it() -> None:
    files = [_split((f"s3://b/{number}", 0, 1)) for number in range(300)]
    three = cache_nodes(files, ["n1", "n2", "n3"])
    two = cache_nodes(files, ["n1", "n3"])
    assert three == cache_nodes(files, ["n1", "n2", "n3"])
    moved = sum(before not in ("n2", after) for before, after in zip(three, two, strict=True))
    assert moved < 20, "files moved though their node is still there"
    assert [*Counter(three).values()] == [100, 100, 100]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30), st.integers(2, 7), st.integers(1, 4))
def test_no_node_has_much_more_than_its_share_of_a_scan(sizes: list[int], count: int, files: int) -> None:
    splits = [_split((f"s3://b/{number % files}", 0, size)) for number, size in enumerate(sizes)]
    nodes = [f"n{number}" for number in range(count)]
    load = Counter[str]()
    for split, node in zip(splits, cache_nodes(splits, nodes), strict=True):
        load[node] += split.bytes_
    assert max(load.values()) <= sum(sizes) / count + max(sizes)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_a_file_in_several_splits_is_halved_between_two_nodes_however_it_is_cut(count: int) -> None:
    splits = [_split(("s3://b/table", start, start + 800 // count)) for start in range(0, 800, 800 // count)]
    first, *_, last = nodes = cache_nodes(splits, ["n1", "n2"])
    assert nodes == [first] * (count // 2) + [last] * (count // 2)
    assert first == cache_nodes(splits[:1], ["n1", "n2"])[0]
    assert first != last


def test_what_is_known_of_a_split_comes_before_caches() -> None:
    split = _split(("s3://eu/a", 0, 10))
    source = FileSource(("s3://eu/a",), Format.TEXT)
    stage = Stage(StageId("job", Side.MAP, "in"), 1, Step("job", "in", None), (), Scan("in", source, (split,)))
    graph = StageGraph((stage, Stage(StageId("job", Side.REDUCE), 1, Step("job", "", None), ())), "job")
    zones, nothing = ZonesByPrefix({"s3://eu/": "zone-a"}), ZonesByPrefix({})
    cached = tuple(cache_nodes([split], ["n1", "n2"]))
    for provider, nodes, wanted in (
        (zones, ["n1", "n2"], ("zone-a",)),
        (nothing, ["n1", "n2"], cached),
        (nothing, ["n1"], ()),
    ):
        placed = with_caches(with_places(graph, [nothing, provider]), nodes)
        assert placed.stages[0].scan is not None
        assert placed.stages[0].scan.splits[0].places == wanted
        assert placed.stages[1] == graph.stages[1]


def test_a_claim_is_a_folder_that_pods_mount() -> None:
    assert canonical("pvc://data/year=2024/") == "file:///volumes/data/year=2024/"
