"""Which task of a stage a worker gets: its own host's first, then its zone's, then any, in a bounded time.

Delay scheduling (Zaharia et al., EuroSys 2010) with the patience at the worker: an idle slot refuses work that is
near to another live worker for ``locality_wait_s`` in all, and stays impatient till it gets local work again. So no
slot idles longer than that beside waiting tasks, and one that holds no data pays the wait once, not for each task.
Volumes are no preference: what needs one that the worker has not mounted never runs there, and waits for one that has.
"""

from __future__ import annotations

from collections.abc import Callable

from gristmill.schedule.chain import Chain
from gristmill.schedule.instructions import Locality
from gristmill.schedule.stages import StageState
from gristmill.schedule.waiting import LOOK
from gristmill.schedule.workers import WorkerState

Choice = tuple[int, Locality]
"""A waiting partition, and how near to its input the worker is."""


def pick(chain: Chain, stage: StageState, worker: WorkerState) -> Choice | None:
    """The waiting task of that stage that the worker should get now; None: it should rather wait for another."""
    if not stage.volumes <= worker.volumes:
        return None
    admits = _admission(chain, stage, worker)
    if not stage.places:
        partition = _first(stage, admits)
        return (partition, Locality.ANYWHERE) if partition >= 0 else None
    return _near(chain, stage, worker, admits) or _far(chain, stage, worker, admits)


def distance(chain: Chain, stage: StageState, partition: int, worker: WorkerState) -> Locality:
    """How near to the task's input the worker is."""
    places = chain.places(stage, partition) if stage.places else ()
    if not places:
        return Locality.ANYWHERE
    for position, name in enumerate(worker.near):
        if name in places:
            return worker.locality_at(position)
    return Locality.REMOTE


def admitted(chain: Chain, stage: StageState, partition: int, worker: WorkerState) -> bool:
    """Whether the task may go there: where its volumes are, and not where it failed lately, while there is another
    usable worker."""
    if not stage.may_run(partition, worker.volumes):
        return False
    trouble = stage.trouble.get(partition)
    if trouble is None or worker.number not in trouble.avoid or chain.now_s >= trouble.elsewhere_until_s:
        return True
    others = (other for other in chain.roster.usable() if stage.may_run(partition, other.volumes))
    return all(other.number in trouble.avoid for other in others)


def _admission(chain: Chain, stage: StageState, worker: WorkerState) -> Callable[[int], bool]:
    if not stage.trouble and not stage.tied:
        return _anyone
    return lambda partition: admitted(chain, stage, partition, worker)


def _anyone(_partition: int) -> bool:
    return True


def _first(stage: StageState, admits: Callable[[int], bool]) -> int:
    partition = stage.next_waiting()
    while partition >= 0 and not admits(partition):
        partition = stage.next_waiting(partition + 1)
    return partition


def _patience(chain: Chain, worker: WorkerState) -> float:
    """Seconds for which the worker has refused work."""
    return 0.0 if worker.refusing_since_s is None else chain.now_s - worker.refusing_since_s


def _near(chain: Chain, stage: StageState, worker: WorkerState, admits: Callable[[int], bool]) -> Choice | None:
    for position, name in enumerate(worker.near):
        queue = stage.places.get(name)
        partition = queue.first(stage.states, admits) if queue is not None else -1
        if partition < 0:
            continue
        level = worker.locality_at(position)
        if level is Locality.LOCAL or not _host_is_there(chain, stage, partition):
            return partition, level
        if _patience(chain, worker) >= chain.config.locality_wait_s / 2:
            return partition, level
    return None


def _far(chain: Chain, stage: StageState, worker: WorkerState, admits: Callable[[int], bool]) -> Choice | None:
    if stage.whole_tied:
        return None
    if _patience(chain, worker) >= chain.config.locality_wait_s:
        partition = _first(stage, admits)
        return (partition, distance(chain, stage, partition, worker)) if partition >= 0 else None
    partition = stage.next_waiting()
    for _ in range(LOOK):
        if partition < 0:
            break
        if admits(partition) and not _anyone_near(chain, stage, partition):
            return partition, distance(chain, stage, partition, worker)
        partition = stage.next_waiting(partition + 1)
    return None


def _host_is_there(chain: Chain, stage: StageState, partition: int) -> bool:
    return any(chain.roster.near_host.get(place) for place in chain.places(stage, partition))


def _anyone_near(chain: Chain, stage: StageState, partition: int) -> bool:
    roster = chain.roster
    return any(roster.near_host.get(place) or roster.near_zone.get(place) for place in chain.places(stage, partition))
