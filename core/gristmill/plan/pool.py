"""WorkerPool resources as values: a warm pool that jobs and queries of its namespace may run in.

``plan.resources`` loads them; the operator and the pool's lead read them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.plan.cluster import Pairs, PodOptions
from gristmill.plan.job import Store


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A warm pool of ``min_pods`` to ``max_pods`` pods, its lead among them.

    ``idle_s``: so long a pod above ``min_pods`` may have nothing to do. ``image`` empty: the chart's. ``scratch`` is
    that of jobs that name none. ``claims`` are PersistentVolumeClaims that its pods mount.
    """

    name: str
    min_pods: int = 0
    max_pods: int = 4
    idle_s: float = 300.0
    image: str = ""
    stores: tuple[Store, ...] = ()
    scratch: str = ""
    claims: tuple[str, ...] = ()
    pod: PodOptions = PodOptions()
    namespace: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
