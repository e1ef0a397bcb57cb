"""Values for tests of the operator: resources, pods and leads with what matters said and the rest left out."""

from __future__ import annotations

from typing import Any

from gristmill.wire.reports import PoolNeed, RunPhase, RunReport
from gristmill_operator.decide import Decision, decide
from gristmill_operator.model import Defaults, Key, Resource, parse_resource
from gristmill_operator.names import Kind
from gristmill_operator.observed import ContainerView, LeadView, Observed, PodView
from gristmill_operator.status import Status

NOW = 1_800_000_000.0
UID = "uid-1"
BASE = "mrj-wc"
SPEC: dict[str, Any] = {
    "input": [{"name": "books", "uri": "s3://books/*.txt", "format": "text"}],
    "code": {"inline": {"m.py": "def f(k, v): ..."}},
    "map": {"python": "m:f"},
    "output": {"uri": "s3://out/"},
}


def job(name: str = "wc", uid: str = UID, **spec: Any) -> Resource:
    """A MapReduceJob."""
    return resource("MapReduceJob", name, uid, {**SPEC, **spec})


def query(**spec: Any) -> Resource:
    """An SQLQuery."""
    return resource("SQLQuery", "q", UID, {"sql": "SELECT 1", **spec})


def warm_pool(**spec: Any) -> Resource:
    """A WorkerPool."""
    return resource("WorkerPool", "nightly", UID, spec)


def resource(kind: str, name: str, uid: str, spec: dict[str, Any], **meta: Any) -> Resource:
    """Any resource as the API server would send it."""
    metadata = {"name": name, "namespace": "ns", "uid": uid, "generation": 1, "resourceVersion": "1", **meta}
    body = {"apiVersion": "gristmill.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    return parse_resource(body, Defaults(max_workers=4, linger_s=60.0))


def pod(name: str, phase: str = "Running", **more: Any) -> PodView:
    """A pod of the pool ``UID``; running ones are ready."""
    ready = phase == "Running" and "containers" not in more
    containers = tuple(ContainerView(one, ready=True) for one in ("agent", "executor")) if ready else ()
    defaults: dict[str, Any] = {"containers": containers, "created": NOW - 10, "node": "n1" if ready else ""}
    return PodView(
        name=name,
        uid=f"uid-of-{name}",
        pool_uid=UID,
        lead="-lead-" in name,
        phase=phase,
        owner=Key(Kind.JOB, "ns", "wc"),
        **{**defaults, **more},
    )


LEAD = pod(f"{BASE}-lead-0")


def worker(number: int, **more: Any) -> PodView:
    """A running worker."""
    return pod(f"{BASE}-w-{number}", **more)


def lead(*, runs: tuple[str, ...] = (UID,), need: PoolNeed | None = None, **more: Any) -> LeadView:
    """A connected lead that has heard of nothing."""
    return LeadView(pod=LEAD.name, runs=frozenset(runs), need=need or PoolNeed(), **more)


def report(phase: RunPhase, **more: Any) -> RunReport:
    """What a lead says of the run."""
    return RunReport(phase, **more)


def kinds(decision: Decision) -> list[str]:
    """Names of the actions, news of pods and events left out."""
    names = [type(action).__name__ for action in decision.actions]
    return [name for name in names if name not in ("TellPod", "RecordEvent")]


def decided(
    what: Resource, status: Status | None = None, observed: Observed | None = None, now: float = NOW
) -> Decision:
    """``decide`` with the rest left out."""
    return decide(what, status or Status(), observed or Observed(), now)
