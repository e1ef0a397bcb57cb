"""Task completions a second on one core, and bytes for each pending task, of the scheduler alone.

    python bench/schedule_throughput.py [TASKS] [WORKERS] [SLOTS]

A chain of TASKS maps (each near to 3 of the hosts) and TASKS / 100 reducers runs to its end against workers that
answer at once, with a tick every 1,000 completions. Times include making the events and taking the instructions
apart; the graph itself (its splits belong to the plan) is not counted as the scheduler's memory.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections import deque

from gristmill.ids import ExchangeId, Side, StageId, WorkerId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.source import FileSource, Format, Split
from gristmill.plan.stage import ExchangeRead, ExchangeWrite, Scan, SinkWrite, Stage, StageGraph, Step
from gristmill.schedule import Scheduler
from gristmill.schedule.events import AttemptFinished, Tick, WorkerJoined
from gristmill.schedule.instructions import AcceptAttempt, Launch

TICK_EVERY = 1_000
"""Completions in a second of the chain's own clock."""


def graph(maps: int, reduces: int, hosts: int) -> StageGraph:
    """Maps with three places each, hashed to reducers."""
    exchange = ExchangeId("job", "in")
    spec = Exchange(ExchangeKind.HASH, reduces, ("key",))
    near = [tuple(f"host-{(host + i) % hosts}" for i in (0, 7, 13)) for host in range(hosts)]
    kinds = [Split((), 1, places=places) for places in near]
    scan = Scan("in", FileSource(("s3://b/*",), Format.PARQUET), tuple(kinds[i % hosts] for i in range(maps)))
    write = ExchangeWrite(exchange, spec)
    map_stage = Stage(StageId("job", Side.MAP, "in"), maps, Step("job", "in", None), (write,), scan=scan)
    read = ExchangeRead("in", exchange, spec)
    sink = SinkWrite("job", ())
    reduce_stage = Stage(StageId("job", Side.REDUCE), reduces, Step("job", "", None), (sink,), reads=(read,))
    return StageGraph((map_stage, reduce_stage), "job")


def run(scheduler: Scheduler, workers: int, slots: int) -> tuple[int, float]:
    """Completions, and seconds they took."""
    launched: deque[Launch] = deque()
    task_seconds = workers * slots / TICK_EVERY
    for number in range(workers):
        scheduler.handle(WorkerJoined(WorkerId(f"w{number}"), slots, (f"host-{number}", "zone")))
    accepted = finished = 0
    now_s = 0.0
    launched.extend(each for each in scheduler.handle(Tick(now_s)) if isinstance(each, Launch))
    began = time.perf_counter()
    while launched:
        launch = launched.popleft()
        for each in scheduler.handle(AttemptFinished(launch.attempt, launch.worker, 1_000, task_seconds, "sum")):
            if isinstance(each, Launch):
                launched.append(each)
            elif isinstance(each, AcceptAttempt):
                accepted += 1
        finished += 1
        if finished % TICK_EVERY == 0 or not launched:
            now_s += 1.0
            launched.extend(each for each in scheduler.handle(Tick(now_s)) if isinstance(each, Launch))
    return accepted, time.perf_counter() - began


def main(tasks: int = 1_000_000, workers: int = 100, slots: int = 10) -> None:
    """Prints the two figures."""
    plan = graph(tasks, max(1, tasks // 100), workers)
    pending = sum(stage.tasks for stage in plan.stages)
    gc.collect()
    tracemalloc.start()
    began = time.perf_counter()
    scheduler = Scheduler(plan)
    made_s = time.perf_counter() - began
    current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    accepted, seconds = run(scheduler, workers, slots)
    if accepted != pending or scheduler.phase != "finished":
        sys.exit(f"accepted {accepted} of {pending} tasks, phase {scheduler.phase}")
    print(f"tasks {pending}  workers {workers}  slots {slots}")
    print(f"made in {made_s:.2f} s (traced)")
    print(f"bytes per pending task {current / pending:.1f} (peak {peak / pending:.1f})")
    print(f"completions per second {accepted / seconds:.0f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
