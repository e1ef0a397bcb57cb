"""The rules of how a job's rows are shared out: by what, into how many partitions, in what order.

``validate_job`` runs them among those of a job.
"""

from __future__ import annotations

from collections.abc import Iterator

from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.finding import Finding, Rule, repeated
from gristmill.plan.job import JobPlan
from gristmill.plan.problems import did_you_mean

MOST_PARTITIONS = 1_000_000
_OF_JOBS = (ExchangeKind.HASH, ExchangeKind.RANGE, ExchangeKind.SINGLE, ExchangeKind.FORWARD, ExchangeKind.CUSTOM)
_OF_INPUTS = (*_OF_JOBS, ExchangeKind.BROADCAST)


def _exchange(job: JobPlan) -> Iterator[Finding]:
    if job.partition is ExchangeKind.BROADCAST:
        reason = "a job cannot broadcast all its inputs"
        yield Finding("spec.partition", reason, "Set exchange: broadcast on one input.")
    elif job.partition not in _OF_JOBS:
        yield Finding("spec.partition", f"a job cannot partition by {job.partition}", did_you_mean("", _OF_JOBS))
    for at, input_ in enumerate(job.inputs):
        if input_.exchange not in (None, *_OF_INPUTS):
            reason = f"an input cannot go by {input_.exchange}"
            yield Finding(f"spec.input[{at}].exchange", reason, did_you_mean("", _OF_INPUTS))
    if (job.partitioner is not None) != (job.partition is ExchangeKind.CUSTOM):
        yield Finding("spec.partition", "a function of partition and partition: custom go together")
    if job.map_only:
        yield from _unheeded_exchange(job)
        return
    broadcast = [input_.exchange is ExchangeKind.BROADCAST for input_ in job.inputs]
    if job.inputs and all(broadcast) and job.partitions != 1:
        remedy = "Leave exchange out for one input, or set partitions: 1."
        yield Finding("spec.input", "every input is broadcast, so every reducer would give the same rows", remedy)
    for at, input_ in enumerate(job.inputs):
        if input_.exchange is ExchangeKind.CUSTOM and job.partitioner is None:
            yield Finding(f"spec.input[{at}].exchange", "custom needs a function", "Set partition: {python: …}.")


def _unheeded_exchange(job: JobPlan) -> Iterator[Finding]:
    """A job without a shuffle that says how to shuffle."""
    remedies = {
        ExchangeKind.SINGLE: "Set partitions: 1.",
        ExchangeKind.RANGE: "Set sort: [{by: …}], or a key.",
        ExchangeKind.CUSTOM: "Give the inputs a key.",
    }
    if job.partition in remedies:
        reason = "a job without reduce, key, partitions and sort does not partition"
        yield Finding("spec.partition", reason, remedies[job.partition])
    for at, input_ in enumerate(job.inputs):
        if input_.exchange is not None:
            reason = "a job without reduce, key, partitions and sort has no exchange"
            yield Finding(f"spec.input[{at}].exchange", reason, "Leave it out, or add a reduce.")


def _keys(job: JobPlan) -> Iterator[Finding]:
    if job.map_only:
        return
    counts: dict[int, int] = {}
    for at, input_ in enumerate(job.inputs):
        path, kind = f"spec.input[{at}].key", input_.exchange or job.partition
        if "" in input_.key:
            yield Finding(path, "the name of a column is empty")
        for name in repeated(input_.key):
            yield Finding(path, f"names {name!r} twice")
        if kind in (ExchangeKind.HASH, ExchangeKind.CUSTOM) and not input_.key:
            remedy = "Set key: [column], or partition: single for one reducer."
            yield Finding(path, f"partitioning by {kind} needs a key", remedy)
        if kind is ExchangeKind.RANGE and not input_.key and not job.sort:
            yield Finding(path, "partitioning by range needs a key or an order", "Set key: [column], or sort.")
        if kind in (ExchangeKind.HASH, ExchangeKind.RANGE, ExchangeKind.CUSTOM) and input_.key:
            counts[at] = len(input_.key)
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{job.inputs[at].name} has {count}" for at, count in counts.items())
        path = f"spec.input[{max(counts)}].key"
        yield Finding(
            path, f"the inputs' keys differ in length: {said}", "Rows meet where all of their keys are equal."
        )


def _partitions(job: JobPlan) -> Iterator[Finding]:
    if job.partitions is None:
        return
    if job.partitions < 1:
        yield Finding("spec.partitions", f"must be at least 1, found {job.partitions}")
    elif job.partitions > MOST_PARTITIONS:
        reason = f"must be at most {MOST_PARTITIONS:,}, found {job.partitions:,}"
        yield Finding("spec.partitions", reason, "Each is a task and a part of the output.")
    elif job.partition is ExchangeKind.SINGLE and job.partitions != 1:
        remedy = "Leave partitions out, or set partition: hash."
        yield Finding("spec.partitions", f"partition: single has one partition, not {job.partitions}", remedy)
    elif job.hash is HashName.DUCKDB and job.partitions & (job.partitions - 1):
        up = 1 << job.partitions.bit_length()
        remedy = f"Set partitions: {up // 2} or {up}, or hash: gm1."
        yield Finding("spec.partitions", f"hash: duckdb wants a power of two, found {job.partitions}", remedy)


def _sort(job: JobPlan) -> Iterator[Finding]:
    for at, term in enumerate(job.sort):
        if not term.by:
            yield Finding(f"spec.sort[{at}].by", "the name of a column is empty")
    for name in repeated(term.by for term in job.sort):
        yield Finding("spec.sort", f"names {name!r} twice")


EXCHANGE_RULES: tuple[Rule, ...] = (_exchange, _keys, _partitions, _sort)
