"""Pods of a pool: one lead, workers up and down, what hinders them, warm pools."""

from __future__ import annotations

from dataclasses import replace

import pytest
from operator_values import BASE, LEAD, NOW, UID, decided, job, kinds, lead, pod, report, warm_pool, worker

from gristmill.wire.reports import PoolNeed, RunPhase
from gristmill_operator.actions import CreatePod, DeletePod, EnsureSecret, RecordEvent, TellPod
from gristmill_operator.decide import Decision
from gristmill_operator.names import Role
from gristmill_operator.observed import GUARD, MOUNT, POD, ContainerView, Failure, LeadView, Observed, PodView
from gristmill_operator.policies.case import RETRY_S
from gristmill_operator.policies.waiting import OWN_SECRET
from gristmill_operator.status import ConditionType, Phase, Status

NO_KEY = 'secret "k" not found'
RUNNING = Status(phase=Phase.RUNNING, start_time=NOW - 100, lead=LEAD.name, leads=1)


def during(*pods: PodView, lead: LeadView | None = None, failures: tuple[Failure, ...] = ()) -> Observed:
    """A running job with those pods."""
    return Observed(pods=pods, lead=lead, report=report(RunPhase.RUNNING), failures=failures)


def created(decision: Decision) -> list[str]:
    return [action.name for action in decision.actions if isinstance(action, CreatePod)]


def deleted(decision: Decision) -> list[str]:
    return [action.name for action in decision.actions if isinstance(action, DeletePod)]


def told(*pods: str) -> dict[str, TellPod]:
    """What a lead knows that has heard that these run."""
    return {name: TellPod(UID, name, "running", node="n1") for name in pods}


def pods_ready(decision: Decision) -> tuple[bool, str, str]:
    condition = decision.status.condition(ConditionType.PODS_READY)
    assert condition is not None
    return condition.true, condition.reason, condition.message


@pytest.mark.parametrize(
    ("state", "made"),
    [
        pytest.param([LEAD], [], id="it runs"),
        pytest.param([replace(LEAD, phase="Pending")], [], id="it starts"),
        pytest.param([replace(LEAD, deleting_at=NOW + 30)], [], id="it is still going"),
        pytest.param([replace(LEAD, phase="Failed", lost="evicted")], [f"{BASE}-lead-1"], id="it was evicted"),
        pytest.param([], [f"{BASE}-lead-1"], id="it is gone"),
    ],
)
def test_there_is_one_lead_and_it_is_replaced_when_it_is_gone(state: list[PodView], made: list[str]) -> None:
    assert created(decided(job(), RUNNING, during(*state))) == made


def test_numbers_of_leads_come_from_pods_where_status_was_not_written() -> None:
    third = pod(f"{BASE}-lead-2", "Failed")
    assert created(decided(job(), Status(), during(third))) == [f"{BASE}-lead-3"]


def test_of_two_leads_the_older_goes() -> None:
    decision = decided(job(), RUNNING, during(LEAD, pod(f"{BASE}-lead-1")))
    assert deleted(decision) == [LEAD.name]
    assert decision.status.lead == f"{BASE}-lead-1"


def test_credentials_are_new_only_where_no_pod_holds_the_old() -> None:
    alone = decided(job(), RUNNING, during())
    assert any(isinstance(action, EnsureSecret) for action in alone.actions)
    beside = decided(job(), RUNNING, during(worker(0)))
    assert not any(isinstance(action, EnsureSecret) for action in beside.actions)
    assert created(beside) == [f"{BASE}-lead-1"]


@pytest.mark.parametrize(("about", "made"), [(POD, False), (GUARD, True)])
def test_a_lead_that_was_refused_is_tried_again_with_the_secret_that_was_made_for_it(about: str, made: bool) -> None:
    refused = Failure(about, "QuotaExceeded", "exceeded quota", NOW - RETRY_S - 1)
    decision = decided(job(), RUNNING, during(failures=(refused,)))
    assert any(isinstance(action, EnsureSecret) for action in decision.actions) is made
    assert created(decision) == [f"{BASE}-lead-1"]


