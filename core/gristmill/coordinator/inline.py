"""The inline tier: a small chain runs inside the calling process, one task at a time, with no other process at all.

It is the same ChainRun, scheduler, kernel and commit as everywhere; only the worker is this process.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.interrupts import Interrupts
from gristmill.coordinator.links import StagedPlan
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain
from gristmill.coordinator.progress import ChainState, Progress
from gristmill.coordinator.snapshot import snapshot
from gristmill.errors import Cancelled, GristmillError
from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.kernel.environment import TaskEnv
from gristmill.kernel.failures import Failure
from gristmill.kernel.feeds import FeedStore
from gristmill.kernel.job_code import remove_code
from gristmill.kernel.task import run_task
from gristmill.plan.task import ExchangeFeed, TaskOrder
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.events import Cause, WorkerJoined
from gristmill.shuffle.blocks import LocalFiles
from gristmill.shuffle.layout import exchange_folder
from gristmill.storage.stores import Stores
from gristmill.storage.temporary import TemporaryFolder

WORKER = WorkerId("inline")
INLINE_MEMORY_BYTES = 1 << 30


class _InlineLink:
    """This process as a worker: launches wait in a queue until the loop comes to them."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs
        self.waiting: deque[tuple[StagedPlan, TaskOrder]] = deque()
        self.feeds = FeedStore()
        self.cancelled: list[AttemptId] = []

    def feed(self, update: ExchangeFeed) -> None:
        self.feeds.add(update)

    def launch(self, plan: StagedPlan, order: TaskOrder) -> None:
        self.waiting.append((plan, order))

    def cancel(self, attempt: AttemptId) -> None:
        self.waiting = deque((plan, order) for plan, order in self.waiting if order.attempt != attempt)
        self.cancelled.append(attempt)

    def release(self, run: str, exchange: ExchangeId) -> None:
        shutil.rmtree(exchange_folder(self.outputs, run, exchange), ignore_errors=True)

    def stop(self) -> None:
        self.waiting.clear()


@dataclass(frozen=True, slots=True)
class InlinePlace:
    """Where an inline run keeps its files."""

    stores: Stores
    local_dir: Path
    cache_dir: Path


def run_inline(
    planned: PlannedChain,
    outputs: ChainOutputs,
    facts: RunFacts,
    place: InlinePlace,
    report: Callable[[Progress], None],
) -> ChainRun:
    """Runs the chain to its end. Raises what it failed with; to abandon the outputs is the caller's business."""
    started_s = time.monotonic()
    # One process is all there is: nothing to wait for, nobody else to try.
    run = ChainRun(planned.graph, facts, SchedulerConfig(early_launch=False, backups=False, retry_elsewhere_s=0.0))
    with TemporaryFolder(place.local_dir) as scratch, Interrupts() as interrupts:
        link = _InlineLink(scratch / "outputs")
        environment = TaskEnv(
            stores=place.stores,
            scratch=scratch,
            outputs=link.outputs,
            fetch=LocalFiles(),
            feed_updates=link.feeds.sealed,
            worker=WORKER,
            host=WORKER,
            cache=place.cache_dir,
            log=_show,
        )
        run.tick(time.monotonic())
        run.joined(WorkerJoined(WORKER, slots=1), link)
        try:
            while not run.finished and run.error is None:
                _step(run, link, environment, outputs, interrupts)
                report(snapshot(run, planned.tier, ChainState.RUNNING, time.monotonic() - started_s))
            while run.effects and run.error is None:
                outputs.perform(run.effects.popleft())
        except KeyboardInterrupt:
            run.cancel("interrupted")
        except GristmillError as error:
            run.fail(error)
        finally:
            remove_code()
    if run.error is not None:
        state = ChainState.CANCELLED if isinstance(run.error, Cancelled) else ChainState.FAILED
        report(snapshot(run, planned.tier, state, time.monotonic() - started_s))
        raise run.error
    report(snapshot(run, planned.tier, ChainState.FINISHED, time.monotonic() - started_s))
    return run


def _show(text: str) -> None:
    """What user code prints is seen, beside the progress and never among the rows."""
    if sys.__stderr__ is not None:
        sys.__stderr__.write(text)


def _step(
    run: ChainRun, link: _InlineLink, environment: TaskEnv, outputs: ChainOutputs, interrupts: Interrupts
) -> None:
    """Runs the next task, or lets time pass where the scheduler wants to wait."""
    while run.effects:
        outputs.perform(run.effects.popleft())
    for attempt in link.cancelled:
        run.attempt_failed(WORKER, attempt, Cause.CANCELLED, Cancelled("cancelled"))
    link.cancelled.clear()
    if not link.waiting:
        time.sleep(0.001)
        run.tick(time.monotonic())
        return
    plan, order = link.waiting.popleft()
    order = replace(order, feeds=tuple(link.feeds.current(read) for read in plan.stage.exchanges_read))
    try:
        with interrupts.working():
            result = run_task(plan.stage, order, environment)
    except KeyboardInterrupt:
        raise
    # The border of the user's code: whatever it raises becomes a report.
    except BaseException as error:  # noqa: BLE001
        failure = Failure.of(order.attempt.task, error)
        run.tick(time.monotonic())
        run.attempt_failed(WORKER, order.attempt, Cause(failure.cause), failure.error, failure.lost)
    else:
        run.tick(time.monotonic())
        run.attempt_finished(WORKER, result)
