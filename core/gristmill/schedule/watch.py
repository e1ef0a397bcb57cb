"""What only time brings about: silent workers, tasks that run too long, patience that ends, stragglers, demand."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.backups import launch_backups
from gristmill.schedule.chain import Chain
from gristmill.schedule.failures import Failures
from gristmill.schedule.instructions import FailChain, LoseWorker, RequestWorkers
from gristmill.schedule.stages import StageState

PLACES_NAMED = 16
"""So many places are named at most when workers are asked for."""


class Watch:
    """Looks at the clock on each tick, and at everything else ``check_every_s`` apart."""

    def __init__(self, chain: Chain, attempts: Attempts, failures: Failures) -> None:
        self._chain = chain
        self._attempts = attempts
        self._failures = failures
        self._next_check_s = 0.0
        self._asked: tuple[int, tuple[tuple[str, int], ...]] = (-1, ())

    def begin(self, now_s: float) -> None:
        """The first tick: silence counts from here."""
        self._chain.now_s = self._next_check_s = now_s
        self._hear_all(now_s)

    def tick(self, now_s: float) -> FailChain | None:
        """It is ``now_s``; what it returns ends the chain."""
        chain = self._chain
        silent_s = now_s - chain.now_s
        chain.now_s = max(chain.now_s, now_s)
        if silent_s > chain.config.heartbeat_timeout_s / 2:
            # It was the coordinator that stood still: what workers sent meanwhile is not yet read.
            self._hear_all(chain.now_s)
        if chain.now_s < self._next_check_s:
            return None
        self._next_check_s = chain.now_s + chain.config.check_every_s
        return self._check()

    def _hear_all(self, now_s: float) -> None:
        for worker in self._chain.roster.by_id.values():
            worker.last_seen_s = now_s

    def _check(self) -> FailChain | None:
        chain = self._chain
        end = self._lose_silent() or self._stop_slow()
        if end is not None:
            return end
        for worker in chain.roster.by_id.values():
            if worker.blocked_until_s is not None and chain.now_s >= worker.blocked_until_s:
                self._failures.forgive(worker)
        if chain.roster.free:
            chain.wake = True
            launch_backups(chain, self._attempts)
        elif chain.early_runs:
            launch_backups(chain, self._attempts)
        self._ask()
        return None

    def _lose_silent(self) -> FailChain | None:
        chain = self._chain
        since = chain.now_s - chain.config.heartbeat_timeout_s
        for worker in [worker for worker in chain.roster.by_id.values() if worker.last_seen_s < since]:
            silent_s = chain.now_s - worker.last_seen_s
            chain.out.append(LoseWorker(worker.id))
            end = self._failures.worker_left(worker, f"worker {worker.id} was silent for {silent_s:.0f} s")
            if end is not None:
                return end
        return None

    def _stop_slow(self) -> FailChain | None:
        chain = self._chain
        for stage in chain.stages:
            limit_s = stage.retry.task_timeout_s
            if limit_s is None:
                continue
            since = chain.now_s - limit_s
            for run in [run for runs in stage.running.values() for run in runs if run.started_s < since]:
                waits = run not in run.worker.active or (run.early and stage.gate)
                end = None if waits else self._failures.timed_out(run)
                if end is not None:
                    return end
        return None

    def _ask(self) -> None:
        """Says how many slots would be busy, when that has changed."""
        chain = self._chain
        stages = [chain.stages[index] for index in chain.runnable]
        busy = sum(len(worker.active) + len(worker.queued) for worker in chain.roster.by_id.values())
        wanted = sum(stage.waiting for stage in stages) + len(chain.held) + busy
        slots = min(wanted, chain.config.max_slots_wanted)
        volumes = self._volumes_wanted()
        if (slots, volumes) != self._asked:
            self._asked = (slots, volumes)
            chain.out.append(RequestWorkers(slots, self._most_wanted(stages), volumes))

    def _volumes_wanted(self) -> tuple[tuple[str, int], ...]:
        wanted: Counter[str] = Counter()
        for stage in self._chain.stages:
            if stage.tied or stage.volumes:
                wanted.update(stage.unfinished_at())
        return tuple(sorted(wanted.items()))

    def _most_wanted(self, stages: list[StageState]) -> tuple[tuple[str, int], ...]:
        near: Counter[str] = Counter()
        for stage in stages:
            for name, queue in stage.places.items():
                if name not in stage.tied:
                    near[name] += queue.size()
        most = nsmallest(PLACES_NAMED, near.items(), key=lambda item: (-item[1], item[0]))
        return tuple((name, size) for name, size in most if size)
