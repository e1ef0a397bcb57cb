"""Pods in groups, where the volumes of a pool's claims lie on several nodes: each group mounts what its node holds.

A job's or query's own pool alone: its lead is in the first group, which is that of the outputs. Who reads which volume
the lead knows; here only pods are made, each with claims that one node can mount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gristmill.wire.reports import PoolNeed
from gristmill_operator.actions import CreatePod
from gristmill_operator.model import PoolSpec
from gristmill_operator.names import Role
from gristmill_operator.observed import PlacedVolume, PodView

Groups = tuple[tuple[str, ...], ...]
"""The claims that pods of each group mount, the lead's first; those that any node can mount are in all of them."""


def groups_of(pool: PoolSpec, volumes: Sequence[PlacedVolume]) -> Groups:
    """One group where some node can mount all volumes, and for warm pools."""
    if not pool.private:
        return (pool.claims,)
    found: list[tuple[set[str], set[str]]] = []
    for volume in sorted(volumes, key=lambda one: (one.claim not in pool.written_claims, pool.claims.index(one.claim))):
        if volume.nodes is None:
            continue
        nodes = set(volume.nodes)
        fitting = next(((claims, common) for claims, common in found if common & nodes), None)
        if fitting is None:
            found.append(({volume.claim}, nodes))
        else:
            fitting[0].add(volume.claim)
            fitting[1].intersection_update(nodes)
    placed = set().union(*(claims for claims, _ in found))
    if len(found) < 2:
        return (pool.claims,)
    return tuple(tuple(one for one in pool.claims if one in claims or one not in placed) for claims, _ in found)


def outputs_apart(pool: PoolSpec, volumes: Sequence[PlacedVolume]) -> str:
    """Why outputs on volumes of several nodes cannot be; empty where they are not."""
    groups = groups_of(pool, volumes)
    if set(pool.written_claims) <= set(groups[0]):
        return ""
    lie = ", ".join(str(one) for one in volumes if one.claim in pool.written_claims)
    return (
        f"no node has all volumes that are written to: {lie}; write to volumes of one node, or to object storage, "
        "or make it jobs that each write to one, joined by fromJob"
    )


def created(
    pool: PoolSpec, groups: Groups, group: int, name: str, role: Role, places: tuple[tuple[str, int], ...] = ()
) -> CreatePod:
    """A pod of that group."""
    if len(groups) < 2:
        return CreatePod(pool, name, role, places)
    claims = groups[group]
    written = tuple(claim for claim in pool.written_claims if claim in claims)
    return CreatePod(replace(pool, claims=claims, written_claims=written), name, role, places, groups)


def group_of(pod: PodView, groups: Groups) -> int:
    """Which group the pod is in; -1 for a pod that mounts other claims than any of them."""
    if len(groups) < 2:
        return 0
    every = set().union(*groups)
    mounted = set(pod.claims) & every
    return next((at for at, claims in enumerate(groups) if set(claims) == mounted), -1)


def least_workers(need: PoolNeed, groups: Groups) -> tuple[int, ...]:
    """Workers of each group without which some task would wait for ever; the first group has the lead."""
    return tuple(int(at > 0 and tasks > 0) for at, tasks in enumerate(_tasks(need, groups)))


def shared_out(workers: int, need: PoolNeed, groups: Groups) -> tuple[int, ...]:
    """So many workers, by group: one where it has to be, the rest by the tasks that wait for the groups' volumes."""
    tasks, wanted = _tasks(need, groups), [*least_workers(need, groups)]
    for _ in range(workers - sum(wanted)):
        load = [count / (wanted[at] + 1 + (at == 0)) for at, count in enumerate(tasks)]
        wanted[load.index(max(load))] += 1
    return tuple(wanted)


def _tasks(need: PoolNeed, groups: Groups) -> tuple[int, ...]:
    if len(groups) < 2:
        return (0,)
    waiting = dict(need.volumes)
    return tuple(max((waiting.get(claim, 0) for claim in claims), default=0) for claims in groups)
