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

    stages = (
        replace(stage, scan=replace(stage.scan, splits=tuple(map(placed, stage.scan.splits)))) if stage.scan else stage
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


@dataclass(frozen=True)
class CachedFiles:
    """The node that has a file's blocks in its cache, or will: the same for each run over the same nodes.

    Rendezvous hash (Thaler and Ravishankar 1998): when a node goes, only its own files move.
    """

    nodes: Sequence[str]

    def places(self, split: Split) -> Sequence[str]:
        """The node for the split's first file; with one node there is nothing to choose."""
        if len(self.nodes) < 2 or not split.pieces:
            return ()
        uri = split.pieces[0].uri
        return [max(self.nodes, key=lambda node: hashlib.sha256(f"{node}\0{uri}".encode()).digest())]


def _bytes(piece: FileRange) -> int:
    return max(piece.end - piece.start, 1)
