"""Chains by hand: a job whose inputs come ``fromJob`` waits for those jobs, and fails where one of them did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gristmill_operator.model import Resource, claims_of
from gristmill_operator.observed import Upstream
from gristmill_operator.policies.case import Case, Outcome, Pods
from gristmill_operator.status import BEGUN, Phase


def mounting(resource: Resource, upstreams: Sequence[Upstream]) -> Resource:
    """The resource with the claims, too, on which the jobs whose rows it reads have put these."""
    pool, more = resource.pool, claims_of([one.output for one in upstreams])
    if pool is None or not more:
        return resource
    return replace(resource, pool=replace(pool, claims=tuple(dict.fromkeys((*pool.claims, *more)))))


def upstream(case: Case) -> Outcome | None:
    """Fails by the name of what failed, else waits for the first that has not completed; never once it has begun."""
    if case.has_run or case.status.phase in BEGUN:
        return None
    for one in case.observed.upstreams:
        if one.phase in (Phase.FAILED, Phase.CANCELLED):
            message = f"job {one.name}, whose rows it reads, is {one.phase}: {one.message}".rstrip(": ")
            return Outcome(Phase.FAILED, "UpstreamFailed", message, Pods.END)
    for one in case.observed.upstreams:
        if one.phase is None:
            message = f"waits for job {one.name}, which does not exist; apply it in the same namespace"
            return Outcome(Phase.PENDING, "UpstreamMissing", message, Pods.END)
        if one.phase is not Phase.COMPLETE:
            return Outcome(Phase.PENDING, "UpstreamRunning", f"waits for job {one.name} ({one.phase})", Pods.END)
    return None
