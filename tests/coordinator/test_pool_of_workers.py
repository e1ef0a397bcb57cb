"""Which run has which worker: tables of joins, runs and ends against what each run was lent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.pool import TURN_S, Pool
from gristmill.errors import Cancelled, FragmentError
from gristmill.ids import AttemptId, Side, StageId, TaskId, WorkerId
from gristmill.plan.job import Store
from gristmill.plan.task import TaskOrder, TaskResult
from gristmill.schedule.events import Cause, LeaveReason, WorkerJoined
from gristmill.schedule.instructions import RequestWorkers


@dataclass
class _Link:
    """A worker that writes down what it is told."""

    said: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.said.append((name, *args))

    @property
    def served(self) -> list[str]:
        return [each[1] for each in self.said if each[0] == "serve"]


@dataclass
class _Run:
    """A run that wants so many slots, and writes down what it hears."""

    wants: int = 1
    over: bool = False
    heard: list[tuple[Any, ...]] = field(default_factory=list)
    links: dict[str, Any] = field(default_factory=dict)
    held: set[WorkerId] = field(default_factory=set)

    @property
    def wanted(self) -> RequestWorkers:
        return RequestWorkers(self.wants)

    def joined(self, worker: WorkerJoined, link: Any) -> None:
        self.links[worker.worker] = link
        self.heard.append(("joined", worker.worker, worker.places))

    def holders(self) -> set[WorkerId]:
        return self.held

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.heard.append((name, *args))

    def names(self, what: str) -> list[str]:
        return [each[1] for each in self.heard if each[0] == what]


ATTEMPT = AttemptId(TaskId(StageId("job", Side.MAP, "in"), 0), 0)


def _order(attempt: AttemptId = ATTEMPT) -> TaskOrder:
    return TaskOrder(attempt, "run", "digest", (), 1)


def _result(attempt: AttemptId = ATTEMPT) -> TaskResult:
    return TaskResult(attempt, (), (), 0, 0, 0, 0, 0, 0.0, 0.0, 0)


class _Play:
    """A pool with runs and workers by name."""

    def __init__(self, **wants: int) -> None:
        self.pool = Pool()
        self.links: dict[str, _Link] = {}
        self.runs: dict[str, _Run] = {}
        for name, slots in wants.items():
            self.begin(name, slots)

    def begin(self, name: str, wants: int, now_s: float = 0.0) -> _Run:
        self.runs[name] = _Run(wants)
        run: Any = self.runs[name]
        self.pool.add(name, run, (Store(f"s3://{name}"),), now_s)
        return self.runs[name]

    def join(self, *names: str) -> None:
        for name in names:
            self.links[name] = _Link()
            link: Any = self.links[name]
            self.pool.joined(WorkerJoined(WorkerId(name), 1, ("host",)), link)

    def has(self) -> dict[str, str]:
        """Worker to the run that it serves."""
        return {name: link.served[-1] for name, link in self.links.items() if link.served}


def test_a_pool_with_one_run_lends_it_all_workers() -> None:
    play = _Play(a=1)
    play.join("w1", "w2", "w3")
    assert play.has() == {"w1": "a", "w2": "a", "w3": "a"}


def test_the_oldest_run_that_wants_more_gets_the_next_worker() -> None:
    play = _Play(a=2, b=2)
    play.join("w1", "w2", "w3", "w4")
    assert play.has() == {"w1": "a", "w2": "b", "w3": "a", "w4": "b"}


def test_each_run_has_one_worker_before_any_has_two() -> None:
    play = _Play(a=10, b=10, c=10)
    play.join("w1", "w2", "w3", "w4")
    assert sorted(play.has().values()) == ["a", "a", "b", "c"]


def test_an_idle_worker_moves_to_a_new_run_at_once() -> None:
    play = _Play(a=1)
    play.join("w1", "w2")
    play.begin("b", 1)
    assert sorted(play.has().values()) == ["a", "b"]
    moved = play.links["w1"].served if len(play.links["w1"].served) > 1 else play.links["w2"].served
    assert moved == ["a", "b"]


def test_a_busy_worker_moves_when_its_attempt_has_ended() -> None:
    play = _Play(a=2)
    play.join("w1", "w2")
    for link in play.runs["a"].links.values():
        link.launch(None, _order())
    play.begin("b", 1)
    assert play.has() == {"w1": "a", "w2": "a"}
    drained = play.runs["a"].names("draining")
    assert len(drained) == 1
    play.pool.attempt_finished(WorkerId(drained[0]), _result())
    assert play.has()[drained[0]] == "b"


def test_the_only_worker_is_shared_by_turns() -> None:
    play = _Play(a=1)
    play.join("w1")
    play.runs["a"].links["w1"].launch(None, _order())
    play.begin("b", 1, now_s=1.0)
    assert play.has() == {"w1": "a"}
    play.pool.settle(TURN_S)
    play.pool.attempt_finished(WorkerId("w1"), _result())
    assert play.has() == {"w1": "b"}
    play.pool.settle(2 * TURN_S)
    assert play.has() == {"w1": "a"}
    assert play.runs["a"].names("joined") == ["w1", "w1~2"]


def test_a_run_hears_of_its_former_worker_till_it_ends() -> None:
    play = _Play(a=1)
    play.join("w1", "w2")
    play.begin("b", 1)
    play.pool.heartbeat(WorkerId("w1"), 1, 1)
    play.pool.heartbeat(WorkerId("w2"), 1, 1)
    assert sorted(play.runs["a"].names("heartbeat")) == ["w1", "w2"]
    former = play.runs["a"].names("draining")[0]
    play.pool.left(WorkerId(former), LeaveReason.LOST)
    assert play.runs["a"].names("left") == [former]
    assert play.runs["b"].names("left") == [f"{former}~1"]


def test_workers_of_an_ended_run_go_to_the_others_once_they_are_empty() -> None:
    play = _Play(a=2, b=2)
    play.join("w1", "w2")
    play.runs["a"].links["w1"].launch(None, _order())
    play.pool.remove("a")
    assert play.pool.busy("a") is True
    assert play.has() == {"w1": "a", "w2": "b"}
    play.pool.attempt_failed(WorkerId("w1"), ATTEMPT, Cause.CANCELLED, Cancelled("cancelled"))
    assert play.pool.busy("a") is False
    assert play.has() == {"w1": "b", "w2": "b"}


def test_messages_of_a_worker_reach_only_the_run_that_has_it() -> None:
    play = _Play(a=1, b=1)
    play.join("w1", "w2")
    play.runs["b"].links["w2"].launch(None, _order())
    play.pool.reading(WorkerId("w2"), ATTEMPT, 5, 50)
    play.pool.fail(WorkerId("w2"), FragmentError("no"))
    assert play.runs["a"].names("reading") == []
    assert play.runs["b"].names("reading") == [ATTEMPT]
    assert len(play.runs["b"].names("fail")) == 1


def test_a_draining_worker_is_lent_to_nobody() -> None:
    play = _Play()
    play.join("w1")
    play.pool.draining(WorkerId("w1"))
    play.begin("a", 1)
    assert play.has() == {}
    assert play.pool.slots == 0


def test_only_workers_without_work_and_without_output_are_idle() -> None:
    play = _Play(a=1)
    play.join("w1", "w2", "w3")
    play.runs["a"].links["w1"].launch(None, _order())
    play.runs["a"].held = {WorkerId("w2")}
    assert play.pool.idle() == ("w3",)


def test_places_that_the_operator_told_count_more_than_what_a_worker_says() -> None:
    play = _Play(a=1)
    play.pool.place("pod-1", ("node-1", "zone-a"))
    play.join("pod-1.0", "pod-2.0")
    assert [each[2] for each in play.runs["a"].heard if each[0] == "joined"] == [("node-1", "zone-a"), ("host",)]


def test_a_worker_comes_with_the_stores_of_its_run() -> None:
    play = _Play(a=1)
    play.join("w1")
    assert play.links["w1"].said[0] == ("serve", "a", (Store("s3://a"),), "")


def test_what_a_pool_needs_of_a_run_is_what_a_chain_run_has() -> None:
    for name in ("joined", "left", "draining", "heartbeat", "reading", "attempt_finished", "attempt_failed", "fail"):
        assert callable(getattr(ChainRun, name))


def test_workers_forget_a_run_that_is_over_once_they_do_nothing_for_it() -> None:
    play = _Play(a=2, b=1)
    play.join("w1", "w2", "w3")
    play.runs["a"].links["w1"].launch(None, _order())
    play.runs["a"].over = True
    play.pool.remove("a")
    forgot = [name for name, link in play.links.items() if ("forget", "a") in link.said]
    assert forgot == ["w3"]
    play.pool.attempt_failed(WorkerId("w1"), ATTEMPT, Cause.CANCELLED, Cancelled("cancelled"))
    assert play.links["w1"].said[-2:] == [("forget", "a"), ("serve", "b", (Store("s3://b"),), "")]
    assert ("forget", "a") not in play.links["w2"].said


def test_a_run_that_another_lead_goes_on_with_is_not_forgotten() -> None:
    play = _Play(a=1)
    play.join("w1")
    play.pool.remove("a")
    assert ("forget", "a") not in play.links["w1"].said


def test_many_drivers_look_at_what_runs_want_now_and_then_only() -> None:
    play = _Play(a=1, b=1)
    play.join("w1", "w2")
    play.runs["b"].over = True
    looks = 0

    class _Counted(_Run):
        @property
        def wanted(self) -> RequestWorkers:
            nonlocal looks
            looks += 1
            return RequestWorkers(1)

    counted: Any = _Counted()
    play.pool.add("c", counted, (), 0.0)
    looks = 0
    for turn in range(1000):
        play.pool.settle(1.0 + turn / 10_000)
    assert looks <= 12


def test_a_worker_that_leaves_in_the_middle_of_a_loan_is_lent_to_nobody() -> None:
    play = _Play(a=2, b=1)
    play.join("w1", "w2")
    play.runs["b"].links["w2"].launch(None, _order())
    play.pool.left(WorkerId("w2"), LeaveReason.LOST)
    play.join("w3")
    assert play.has()["w3"] == "b"
    assert play.pool.slots == 2


def test_workers_of_an_evicted_pod_get_nothing_new_and_leave_as_evicted() -> None:
    play = _Play(a=2)
    play.join("pod-1.0", "pod-2.0")
    play.pool.pod_leaves("pod-1", evicted=True)
    assert play.runs["a"].names("draining") == ["pod-1.0"]
    assert play.pool.slots == 1
    play.pool.left(WorkerId("pod-1.0"), LeaveReason.LOST)
    assert ("left", "pod-1.0", LeaveReason.EVICTED) in play.runs["a"].heard


def test_a_worker_whose_pod_is_gone_has_left_whatever_its_stream_says() -> None:
    play = _Play(a=2)
    play.join("pod-1.0", "pod-2.0")
    play.pool.pod_gone("pod-1")
    assert ("left", "pod-1.0", LeaveReason.LOST) in play.runs["a"].heard
    assert play.links["pod-1.0"].said[-1] == ("stop",)
    play.pool.heartbeat(WorkerId("pod-1.0"), 1, 1)
    play.pool.attempt_finished(WorkerId("pod-1.0"), _result())
    play.pool.draining(WorkerId("pod-1.0"))
    play.pool.left(WorkerId("pod-1.0"), LeaveReason.LOST)
    assert play.runs["a"].names("left") == ["pod-1.0"]
    assert play.runs["a"].names("attempt_finished") == []


def test_a_drained_worker_of_a_deleted_pod_leaves_as_drained() -> None:
    play = _Play(a=1)
    play.join("pod-1.0")
    play.pool.pod_leaves("pod-1", evicted=False)
    play.pool.left(WorkerId("pod-1.0"), LeaveReason.DRAINED)
    assert ("left", "pod-1.0", LeaveReason.DRAINED) in play.runs["a"].heard
