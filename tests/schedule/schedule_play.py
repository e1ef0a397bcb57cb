"""Plays events to a scheduler by short names and gives its instructions as lines of text, for tests that read well."""

from __future__ import annotations

from gristmill.ids import AttemptId, ExchangeId, WorkerId
from gristmill.plan.stage import StageGraph
from gristmill.schedule import Scheduler, SchedulerConfig
from gristmill.schedule.events import (
    AttemptFailed,
    AttemptFinished,
    Cause,
    Event,
    Heartbeat,
    LeaveReason,
    OutputLost,
    Tick,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
)
from gristmill.schedule.instructions import (
    AcceptAttempt,
    CancelAttempt,
    DiscardAttempt,
    ExchangeReopened,
    ExchangeSealed,
    FailChain,
    FinishChain,
    Instruction,
    JobFinished,
    Launch,
    LoseWorker,
    ReleaseOutputs,
    RequestWorkers,
    StageSealed,
    Warn,
)


class Play:
    """One scheduler. Every method gives what the event led to, without requests for workers."""

    def __init__(self, graph: StageGraph, **config: object) -> None:
        self.scheduler = Scheduler(graph, SchedulerConfig(**config))  # type: ignore[arg-type]
        self.requests: list[RequestWorkers] = []
        self._where: dict[str, WorkerId] = {}

    def say(self, event: Event) -> list[str]:
        """Any event."""
        lines = []
        for instruction in self.scheduler.handle(event):
            if isinstance(instruction, RequestWorkers):
                self.requests.append(instruction)
                continue
            if isinstance(instruction, Launch):
                self._where[str(instruction.attempt)] = instruction.worker
            lines.append(line(instruction))
        return lines

    def join(
        self, worker: str, slots: int = 1, *places: str, outlives: bool = False, volumes: tuple[str, ...] = ()
    ) -> list[str]:
        """A worker comes."""
        return self.say(WorkerJoined(WorkerId(worker), slots, places, outlives, volumes))

    def leave(self, worker: str, reason: LeaveReason = LeaveReason.LOST) -> list[str]:
        """A worker goes."""
        return self.say(WorkerLeft(WorkerId(worker), reason))

    def drain(self, worker: str) -> list[str]:
        """A worker wants to go."""
        return self.say(WorkerDraining(WorkerId(worker)))

    def beat(self, worker: str) -> list[str]:
        """A sign of life."""
        return self.say(Heartbeat(WorkerId(worker)))

    def tick(self, now_s: float) -> list[str]:
        """Time passes."""
        return self.say(Tick(now_s))

    def finish(self, attempt: str, seconds: float = 10.0, checksum: str = "", worker: str = "") -> list[str]:
        """An attempt finishes where it was launched."""
        where = WorkerId(worker) if worker else self._where[attempt]
        return self.say(AttemptFinished(AttemptId.parse(attempt), where, 100, seconds, checksum))

    def finish_all(self, *attempts: str, seconds: float = 10.0) -> list[str]:
        """What the last of them led to."""
        lines: list[str] = []
        for attempt in attempts:
            lines = self.finish(attempt, seconds)
        return lines

    def fail(self, attempt: str, cause: Cause = Cause.ERROR, *lost: tuple[str, int]) -> list[str]:
        """An attempt fails where it was launched."""
        outputs = tuple((ExchangeId.parse(exchange), order) for exchange, order in lost)
        return self.say(AttemptFailed(AttemptId.parse(attempt), self._where[attempt], cause, "because", outputs))

    def lose(self, exchange: str, order: int, worker: str) -> list[str]:
        """An output is found to be unreadable."""
        return self.say(OutputLost(ExchangeId.parse(exchange), order, WorkerId(worker)))


def line(instruction: Instruction) -> str:
    """One instruction as a person would write it down."""
    match instruction:
        case Launch(attempt, worker):
            return f"launch {attempt} on {worker}" + _flags(instruction)
        case CancelAttempt(attempt, worker, reason):
            return f"cancel {attempt} on {worker}: {reason}"
        case AcceptAttempt(attempt, _, keep_parts):
            return f"accept {attempt}" + ("" if keep_parts else " without its parts")
        case DiscardAttempt(attempt):
            return f"discard {attempt}"
        case StageSealed(stage):
            return f"sealed {stage}"
        case ExchangeSealed(exchange, changed):
            return f"fed {exchange}" + (" with other rows" if changed else "")
        case ExchangeReopened(exchange):
            return f"reopened {exchange}"
        case ReleaseOutputs(exchange):
            return f"release {exchange}"
        case JobFinished(job):
            return f"job {job} finished"
        case LoseWorker(worker):
            return f"lose {worker}"
        case FinishChain():
            return "finish"
        case FailChain(task, cause, message):
            return f"fail {task or 'chain'} {cause}: {message}"
        case Warn(text):
            return f"warn {text}"
        case RequestWorkers(slots):
            return f"want {slots}"


def _flags(launch: Launch) -> str:
    words = [word for word in ("early", "backup", "exclusive") if getattr(launch, word)]
    if launch.memory_scale > 1:
        words.append(f"x{launch.memory_scale}")
    if launch.locality != "anywhere":
        words.append(str(launch.locality))
    return "".join(f" {word}" for word in words)
