"""The scheduler of one chain: takes one event at a time, gives the instructions that follow from it.

Called by the coordinator, or by a simulation; it does nothing itself and knows neither clock nor network. The same
events give the same instructions.
"""

from __future__ import annotations

from gristmill.ids import WorkerId
from gristmill.plan.stage import StageGraph
from gristmill.schedule.assignment import Assignment
from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain, Phase
from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.events import (
    AttemptFailed,
    AttemptFinished,
    Cancel,
    Cause,
    Event,
    Heartbeat,
    LeaveReason,
    OutputLost,
    OutputMoved,
    TaskRestored,
    Tick,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
)
from gristmill.schedule.failures import Failures
from gristmill.schedule.instructions import (
    AcceptAttempt,
    CancelReason,
    DiscardAttempt,
    FailChain,
    FinishChain,
    Instruction,
)
from gristmill.schedule.lineage import Lineage
from gristmill.schedule.progress import Progress, progress_of
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import DONE, OUTLIVES
from gristmill.schedule.watch import Watch
from gristmill.schedule.workers import WorkerState


class Scheduler:
    """Decides for one chain; does nothing itself."""

    def __init__(self, graph: StageGraph, config: SchedulerConfig | None = None) -> None:
        self._chain = Chain(graph, config or SchedulerConfig())
        self._attempts = Attempts(self._chain)
        self._lineage = Lineage(self._chain, self._attempts)
        self._failures = Failures(self._chain, self._attempts, self._lineage)
        self._assignment = Assignment(self._chain, self._attempts)
        self._watch = Watch(self._chain, self._attempts, self._failures)

    @property
    def phase(self) -> Phase:
        """Where the chain stands."""
        return self._chain.phase

    def progress(self) -> Progress:
        """A picture of the stages and workers now."""
        return progress_of(self._chain)

    def handle(self, event: Event) -> list[Instruction]:
        """What follows from the event, to be done in this order."""
        chain = self._chain
        out: list[Instruction] = []
        chain.out = out
        if chain.phase in (Phase.PLANNED, Phase.RUNNING):
            end = self._apply(event)
            if end is not None:
                self._end(Phase.CANCELLED if isinstance(event, Cancel) else Phase.FAILED, end)
            elif chain.phase is Phase.RUNNING:
                self._go_on()
        elif isinstance(event, AttemptFinished):
            self._after_end(event)
        return out

    def _apply(self, event: Event) -> FailChain | None:
        match event:
            case AttemptFinished():
                self._finished(event)
            case Tick(now_s):
                return self._tick(now_s)
            case Heartbeat(worker):
                self._heard_of(worker)
            case AttemptFailed():
                return self._failed(event)
            case WorkerJoined():
                self._joined(event)
            case WorkerLeft():
                return self._left(event)
            case WorkerDraining(id_):
                self._drain(id_)
            case OutputLost():
                self._output_lost(event)
            case OutputMoved():
                self._output_moved(event)
            case TaskRestored():
                self._restored(event)
            case Cancel(reason):
                return FailChain(None, Cause.CANCELLED, reason)
        return None

    def _go_on(self) -> None:
        if self._chain.unsealed_stages == 0:
            self._end(Phase.FINISHED, FinishChain())
        else:
            self._assignment.settle()

    def _end(self, phase: Phase, last: Instruction) -> None:
        """Stops whatever still runs."""
        chain = self._chain
        chain.phase = phase
        runs = [run for stage in chain.stages for runs in stage.running.values() for run in runs]
        for run in runs:
            self._attempts.cancel(run, CancelReason.CHAIN_ENDED)
        chain.out.append(last)

    def _tick(self, now_s: float) -> FailChain | None:
        if self._chain.phase is Phase.PLANNED:
            self._chain.phase = Phase.RUNNING
            self._watch.begin(now_s)
            self._lineage.start()
            self._chain.wake = True
        return self._watch.tick(now_s)

    def _heard_of(self, id_: WorkerId) -> WorkerState | None:
        """The worker, if it is there; any word of it is a heartbeat."""
        worker = self._chain.roster.by_id.get(id_)
        if worker is not None:
            worker.last_seen_s = self._chain.now_s
        return worker

    def _finished(self, event: AttemptFinished) -> None:
        attempt = event.attempt
        stage, partition = self._chain.stage_by_id[attempt.task.stage], attempt.task.partition
        worker = self._heard_of(event.worker)
        run = self._attempts.find(stage, attempt)
        if run is not None and worker is not None:
            self._attempts.forget(run)
        if stage.was_accepted(partition, attempt.number):
            return
        void = attempt.number < stage.void_below.get(partition, 0)
        if worker is not None and (void or stage.states[partition] == DONE):
            # Dropped for good: a second message must not bring it back when the task is open again.
            stage.void_below[partition] = max(stage.void_below.get(partition, 0), attempt.number + 1)
            worker = None
        if worker is None:
            self._chain.out.append(DiscardAttempt(attempt, event.worker))
            return
        self._accept(stage, partition, event, worker)

    def _accept(self, stage: StageState, partition: int, event: AttemptFinished, worker: WorkerState) -> None:
        """The first attempt of an open task to finish is the task's result; others that run are stopped."""
        chain, number = self._chain, event.attempt.number
        for other in list(stage.running.get(partition, ())):
            self._attempts.cancel(other, CancelReason.OTHER_WON)
        chain.take_out(stage, partition)
        stage.attempts[partition] = max(stage.attempts[partition], number + 1)
        keep_parts = stage.accepted[partition] == 0 or not stage.has_sink
        chain.out.append(AcceptAttempt(event.attempt, event.worker, keep_parts))
        stage.bytes_ += event.bytes_
        stage.durations.add(event.seconds)
        self._lineage.complete(stage, partition, number, worker.number, event.checksum)

    def _failed(self, event: AttemptFailed) -> FailChain | None:
        self._heard_of(event.worker)
        stage = self._chain.stage_by_id[event.attempt.task.stage]
        run = self._attempts.find(stage, event.attempt)
        if run is None:
            return None
        return self._failures.attempt_failed(run, event.cause, event.message, event.lost)

    def _joined(self, event: WorkerJoined) -> None:
        worker = self._chain.roster.join(event)
        if worker is not None:
            worker.last_seen_s = self._chain.now_s
            self._chain.wake = True
            self._failures.keep_one_usable()

    def _left(self, event: WorkerLeft) -> FailChain | None:
        worker = self._chain.roster.by_id.get(event.worker)
        if worker is None:
            self._chain.roster.gone.add(event.worker)
            return None
        cause = Cause.EVICTED if event.reason is LeaveReason.EVICTED else Cause.WORKER_LOST
        return self._failures.worker_left(worker, f"worker {event.worker} left: {event.reason}", cause)

    def _drain(self, id_: WorkerId) -> None:
        worker = self._heard_of(id_)
        if worker is not None and not worker.draining:
            worker.draining = True
            self._failures.clear_queue(worker)
            self._failures.keep_one_usable()

    def _output_lost(self, event: OutputLost) -> None:
        exchange = self._chain.output(event.exchange, event.task_order)
        if exchange is None:
            return
        stage, partition = exchange.writer(event.task_order)
        owner = stage.owners[partition]
        if owner == OUTLIVES or (owner >= 0 and self._chain.roster.by_number[owner].id == event.worker):
            self._lineage.lose(exchange, event.task_order)

    def _output_moved(self, event: OutputMoved) -> None:
        stage, partition = self._chain.stage_by_id[event.task.stage], event.task.partition
        worker = None if event.worker is None else self._chain.roster.by_id.get(event.worker)
        if stage.writes and stage.states[partition] == DONE and (worker is not None or event.worker is None):
            stage.owners[partition] = OUTLIVES if worker is None else worker.number

    def _restored(self, event: TaskRestored) -> None:
        stage, partition = self._chain.stage_by_id[event.attempt.task.stage], event.attempt.task.partition
        if self._chain.phase is not Phase.PLANNED or stage.states[partition] == DONE:
            return
        self._chain.take_out(stage, partition)
        stage.attempts[partition] = event.attempt.number + 1
        stage.bytes_ += event.bytes_
        holder = None if event.worker is None else self._chain.roster.by_id.get(event.worker)
        gone = event.worker is not None and holder is None
        owner = None if gone else OUTLIVES if holder is None else holder.number
        self._lineage.restore(stage, partition, event.attempt.number, owner, event.checksum)

    def _after_end(self, event: AttemptFinished) -> None:
        stage = self._chain.stage_by_id[event.attempt.task.stage]
        if not stage.was_accepted(event.attempt.task.partition, event.attempt.number):
            self._chain.out.append(DiscardAttempt(event.attempt, event.worker))