@pytest.mark.parametrize(
    ("pods", "reason", "made"),
    [
        pytest.param([replace(LEAD, phase="Pending")], OWN_SECRET, [False], id="the lead waits for it"),
        pytest.param([LEAD, replace(worker(0), phase="Pending")], OWN_SECRET, [False], id="a worker waits for it"),
        pytest.param([LEAD, worker(0)], OWN_SECRET, [], id="all have it, the event is old"),
        pytest.param([replace(LEAD, phase="Pending")], "SecretMissing", [], id="another one is missing"),
        pytest.param([], OWN_SECRET, [True], id="no pod is left"),
    ],
)
def test_a_pools_secret_that_is_gone_is_made_again_and_none_is_replaced(
    pods: list[PodView], reason: str, made: list[bool]
) -> None:
    missing = Failure(MOUNT, reason, f'secret "{BASE}-tls" not found', NOW)
    decision = decided(job(), RUNNING, during(*pods, failures=(missing,)))
    assert [action.anew for action in decision.actions if isinstance(action, EnsureSecret)] == made


def test_leads_that_end_again_and_again_come_ever_later() -> None:
    status = replace(RUNNING, leads=6)
    ended = pod(f"{BASE}-lead-5", "Failed", created=NOW - 1)
    waiting = decided(job(), status, during(ended))
    assert created(waiting) == []
    assert waiting.requeue_after == pytest.approx(39)
    assert created(decided(job(), status, during(replace(ended, created=NOW - 50)))) == [f"{BASE}-lead-6"]


def test_a_pod_that_outstays_its_grace_period_is_removed_by_force() -> None:
    stuck = replace(LEAD, deleting_at=NOW - 20)
    decision = decided(job(), RUNNING, during(stuck))
    assert DeletePod(stuck.name, stuck.uid, "its node does not answer", grace_s=0) in decision.actions


@pytest.mark.parametrize(
    ("slots", "there", "made"),
    [(1, 0, 0), (2, 0, 1), (4, 1, 2), (100, 0, 4), (100, 4, 0)],
)
def test_workers_are_made_for_the_slots_needed_within_the_limit(slots: int, there: int, made: int) -> None:
    pods = [worker(at) for at in range(there)]
    observed = during(LEAD, *pods, lead=lead(need=PoolNeed(slots=slots, maps=slots)))
    decision = decided(job(), RUNNING, observed)
    assert created(decision) == [f"{BASE}-w-{there + at}" for at in range(made)]
    assert decision.status.workers_started == there + made


def test_the_resource_says_how_many_workers_at_most() -> None:
    observed = during(LEAD, lead=lead(need=PoolNeed(slots=100)))
    assert len(created(decided(job(workers=2), RUNNING, observed))) == 2
    assert created(decided(job(workers=0), RUNNING, observed)) == []


def test_cores_make_slots() -> None:
    what = job(resources={"requests": {"cpu": "4", "memory": "1Gi"}})
    observed = during(LEAD, lead=lead(need=PoolNeed(slots=9)))
    assert len(created(decided(what, RUNNING, observed))) == 2


@pytest.mark.parametrize(("maps", "reduces", "role"), [(8, 0, Role.MAPPER), (1, 8, Role.REDUCER)])
def test_workers_have_the_role_of_the_tasks_that_wait(maps: int, reduces: int, role: Role) -> None:
    need = PoolNeed(slots=2, maps=maps, reduces=reduces, places=(("zone-a", 10),))
    decision = decided(job(), RUNNING, during(LEAD, lead=lead(need=need)))
    made = next(action for action in decision.actions if isinstance(action, CreatePod))
    assert (made.role, made.places) == (role, (("zone-a", 10),))


def test_lost_workers_are_replaced_and_removed_and_the_lead_hears_why() -> None:
    lost = worker(0, phase="Failed", lost="preempted")
    seen = lead(need=PoolNeed(slots=2), told=told(LEAD.name, lost.name))
    decision = decided(job(), RUNNING, during(LEAD, replace(lost, node="n1"), lead=seen))
    assert created(decision) == [f"{BASE}-w-1"]
    assert deleted(decision) == [lost.name]
    assert TellPod(UID, lost.name, "preempted", "", "n1", "", gone=True) in decision.actions


