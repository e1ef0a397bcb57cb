"""Thousands of random chains on random clusters with random faults; every instruction is held against the laws.

``GRISTMILL_SIMULATIONS=100000 pytest tests/schedule`` runs more of them. A failure prints its seed;
``GRISTMILL_SIMULATION_SEED=12345`` runs that one alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import get_args

import pytest
from schedule_graphs import RandomGraph
from schedule_simulation import Cluster, Faults

from gristmill.ids import TaskId
from gristmill.plan.job import RetryPolicy
from gristmill.schedule import Scheduler
from gristmill.schedule.chain import Phase
from gristmill.schedule.events import Cancel, Cause
from gristmill.schedule.instructions import CancelAttempt, CancelReason, FailChain, FinishChain, Instruction, Launch

BATCHES = 10
SIMULATIONS = int(os.environ.get("GRISTMILL_SIMULATIONS", "2000"))
ONE_SEED = os.environ.get("GRISTMILL_SIMULATION_SEED")


def cluster_of(seed: int, **faults: float) -> Cluster:
    """The cluster of that seed, with a random chain and mix of faults."""
    rng = random.Random(seed)
    retry = RetryPolicy(task_timeout_s=rng.choice((None, 200.0)))
    graph = RandomGraph(rng, retry).build()
    return Cluster(seed, graph, replace(Faults.drawn(rng), **faults))


def finished(seed: int, **faults: float) -> Cluster:
    """The same, run to a good end; a broken law names the seed."""
    cluster = cluster_of(seed, **faults)
    with blame(seed):
        cluster.run(workers=1 + seed % 6)
        assert cluster.scheduler.phase is Phase.FINISHED
    return cluster


@contextmanager
def blame(seed: int) -> Iterator[None]:
    """Whatever goes wrong, the message says how to see it again."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"GRISTMILL_SIMULATION_SEED={seed}: {error}") from error


def seeds(batch: int, share: int = 1) -> range:
    """The seeds of one of the batches; only one of ``share`` simulations where the test is a smaller one."""
    if ONE_SEED is not None:
        return range(int(ONE_SEED), int(ONE_SEED) + 1)
    return range(batch, SIMULATIONS // share, BATCHES)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_chain_finishes_under_the_laws_while_one_worker_lives(batch: int) -> None:
    for seed in seeds(batch):
        finished(seed)


def test_chains_of_nondeterministic_maps_finish_too() -> None:
    for seed in seeds(0, share=2):
        finished(seed, nondeterministic=0.5)


def test_the_same_events_give_the_same_instructions() -> None:
    for seed in seeds(0, share=4):
        cluster = finished(seed)
        again = Scheduler(cluster.graph, cluster.config)
        with blame(seed):
            assert all(again.handle(event) == instructions for event, instructions in cluster.log)


def test_a_task_that_always_fails_ends_the_chain_by_its_name_and_cause() -> None:
    for seed in seeds(1, share=2):
        cluster = cluster_of(seed)
        rng = random.Random(seed)
        tasks = [TaskId(stage.id, number) for stage in cluster.graph.stages for number in range(stage.tasks)]
        if not tasks:
            continue
        poison, cause = rng.choice(tasks), rng.choice((Cause.ERROR, Cause.OOM, Cause.EXECUTOR_LOST, Cause.DISK_FULL))
        cluster.poison[poison] = cause
        with blame(seed):
            cluster.run()
            assert cluster.laws.end == FailChain(poison, cause, "simulated")


def test_cancel_at_any_moment_leaves_nothing_running_and_nothing_staged() -> None:
    for seed in seeds(2, share=2):
        cluster = cluster_of(seed)
        cluster.at(random.Random(seed).uniform(0, 20), partial(cluster.tell, Cancel("enough")))
        with blame(seed):
            cluster.run()
            assert cluster.laws.end in (FinishChain(), FailChain(None, Cause.CANCELLED, "enough"))


def test_a_scheduler_that_takes_over_runs_nothing_again_that_is_there() -> None:
    for seed in seeds(3, share=4):
        first = finished(seed, failure=0.0, worker_loss_s=0.0, drain_s=0.0, corrupt=0.0, unreachable=0.0)
        half = list(first.laws.accepted.values())[: len(first.laws.accepted) // 2]
        second = cluster_of(seed)
        for accept in half:
            second.restore(accept.attempt)
        with blame(seed):
            second.run()
            assert second.scheduler.phase is Phase.FINISHED


def test_the_simulations_reach_every_instruction_and_every_reason_to_cancel() -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        for _, instructions in finished(seed, nondeterministic=0.2).log:
            seen.update(type(each).__name__ for each in instructions)
            seen.update(each.reason for each in instructions if isinstance(each, CancelAttempt))
            seen.update(word for each in instructions if isinstance(each, Launch) for word in flags(each))
    wanted = {kind.__name__ for kind in get_args(Instruction)} | set(CancelReason) | {"early", "backup", "exclusive"}
    assert wanted - set(seen) == {"FailChain", "chain-ended"} - set(seen)


def flags(launch: Launch) -> list[str]:
    """What is special about the launch."""
    return [word for word in ("early", "backup", "exclusive") if getattr(launch, word)]
