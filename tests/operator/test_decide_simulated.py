"""decide() against a simulated cluster: pods die, leads come and go, reports are late, operators are killed between
acting and writing status, users change their minds. The laws hold at each step, and everything ends clean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from operator_values import NOW, UID, job, lead, pod, report

from gristmill.wire.reports import PoolNeed, RunPhase, RunReport
from gristmill_operator.actions import Action, CancelRun, CreatePod, DeletePod, DeleteResource, SendRun, TellPod
from gristmill_operator.decide import decide
from gristmill_operator.model import Resource
from gristmill_operator.names import Role
from gristmill_operator.observed import Failure, LeadView, Observed, PodView
from gristmill_operator.policies.pool import FORCE_S
from gristmill_operator.status import Phase, Status

GRACE_S = 30.0
MOST_WORKERS = 3
TTL_S = 500


@dataclass
class SimLead:
    """The process in a lead pod. It has the run as long as it lives."""

    pod: str
    connected: bool = False
    has_run: bool = False
    phase: RunPhase = RunPhase.PLANNING
    need: PoolNeed = PoolNeed()
    told: dict[str, TellPod] = field(default_factory=dict)
    cancelled: dict[str, float] = field(default_factory=dict)


@dataclass
class SimCluster:
    """API server, kubelets and leads, as far as an operator notices them."""

    now: float = NOW
    pods: dict[str, PodView] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    made: list[str] = field(default_factory=list)
    leads: dict[str, SimLead] = field(default_factory=dict)
    quota_full: bool = False
    resource: Resource | None = field(default_factory=lambda: job(workers=MOST_WORKERS))
    status: Status = Status()
    report: RunReport | None = None
    failures: tuple[Failure, ...] = ()

    def observed(self) -> Observed:
        return Observed(pods=tuple(self.pods.values()), lead=self.view(), report=self.report, failures=self.failures)

    def connected(self) -> SimLead | None:
        return next((one for one in self.leads.values() if one.connected), None)

    def view(self) -> LeadView | None:
        there = self.connected()
        if there is None:
            return None
        runs = (UID,) if there.has_run else ()
        return replace(
            lead(runs=runs, need=there.need, told=dict(there.told), cancelled=dict(there.cancelled)), pod=there.pod
        )

    def act(self, action: Action) -> bool:
        """Whether the API server did it."""
        match action:
            case CreatePod(_, name, role):
                return self._create(name, role)
            case DeletePod(name, _, _, grace_s):
                self._delete(name, grace_s)
            case SendRun():
                if (there := self.connected()) is not None:
                    there.has_run, there.phase, self.report = True, RunPhase.PLANNING, None
            case CancelRun(_, run, _, forget):
                self._cancel(run, forget)
            case TellPod(_, name):
                if (there := self.connected()) is not None:
                    there.told[name] = action
            case DeleteResource():
                self.remove()
            case _:
                pass
        return True

    def _create(self, name: str, role: Role) -> bool:
        if self.quota_full:
            self.failures = (Failure("pod", "QuotaExceeded", "exceeded quota", self.now),)
            return False
        self.failures = ()
        if name not in self.pods:
            self.pods[name] = pod(name, "Pending", created=self.now, containers=())
            self.made.append(name)
        assert ("-lead-" in name) == (role is Role.LEAD)
        return True

    def _delete(self, name: str, grace_s: int | None) -> None:
        if name not in self.pods:
            return
        if grace_s == 0 or self.pods[name].phase == "Pending":
            self.gone(name)
        elif self.pods[name].deleting_at is None:
            self.pods[name] = replace(self.pods[name], deleting_at=self.now + GRACE_S)

    def _cancel(self, run: str, forget: bool) -> None:
        there = self.connected()
        if there is not None and there.has_run:
            there.cancelled[run] = self.now
            if not there.phase.ended:
                there.phase = RunPhase.CANCELLED
        if forget:
            self.report = None
            for one in self.leads.values():
                one.has_run = False

    def gone(self, name: str) -> None:
        """A pod that is there no more."""
        self.pods.pop(name, None)
        self.leads.pop(name, None)
        self.stuck.discard(name)

    def remove(self) -> None:
        """The resource is deleted: the garbage collector deletes what it owns."""
        self.resource = None
        for name in list(self.pods):
            self._delete(name, None)

    def kubelets(self) -> None:
        """Pending pods start, those that go are gone; pods on dead nodes do nothing."""
        for name, there in list(self.pods.items()):
            if name in self.stuck:
                continue
            if there.deleting_at is not None or there.finished:
                if there.deleting_at is not None:
                    self.gone(name)
            elif there.phase == "Pending":
                self.pods[name] = pod(name, created=there.created)
                if there.lead:
                    self.leads[name] = SimLead(name)


class Operated(RuleBasedStateMachine):
    """Random histories."""

    def __init__(self) -> None:
        super().__init__()
        self.sim = SimCluster()

    @initialize(ttl=st.sampled_from([None, TTL_S]), deadline=st.sampled_from([None, "200s"]), suspend=st.booleans())
    def apply(self, ttl: int | None, deadline: str | None, suspend: bool) -> None:
        spec = {"ttlSecondsAfterFinished": ttl} if ttl else {}
        spec |= {"deadline": deadline} if deadline else {}
        self.spec: dict[str, object] = spec
        self.change(suspend=suspend)

    def change(self, **spec: object) -> None:
        if self.sim.resource is not None:
            self.sim.resource = job(workers=MOST_WORKERS, **{**self.spec, **spec})

    @rule(killed=st.sampled_from([False, False, False, True]))
    def reconcile(self, killed: bool) -> None:
        """One step of an operator; a killed one has acted and not written."""
        if self.sim.resource is None:
            return
        decision = decide(self.sim.resource, self.sim.status, self.sim.observed(), self.sim.now)
        done = [self.sim.act(action) for action in decision.actions]
        if killed:
            self.a_new_operator_doubles_nothing()
            self.sim.failures = ()
        elif all(done):
            before = self.sim.status
            self.sim.status = decision.status
            assert not (before.phase and before.phase.ended) or decision.status.phase is before.phase

    def a_new_operator_doubles_nothing(self) -> None:
        """It knows the pods and the status of before."""
        if self.sim.resource is not None and not self.sim.quota_full:
            again = decide(self.sim.resource, self.sim.status, self.sim.observed(), self.sim.now)
            assert not [action for action in again.actions if isinstance(action, CreatePod)]

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0, 30.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        self.sim.now += seconds

    @rule()
    def kubelets(self) -> None:
        self.sim.kubelets()

    @rule(at=st.integers(0, 9), how=st.sampled_from(["evicted", "preempted", ""]))
    def pod_fails(self, at: int, how: str) -> None:
        alive = [name for name, there in self.sim.pods.items() if there.usable and name not in self.sim.stuck]
        if alive:
            name = alive[at % len(alive)]
            self.sim.pods[name] = replace(self.sim.pods[name], phase="Failed", lost=how, containers=())
            self.sim.leads.pop(name, None)

    @rule(at=st.integers(0, 9), stuck=st.booleans())
    def somebody_deletes_a_pod(self, at: int, stuck: bool) -> None:
        alive = [name for name, there in self.sim.pods.items() if there.usable]
        if alive:
            name = alive[at % len(alive)]
            if stuck:
                self.sim.stuck.add(name)
            self.sim.act(DeletePod(name, ""))

    @rule()
    def lead_connects(self) -> None:
        usable = [one for name, one in self.sim.leads.items() if self.sim.pods[name].usable]
        if usable and self.sim.connected() is None:
            usable[-1].connected = True
            usable[-1].told.clear()
            usable[-1].cancelled.clear()
            if usable[-1].has_run:
                self.sim.report = report(usable[-1].phase)

    @precondition(lambda self: self.sim.connected() is not None)
    @rule()
    def lead_loses_its_connection(self) -> None:
        there = self.sim.connected()
        assert there is not None
        there.connected = False

    @precondition(lambda self: self.sim.connected() is not None)
    @rule(
        phase=st.sampled_from([RunPhase.RUNNING, RunPhase.COMMITTING, RunPhase.COMPLETE, RunPhase.FAILED]),
        slots=st.integers(0, 9),
    )
    def lead_says(self, phase: RunPhase, slots: int) -> None:
        there = self.sim.connected()
        assert there is not None
        if there.has_run and not there.phase.ended:
            there.phase = phase
        if there.has_run:
            self.sim.report = report(there.phase)
        idle = tuple(name for name in self.sim.pods if "-w-" in name) if slots == 0 else ()
        there.need = PoolNeed(slots=slots, maps=slots, idle=idle)

    @rule(full=st.booleans())
    def quota(self, full: bool) -> None:
        self.sim.quota_full = full

    @rule(suspend=st.booleans())
    def user_suspends_or_resumes(self, suspend: bool) -> None:
        self.change(suspend=suspend)

    @rule()
    def user_cancels(self) -> None:
        self.spec["cancel"] = True
        self.change()

    @rule()
    def user_deletes(self) -> None:
        self.sim.remove()

    @invariant()
    def there_is_at_most_one_live_lead(self) -> None:
        live = [name for name, there in self.sim.pods.items() if there.lead and self._lives(there)]
        assert len(live) <= 1, live

    @invariant()
    def there_are_never_more_workers_than_allowed(self) -> None:
        assert sum(1 for there in self.sim.pods.values() if not there.lead and there.usable) <= MOST_WORKERS

    def _lives(self, there: PodView) -> bool:
        overdue = there.deleting_at is not None and self.sim.now >= there.deleting_at + FORCE_S
        return not there.finished and not overdue

    def teardown(self) -> None:
        """Left alone, every history ends: the run completes, its pods go, and a deleted resource leaves nothing."""
        self.sim.quota_full = False
        if self.sim.resource is not None:
            self.change(suspend=False)
        for _ in range(60):
            self.reconcile(False)
            self.kubelets()
            self.lead_connects()
            if self.sim.connected() is not None:
                self.lead_says(RunPhase.COMPLETE, 1)
            self.sim.now += 20
            for name in list(self.sim.pods):
                gone = self.sim.pods[name].deleting_at
                if self.sim.resource is None and gone is not None and self.sim.now > gone:
                    self.sim.gone(name)
        assert self.sim.pods == {}
        if self.sim.resource is not None:
            assert self.sim.status.phase is not None
            assert self.sim.status.phase.ended


Operated.TestCase.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOperated = Operated.TestCase


def test_a_quiet_history_needs_one_lead_and_ends_complete() -> None:
    machine = Operated()
    machine.apply(None, None, False)
    machine.teardown()
    assert machine.sim.made == ["mrj-wc-lead-0"]
    assert machine.sim.status.phase is Phase.COMPLETE


@pytest.mark.parametrize("deaths", [1, 5])
def test_each_death_of_the_lead_costs_one_more(deaths: int) -> None:
    machine = Operated()
    machine.apply(None, None, False)
    for _ in range(deaths):
        machine.reconcile(False)
        machine.kubelets()
        machine.pod_fails(0, "evicted")
        machine.sim.now += 500
    machine.teardown()
    assert machine.sim.made == [f"mrj-wc-lead-{at}" for at in range(deaths + 1)]
