"""Thousands of random chains on random clusters with random faults; every instruction is held against the laws.

``GRISTMILL_SIMULATIONS=100000 pytest tests/schedule`` runs more of them. A failure prints its seed;
``GRISTMILL_SIMULATION_SEED=12345`` runs that one alone.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest
from schedule_graphs import RandomGraph
from schedule_laws import BrokenLaw
from schedule_simulation import Cluster, Faults

from gristmill.plan.job import RetryPolicy
from gristmill.schedule.chain import Phase

BATCHES = 20
SIMULATIONS = int(os.environ.get("GRISTMILL_SIMULATIONS", "2000"))
ONE_SEED = os.environ.get("GRISTMILL_SIMULATION_SEED")


def simulated(seed: int, **faults: float) -> Cluster:
    """The cluster of that seed, run to its end."""
    rng = random.Random(seed)
    retry = RetryPolicy(task_timeout_s=rng.choice((None, 200.0)))
    graph = RandomGraph(rng, retry).build()
    cluster = Cluster(seed, graph, replace(Faults.drawn(rng), **faults))
    cluster.run(workers=rng.randint(1, 6))
    return cluster


def seeds(batch: int) -> range:
    """The seeds of one of the batches."""
    if ONE_SEED is not None:
        return range(int(ONE_SEED), int(ONE_SEED) + 1)
    return range(batch, SIMULATIONS, BATCHES)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_chain_finishes_under_the_laws_while_one_worker_lives(batch: int) -> None:
    for seed in seeds(batch):
        try:
            cluster = simulated(seed)
            assert cluster.scheduler.phase is Phase.FINISHED
        except (BrokenLaw, AssertionError, LookupError) as error:
            raise AssertionError(f"GRISTMILL_SIMULATION_SEED={seed}") from error