def test_a_pod_that_vanished_is_told_as_deleted_once() -> None:
    seen = lead(told=told(LEAD.name, f"{BASE}-w-0"))
    decision = decided(job(), RUNNING, during(LEAD, lead=seen))
    (gone,) = (action for action in decision.actions if isinstance(action, TellPod))
    assert (gone.pod, gone.state, gone.gone) == (f"{BASE}-w-0", "deleted", True)
    knows = replace(seen, told={**seen.told, gone.pod: gone})
    assert not [a for a in decided(job(), RUNNING, during(LEAD, lead=knows)).actions if isinstance(a, TellPod)]


def test_a_pod_that_is_evicted_is_told_when_that_begins_and_when_it_is_gone() -> None:
    going = worker(0, lost="evicted", deleting_at=1e12)
    seen = lead(told=told(LEAD.name, going.name))
    (first,) = (a for a in decided(job(), RUNNING, during(LEAD, going, lead=seen)).actions if isinstance(a, TellPod))
    assert (first.state, first.gone) == ("evicted", False)
    knows = replace(seen, told={**seen.told, going.name: first})
    (last,) = (a for a in decided(job(), RUNNING, during(LEAD, lead=knows)).actions if isinstance(a, TellPod))
    assert (last.pod, last.state, last.gone) == (going.name, "evicted", True)


def test_the_lead_hears_node_and_zone_of_each_pod() -> None:
    observed = replace(during(LEAD, worker(0, node="n2"), lead=lead()), zones={"n1": "a", "n2": "b"})
    news = [action for action in decided(job(), RUNNING, observed).actions if isinstance(action, TellPod)]
    assert {(one.pod, one.node, one.zone) for one in news} == {(LEAD.name, "n1", "a"), (f"{BASE}-w-0", "n2", "b")}


def test_idle_workers_go_after_a_while_unless_they_are_needed() -> None:
    pods = (LEAD, worker(0), worker(1))
    names = (f"{BASE}-w-0", f"{BASE}-w-1")
    idle = lead(need=PoolNeed(slots=1, idle=names), idle_since=dict.fromkeys(names, NOW - 11))
    assert sorted(deleted(decided(job(), RUNNING, during(*pods, lead=idle)))) == sorted(names)
    fresh = replace(idle, idle_since=dict.fromkeys(names, NOW - 1))
    waiting = decided(job(), RUNNING, during(*pods, lead=fresh))
    assert deleted(waiting) == []
    assert waiting.requeue_after == pytest.approx(9)
    needed = replace(idle, need=PoolNeed(slots=2, idle=names))
    assert deleted(decided(job(), RUNNING, during(*pods, lead=needed))) == [f"{BASE}-w-1"]


def test_workers_stay_while_their_lead_is_away() -> None:
    assert deleted(decided(job(), RUNNING, during(LEAD, worker(0), worker(1)))) == []


def container(waiting: str, message: str = "", **more: object) -> tuple[ContainerView, ...]:
    return (ContainerView("executor", waiting=waiting, message=message, **more),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hindered", "reason", "says"),
    [
        pytest.param(
            pod(f"{BASE}-lead-0", "Pending", containers=container("ImagePullBackOff", 'image "x:1" not found')),
            "ImagePullBackOff", "imagePullSecrets", id="image",
        ),
        pytest.param(
            pod(f"{BASE}-lead-0", "Pending", containers=container("CreateContainerConfigError", NO_KEY)),
            "CreateContainerConfigError", NO_KEY, id="secret of a variable",
        ),
        pytest.param(
            pod(f"{BASE}-lead-0", "Pending", unschedulable="0/2 nodes are available: 2 Insufficient cpu."),
            "Unschedulable", "resources.requests", id="no room",
        ),
        pytest.param(
            pod(f"{BASE}-lead-0", "Pending", unschedulable='persistentvolumeclaim "data" not found'),
            "VolumeMissing", "PersistentVolumeClaim", id="claim",
        ),
        pytest.param(
            pod(f"{BASE}-lead-0", "Pending", unschedulable="1 node(s) had untolerated taint {spot: true}"),
            "Unschedulable", "pod.tolerations", id="taint",
        ),
        pytest.param(
            pod(
                f"{BASE}-lead-0",
                containers=container("CrashLoopBackOff", restarts=3, last_reason="OOMKilled", last_exit=137),
            ),
            "CrashLoopBackOff", "more memory", id="crash loop",
        ),
    ],
)  # fmt: skip
def test_what_hinders_pods_is_a_condition_with_its_remedy(hindered: PodView, reason: str, says: str) -> None:
    decision = decided(job(), replace(RUNNING, phase=Phase.PENDING), Observed(pods=(hindered,)))
    true, found, message = pods_ready(decision)
    assert (true, found) == (False, reason)
    assert says in message
    assert decision.status.message == message
    assert reason in [action.reason for action in decision.actions if isinstance(action, RecordEvent)]


