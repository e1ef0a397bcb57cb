"""Where splits lie: providers name the nodes and zones that are near to each, and the scheduler prefers them.

A pool's lead puts the names into the plan, after planning and before the run. Names are those that the operator tells
of worker pods; a place that no worker is in is no hindrance.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gristmill.plan.source import FileRange, Split
from gristmill.plan.stage import StageGraph

HOSTS_NAMED = 3
"""A split is near to so many hosts at most: HDFS keeps three copies of a block."""


class PlaceProvider(Protocol):
    """Knows of some splits where they lie."""

    def places(self, split: Split) -> Sequence[str]:
        """Names from near to far; empty where it knows nothing of the split."""


def with_places(graph: StageGraph, providers: Iterable[PlaceProvider]) -> StageGraph:
    """The graph with the places of all splits: of each those that the first provider names that knows it."""
    known = tuple(providers)
    if not known:
        return graph

    def placed(split: Split) -> Split:
        names = next((names for provider in known if (names := provider.places(split))), ())
        return replace(split, places=tuple(names)) if names else split

    return _with_splits(graph, lambda splits: tuple(map(placed, splits)))


def _with_splits(graph: StageGraph, changed: Callable[[tuple[Split, ...]], tuple[Split, ...]]) -> StageGraph:
    """The graph with other splits in each scan."""
    stages = (
        replace(stage, scan=replace(stage.scan, splits=changed(stage.scan.splits))) if stage.scan else stage
        for stage in graph.stages
    )
    return replace(graph, stages=tuple(stages))


@dataclass(frozen=True)
class ZonesByPrefix:
    """Buckets and paths that lie in a zone, as the chart's values say; of matching prefixes the longest counts."""

    zones: Mapping[str, str]

    def places(self, split: Split) -> Sequence[str]:
        """The zone that holds most of the split's bytes."""
        bytes_ = Counter[str]()
        for piece in split.pieces:
            if zone := self._zone(piece.uri):
                bytes_[zone] += _bytes(piece)
        return [zone for zone, _ in bytes_.most_common(1)]

    def _zone(self, uri: str) -> str:
        matching = (prefix for prefix in self.zones if uri.startswith(prefix))
        return self.zones[max(matching, key=len)] if any(uri.startswith(prefix) for prefix in self.zones) else ""


BlockHosts = Callable[[str], Sequence[tuple[int, int, Sequence[str]]]]
"""The blocks of a file in HDFS: (first byte, byte behind the last, names of hosts that hold a copy)."""


@dataclass(frozen=True)
class HdfsBlocks:
    """Files in HDFS, whose blocks lie on hosts. ``blocks`` asks the name node; once for each file and split."""

    blocks: BlockHosts

    def places(self, split: Split) -> Sequence[str]:
        """The hosts that hold most of the split's bytes, the most first."""
        bytes_ = Counter[str]()
        for piece in split.pieces:
            if piece.uri.startswith("hdfs://"):
                for start, end, hosts in self.blocks(piece.uri):
                    shared = min(end, piece.end) - max(start, piece.start)
                    bytes_.update(dict.fromkeys(hosts, max(shared, 0)))
        return [host for host, held in bytes_.most_common(HOSTS_NAMED) if held]


def with_caches(graph: StageGraph, nodes: Sequence[str]) -> StageGraph:
    """The graph where also those splits have a place that nobody knows one of: the node that has them in its cache, or
    will, by ``cache_nodes``. With one node there is nothing to choose."""
    if len(nodes) < 2:
        return graph

    def placed(splits: tuple[Split, ...]) -> tuple[Split, ...]:
        free = [number for number, split in enumerate(splits) if split.pieces and not split.places]
        near = dict(zip(free, cache_nodes([splits[number] for number in free], nodes), strict=True))
        return tuple(
            replace(split, places=(near[number],)) if number in near else split for number, split in enumerate(splits)
        )

    return _with_splits(graph, placed)


def cache_nodes(splits: Sequence[Split], nodes: Sequence[str]) -> list[str]:
    """For each split of a scan the node that caches it: the same for each run over the same files and nodes.

    A rendezvous hash of the file (Thaler and Ravishankar 1998), with bounded loads (Mirrokni, Thorup and Zadimoghaddam
    2018): a node that has its share of the scan's bytes gets no more, so that no node has to do alone what all could.
    When a node goes, little but its own files moves.
    """
    share = sum(split.bytes_ for split in splits) / len(nodes)
    load = dict.fromkeys(nodes, 0)
    chosen: list[str] = []
    uri, ranks = "", dict[str, bytes]()
    for split in splits:
        if split.pieces[0].uri != uri:
            uri = split.pieces[0].uri
            ranks = {node: hashlib.sha256(f"{node}\0{uri}".encode()).digest() for node in nodes}
        half = split.bytes_ / 2
        room = [node for node in nodes if load[node] + half <= max(share, half)]
        node = max(room, key=ranks.__getitem__) if room else min(nodes, key=load.__getitem__)
        load[node] += split.bytes_
        chosen.append(node)
    return chosen


def _bytes(piece: FileRange) -> int:
    return max(piece.end - piece.start, 1)
