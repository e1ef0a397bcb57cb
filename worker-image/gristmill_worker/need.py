"""Which pods a pool could use: asked for from need, which is waiting tasks times the time that one takes.

Pure: from how runs stand to a PoolNeed. A pod takes seconds to come, so work that the present workers will have done by
then asks for nothing; that is how a small run is one pod.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gristmill.coordinator.chain_run import ChainRun
from gristmill.ids import Side
from gristmill.wire.reports import PoolNeed

WORTH_A_POD_S = 4.0
"""Work that the present slots do in so many seconds waits for no pod."""
DONE_IN_S = 10.0
"""So many slots are wanted that what waits is done in about so many seconds."""
PLACES_NAMED = 20


@dataclass(frozen=True, slots=True)
class RunDemand:
    """One run's waiting and running tasks by side; ``task_s`` is what one takes, None while none has ended.

    ``age_s``: since it began. ``places``: (node or zone, bytes of waiting splits there). ``volumes``: (``pvc://CLAIM``,
    tasks that can be nowhere else).
    """

    waiting_maps: int
    waiting_reduces: int
    running: int
    task_s: float | None
    age_s: float
    places: tuple[tuple[str, int], ...] = ()
    volumes: tuple[tuple[str, int], ...] = ()


def demand_before_plan(volumes: Iterable[str], age_s: float) -> RunDemand:
    """What a run needs that cannot be planned before pods have mounted those volumes."""
    return RunDemand(0, 0, 0, None, age_s, volumes=tuple((volume, 1) for volume in sorted(volumes)))


def demand_of(run: ChainRun, age_s: float) -> RunDemand:
    """What a run could use now: only tasks whose input is there count as waiting."""
    wanted = run.wanted.slots
    counts = run.counts()
    running = sum(count.running for count in counts)
    waiting = max(0, wanted - running)
    ready = {Side.MAP: 0, Side.REDUCE: 0}
    for count in counts:
        side = Side.MAP if count.stage.side is Side.MAP else Side.REDUCE
        ready[side] += count.waiting
    maps = min(waiting, ready[Side.MAP])
    done = sum(count.done for count in counts)
    seconds = sum(stage.seconds for stage in run.tally.stages.values())
    bytes_ = _mean_split_bytes(run)
    places = tuple((name, tasks * bytes_) for name, tasks in run.wanted.places)
    task_s = seconds / done if done else None
    return RunDemand(maps, waiting - maps, running, task_s, age_s, places, run.wanted.volumes)


def need_of(runs: Iterable[RunDemand], slots: int, idle: tuple[str, ...], idle_s: float) -> PoolNeed:
    """The pool's need; ``slots`` are those that it has."""
    demands = list(runs)
    busy = sum(demand.running for demand in demands)
    wanted = sum(_slots(demand, max(slots, 1)) for demand in demands)
    places: Counter[str] = Counter()
    volumes: Counter[str] = Counter()
    for demand in demands:
        places.update(dict(demand.places))
        volumes.update({volume.removeprefix("pvc://"): tasks for volume, tasks in demand.volumes})
    return PoolNeed(
        slots=max(wanted, busy),
        maps=sum(demand.waiting_maps for demand in demands),
        reduces=sum(demand.waiting_reduces for demand in demands),
        places=tuple(places.most_common(PLACES_NAMED)),
        idle=idle,
        active_runs=len(demands),
        idle_s=idle_s,
        volumes=tuple(sorted(volumes.items())),
    )


def same_need(one: PoolNeed, other: PoolNeed) -> bool:
    """Whether they ask for the same; for how long a pool has been idle counts only as whether it is."""
    return replace(one, idle_s=0.0) == replace(other, idle_s=0.0) and (one.idle_s > 0) == (other.idle_s > 0)


def _slots(demand: RunDemand, slots: int) -> int:
    """Slots that one run could use, those it has included."""
    waiting = demand.waiting_maps + demand.waiting_reduces
    if not waiting:
        return demand.running
    # A task that has not ended yet takes at least as long as it runs.
    task_s = demand.age_s if demand.task_s is None else demand.task_s
    left_s = waiting * task_s / slots
    if left_s < WORTH_A_POD_S:
        return demand.running
    more = math.ceil(waiting * task_s / DONE_IN_S)
    return min(demand.running + waiting, max(slots + 1, more))


def _mean_split_bytes(run: ChainRun) -> int:
    splits = [split for stage in run.graph.stages if stage.scan is not None for split in stage.scan.splits]
    return sum(split.bytes_ for split in splits) // len(splits) if splits else 0