def test_a_refused_pod_is_a_condition_and_is_tried_again_later() -> None:
    refused = Failure("pod", "QuotaExceeded", "exceeded quota: small", NOW - 1)
    decision = decided(job(), Status(), Observed(failures=(refused,)))
    assert pods_ready(decision)[:2] == (False, "QuotaExceeded")
    assert created(decision) == []
    assert decision.requeue_after == pytest.approx(4)
    assert created(decided(job(), decision.status, Observed(failures=(refused,)), NOW + 5)) == [f"{BASE}-lead-0"]


def test_refused_workers_do_not_stop_the_job() -> None:
    refused = Failure("pod", "QuotaExceeded", "exceeded quota: small", NOW - 1)
    observed = during(LEAD, lead=lead(need=PoolNeed(slots=3)), failures=(refused,))
    decision = decided(job(), RUNNING, observed)
    assert decision.status.phase is Phase.RUNNING
    assert pods_ready(decision)[1] == "QuotaExceeded"
    assert created(decision) == []


def test_pods_that_all_run_are_ready() -> None:
    decision = decided(job(), RUNNING, during(LEAD, worker(0), lead=lead(need=PoolNeed(slots=2))))
    assert pods_ready(decision) == (True, "PodsRun", "1 lead, 1 worker")


def test_a_warm_pool_without_work_has_no_pods() -> None:
    decision = decided(warm_pool(max=3))
    assert kinds(decision) == []
    assert decision.status.phase is Phase.IDLE


def test_a_warm_pool_starts_for_a_run_or_for_its_minimum() -> None:
    assert "CreatePod" in kinds(decided(warm_pool(max=3), None, Observed(active=1)))
    decision = decided(warm_pool(min=1, max=3))
    assert created(decision) == ["gpool-nightly-lead-0"]
    assert decision.status.phase is Phase.STARTING


def test_a_warm_pool_keeps_its_minimum_and_its_maximum() -> None:
    observed = Observed(pods=(LEAD,), lead=lead())
    assert len(created(decided(warm_pool(min=3, max=5), None, observed))) == 2
    busy = Observed(pods=(LEAD,), lead=lead(need=PoolNeed(slots=50)), active=3)
    assert len(created(decided(warm_pool(max=5), None, busy))) == 4


def test_a_warm_pool_goes_to_zero_after_its_idle_time() -> None:
    resting = Observed(pods=(LEAD,), lead=lead(need=PoolNeed(idle_s=10.0)))
    waiting = decided(warm_pool(idle="30s"), None, resting)
    assert deleted(waiting) == []
    assert waiting.status.phase is Phase.READY
    assert waiting.requeue_after == pytest.approx(20)
    over = Observed(pods=(LEAD,), lead=lead(need=PoolNeed(idle_s=31.0)))
    assert deleted(decided(warm_pool(idle="30s"), None, over)) == [LEAD.name]


def test_pods_of_another_authority_are_replaced() -> None:
    stranger = replace(LEAD, authority="0123")
    going = decided(job(), RUNNING, during(stranger))
    assert deleted(going) == [LEAD.name]
    assert created(going) == []
    assert created(decided(job(), RUNNING, during())) == [f"{BASE}-lead-1"]
