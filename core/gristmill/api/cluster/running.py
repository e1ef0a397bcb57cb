"""Runs a chain or a query on a cluster and waits for its end: ``gm.run(job, cluster=...)`` and ``sql --cluster``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from gristmill.api.cluster.bodies import Prepared, fresh_suffix, job_bodies, query_body
from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.early_rows import EarlyRows, early_rows
from gristmill.api.cluster.follow import follow, never
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.place import Cluster
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.result import ClusterResult, RowSource, fetched, open_rows, result_from
from gristmill.api.cluster.status import failure_of, has_ended
from gristmill.api.cluster.submission import submit, target_namespace
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import Cancelled, ClusterError, GristmillError
from gristmill.plan.job import ChainPlan
from gristmill.plan.query import QueryPlan
from gristmill.storage.temporary import TemporaryFolder

SOON_S = 1.0
"""The rows of a query in a warm pool are waited for so long before its status is looked at."""
ASK_AGAIN_S = 0.3
KEPT_S = 3600
"""A query, or a job that does not say itself how long it stays, is removed so long after its end."""

ProgressFunction = Callable[[Progress], None]


def run_on_cluster(
    chain: ChainPlan,
    cluster: Cluster | str,
    progress: ProgressFunction,
    *,
    workers: int | None = None,
    memory_bytes: int | None = None,
) -> ClusterResult:
    """Runs the jobs under names of their own (``wordcount-x7k2p``) and waits for the last of them.

    ``workers`` and ``memory_bytes`` (the limit of each pod's executors) come before what the jobs say. The jobs stay
    for an hour after their end, or as they say. Ctrl-C ends them and raises Cancelled. Raises the error that a job
    failed with, of the same class as a run here would.
    """
    prepared = job_bodies(chain, fresh_suffix())
    connection = connect(cluster)
    namespace = target_namespace(prepared, "", "job") or connection.namespace
    resources = Resources(replace(connection, namespace=namespace))
    for each in prepared:
        _fit(each.body["spec"], workers, memory_bytes)
    watch = Watch(progress)
    made = submit(resources, prepared)
    with cancelling(resources, made):
        ended = []
        for body in made:
            ended.append(finished(resources, body, watch))
            watch.next_job()
    return _result(resources, ended[_wanted(chain)], watch, keep_rows=not chain.result_job.outputs)


def _fit(spec: Body, workers: int | None, memory_bytes: int | None) -> None:
    """Puts into a job's spec what the caller of ``gm.run`` asked for."""
    spec.setdefault("ttlSecondsAfterFinished", KEPT_S)
    if workers is not None:
        spec["workers"] = workers
    if memory_bytes is not None:
        resources = spec.setdefault("resources", {})
        for kind in ("requests", "limits"):
            resources.setdefault(kind, {})["memory"] = str(memory_bytes)


def run_query_on_cluster(
    query: QueryPlan, resources: Resources, progress: ProgressFunction, *, keep_rows: bool = True
) -> ClusterResult:
    """Runs the query and fetches its rows, unless it has an output, or ``keep_rows`` says that it gives none; the
    resource stays. Ctrl-C ends it."""
    watch, prepared = Watch(progress), Prepared(query_body(query))
    keep_rows = keep_rows and query.output is None
    body, early = submit_query(resources, prepared, early=keep_rows)
    with cancelling(resources, [body]):
        if early is None or early.rows(SOON_S) is None:
            body = finished(resources, body, watch, early.have_come if early is not None else never)
    if early is not None and (rows := early.rows()) is not None:
        return _answered(resources, body, watch, rows)
    return _result(resources, body, watch, keep_rows=keep_rows)


def submit_query(resources: Resources, prepared: Prepared, *, early: bool) -> tuple[Body, EarlyRows | None]:
    """Makes the resource of a query and, where ``early`` rows are wanted of it and a warm pool has it, asks for them
    meanwhile."""
    pool = str(prepared.body["spec"].get("pool") or "")
    rows = early_rows(resources, pool) if early and pool else None
    uid = ""
    try:
        (made,) = submit(resources, [prepared])
        uid = made["metadata"]["uid"]
    finally:
        if rows is not None:
            rows.ask(uid)
    return made, rows


def _answered(resources: Resources, body: Body, watch: Watch, rows: tuple[RowSource, TemporaryFolder]) -> ClusterResult:
    """The result of a query whose rows are here."""
    source, folder = rows
    watch(replace(watch.last, state=ChainState.FINISHED))
    ended = partial(finished, resources, body, lambda _: None)
    return ClusterResult(str(ref_of(body)), tuple(watch.messages), watch.last, ended, source, folder)


def explain_query_on_cluster(query: QueryPlan, resources: Resources) -> str:
    """The plan of the query, as a lead makes it, which alone may see the data.

    The query is removed as soon as it is planned; what has run of it till then went nowhere but to scratch. Raises the
    error that it failed with.
    """
    (made,) = submit(resources, [Prepared(query_body(replace(query, output=None)))])
    try:
        with cancelling(resources, [made]):
            return _plan_of(resources, made)
    finally:
        resources.delete(ref_of(made))


def _plan_of(resources: Resources, body: Body) -> str:
    refused: GristmillError = ClusterError("it ended before its plan could be asked for", place=str(ref_of(body)))
    while True:
        body = resources.get(ref_of(body))
        if lead := resources.lead_of(body):
            try:
                return Lead(resources.connection, lead).explain(body["metadata"]["uid"])
            except ClusterError as error:  # not planned yet, or not to be reached
                refused = error
        if has_ended(body):
            raise failure_of(body) or refused
        time.sleep(ASK_AGAIN_S)


def finished(resources: Resources, body: Body, report: ProgressFunction, enough: Callable[[], bool] = never) -> Body:
    """The resource once its run has completed, or ``enough`` is known of it. Raises the error that it failed with."""
    ended = follow(resources, body, report, enough)
    error = failure_of(ended)
    if error is not None:
        raise error
    return ended


@contextmanager
def cancelling(resources: Resources, made: list[Body]) -> Iterator[None]:
    """Ctrl-C within the block ends these runs on the cluster, and raises Cancelled."""
    try:
        yield
    except KeyboardInterrupt:
        for body in made:
            resources.cancel(ref_of(body))
        raise Cancelled("stopped with Ctrl-C, on the cluster too") from None


@dataclass(slots=True)
class Watch:
    """Passes progress on; remembers the last and all messages, and adds up the jobs that ran one after the other."""

    inner: ProgressFunction
    last: Progress = Progress(ChainState.PLANNING)
    messages: list[str] = field(default_factory=list)
    _done: tuple[StageProgress, ...] = ()

    def __call__(self, progress: Progress) -> None:
        self.messages += progress.messages
        self.last = replace(progress, stages=(*self._done, *progress.stages))
        self.inner(self.last)

    def next_job(self) -> None:
        """What comes now is of another job: the stages so far stay."""
        self._done = self.last.stages


def _wanted(chain: ChainPlan) -> int:
    """The position of the job whose rows the caller gets."""
    return [job.name for job in chain.jobs].index(chain.result_job.name)


def _result(resources: Resources, body: Body, watch: Watch, *, keep_rows: bool) -> ClusterResult:
    """The result; with ``keep_rows`` the rows are fetched now, since nothing but the lead may have them."""
    result = result_from(resources, body, watch.last, tuple(watch.messages))
    if not keep_rows:
        return result
    source, folder = fetched(open_rows(resources, body))
    return replace(result, _source=source, _keep=folder)
