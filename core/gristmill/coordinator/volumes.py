"""Which tasks need which volumes, in a pool whose pods have not all mounted the same ones.

Volumes of one node (local PersistentVolumes, say) make a pool's pods into groups, each with what lies on its node. A
task that reads or writes a volume runs only where it is mounted. The lead asks this after planning, before the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gristmill.errors import InvalidPlan
from gristmill.plan.source import Split
from gristmill.plan.stage import SinkWrite, Stage, StageGraph
from gristmill.storage.filesystem import canonical, volume_of


def with_volumes(graph: StageGraph, groups: Sequence[frozenset[str]]) -> StageGraph:
    """The graph with the volumes that its tasks need, as far as not all workers have them.

    ``groups``: what workers of each kind have mounted. Raises InvalidPlan for a task that none of them can run.
    """
    if len(groups) < 2:
        return graph
    common = frozenset.intersection(*groups)
    return replace(graph, stages=tuple(_tied(stage, groups, common) for stage in graph.stages))


def _tied(stage: Stage, groups: Sequence[frozenset[str]], common: frozenset[str]) -> Stage:
    own = _volumes(_of_every_task(stage)) - common
    _check(stage, own, groups)
    if stage.scan is None:
        return replace(stage, volumes=tuple(sorted(own))) if own else stage
    tied = [_volumes(piece.uri for piece in split.pieces) - common for split in stage.scan.splits]
    for needed in set(tied):
        _check(stage, own | needed, groups)
    splits: tuple[Split, ...] = tuple(
        replace(split, volumes=tuple(sorted(needed))) if needed else split
        for split, needed in zip(stage.scan.splits, tied, strict=True)
    )
    return replace(stage, volumes=tuple(sorted(own)), scan=replace(stage.scan, splits=splits))


def _of_every_task(stage: Stage) -> Iterator[str]:
    """URIs that each task of the stage reads or writes."""
    for step in (stage.body, *(step for outlet in stage.outlets for step in outlet.steps)):
        yield from (piece.uri for side in step.sides for split in side.splits for piece in split.pieces)
    for outlet in stage.outlets:
        if isinstance(outlet, SinkWrite):
            yield from (canonical(output.uri) for output in outlet.outputs)


def _volumes(uris: Iterable[str]) -> frozenset[str]:
    return frozenset(map(volume_of, uris)) - {""}


def _check(stage: Stage, needed: frozenset[str], groups: Sequence[frozenset[str]]) -> None:
    if any(needed <= group for group in groups):
        return
    raise InvalidPlan(
        f"each of its tasks needs {' and '.join(sorted(needed))}, which lie on different nodes",
        place=f"job {stage.id.job!r}",
        remedy="Side inputs, and the output of a job without reduce, have to lie on the volume that is read, or in "
        "object storage.",
    )
