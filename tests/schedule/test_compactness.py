"""The scheduler stays small and quick for very many tasks (bench/schedule_throughput.py has the figures)."""

from __future__ import annotations

import time
import tracemalloc

from schedule_graphs import map_reduce

from gristmill.ids import WorkerId
from gristmill.plan.stage import StageGraph
from gristmill.schedule import Scheduler
from gristmill.schedule.events import AttemptFinished, Tick, WorkerJoined
from gristmill.schedule.instructions import Launch

TASKS = 50_000


def wide() -> StageGraph:
    """Many maps with three places each."""
    hosts = [f"h{number}" for number in range(20)]
    places = tuple(tuple(hosts[(number + step) % 20] for step in range(3)) for number in range(TASKS))
    return map_reduce(TASKS, 100, places=places)


def test_a_pending_task_takes_at_most_200_bytes() -> None:
    graph = wide()
    tracemalloc.start()
    scheduler = Scheduler(graph)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scheduler.progress().stages[0].waiting == TASKS
    assert taken / TASKS <= 200


def seconds_each(scheduler: Scheduler, completions: int, launched: list[Launch]) -> float:
    """Time of one completion, on average over so many."""
    began = time.process_time()
    for _ in range(completions):
        launch = launched.pop()
        said = scheduler.handle(AttemptFinished(launch.attempt, launch.worker, 1, 9.0, "sum"))
        launched.extend(each for each in said if isinstance(each, Launch))
    return (time.process_time() - began) / completions


def test_a_completion_costs_the_same_whatever_the_number_of_tasks() -> None:
    costs = []
    for graph in (map_reduce(3_000, 1), wide()):
        scheduler = Scheduler(graph)
        for number in range(20):
            scheduler.handle(WorkerJoined(WorkerId(f"w{number}"), 2, (f"h{number}",)))
        launched = [each for each in scheduler.handle(Tick(0.0)) if isinstance(each, Launch)]
        costs.append(min(seconds_each(scheduler, 400, launched) for _ in range(5)))
    assert costs[1] < 5 * costs[0]
