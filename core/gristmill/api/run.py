"""``gm.run``: plans a job or chain, runs it in the tier that fits its size, and returns the result."""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from gristmill.api.checks import must_be
from gristmill.api.job import Job
from gristmill.api.kept_workers import workers_of_process
from gristmill.api.options import ProgressFunction, RunOptions, ignore_progress, worker_spec
from gristmill.api.result import Result
from gristmill.coordinator.chain_run import ChainRun, RunFacts
from gristmill.coordinator.embedded import EmbeddedRun
from gristmill.coordinator.inline import INLINE_MEMORY_BYTES, InlinePlace, run_inline
from gristmill.coordinator.measured import measured_stages
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain, Tier, plan_chain
from gristmill.coordinator.progress import ChainState, Progress
from gristmill.errors import InvalidPlan
from gristmill.kernel.user_code import is_importing
from gristmill.plan.explain import explain
from gristmill.plan.job import ChainPlan, Output, OutputMode
from gristmill.plan.measured import StageMeasure
from gristmill.plan.source import FileSource, Format
from gristmill.plan.task import QuarantinedRecord
from gristmill.settings import Settings, load_settings
from gristmill.storage.splits import PlannedInput
from gristmill.storage.stores import Stores
from gristmill.storage.temporary import TemporaryFolder

if TYPE_CHECKING:
    from gristmill.api.cluster.place import Cluster
    from gristmill.api.cluster.result import ClusterResult


@overload
def run(
    job: Job | ChainPlan,
    *,
    workers: int | None = None,
    memory: str | int | None = None,
    force_distributed: bool = False,
    progress: ProgressFunction = ignore_progress,
    storage_options: Mapping[str, Any] | None = None,
    cluster: None = None,
) -> Result: ...
@overload
def run(
    job: Job | ChainPlan,
    *,
    workers: int | None = None,
    memory: str | int | None = None,
    progress: ProgressFunction = ...,
    cluster: Cluster | str,
) -> ClusterResult: ...
def run(
    job: Job | ChainPlan,
    *,
    workers: int | None = None,
    memory: str | int | None = None,
    force_distributed: bool = False,
    progress: ProgressFunction = ignore_progress,
    storage_options: Mapping[str, Any] | None = None,
    cluster: Cluster | str | None = None,
) -> Result | ClusterResult:
    """Runs the job with all jobs it reads, and waits for the end.

    Small inputs are done in this process, larger ones by worker processes on this machine (always, with
    ``force_distributed``); the same splits, order and bytes either way. ``progress`` is called about ten times a
    second with a Progress. Raises a GristmillError that names place, reason and remedy; whatever was staged is then
    removed. Ctrl-C cancels and raises Cancelled.

    With ``cluster`` (a context of kubeconfig, ``"context/namespace"``, ``""`` for the current one, or ``gm.Cluster``)
    the jobs run there, with their functions as source; ``workers`` is then the most worker pods of each.
    """
    chain = chain_of(job)
    options = RunOptions(workers, memory, force_distributed, progress, storage_options)
    return run_chain(chain, options) if cluster is None else _elsewhere(chain, cluster, options)


def chain_of(job: Job | ChainPlan) -> ChainPlan:
    """The job with all that it reads. Raises InvalidPlan for what is no job."""
    must_be(job, (Job, ChainPlan), "a job", "gm.run(...)", "give a gm.Job; `gristmill run FILE` runs manifests")
    return job.chain() if isinstance(job, Job) else job


def _elsewhere(chain: ChainPlan, cluster: Cluster | str, options: RunOptions) -> ClusterResult:
    """A run on a cluster."""
    from gristmill.api.cluster.running import run_on_cluster

    refuse_storage_options(options, "gm.run(cluster=...)")
    _refuse_while_importing()
    return run_on_cluster(chain, cluster, options.progress, workers=options.workers, memory_bytes=options.memory_bytes)


def refuse_storage_options(options: RunOptions, place: str) -> None:
    """Raises InvalidPlan where a run on a cluster was given options of this machine."""
    if options.storage_options is not None:
        raise InvalidPlan(
            "storage_options are for runs on this machine",
            place=place,
            remedy="Give stores=[gm.Store(prefix, secret=...)], or let the pool or the chart name them.",
        )


def run_chain(
    chain: ChainPlan, options: RunOptions, known: Mapping[FileSource, PlannedInput] = MappingProxyType({})
) -> Result:
    """Runs a chain as it stands; ``known`` are inputs that were listed just now. See ``run``."""
    _refuse_while_importing()
    return _Run(chain, options, known).result()


def _refuse_while_importing() -> None:
    if is_importing():
        raise InvalidPlan(
            "the file runs a job when it is imported for its functions",
            place="gm.run",
            remedy='Put what a script does under: if __name__ == "__main__":',
        )


def explain_chain(
    chain: ChainPlan, *, force_distributed: bool = False, storage_options: Mapping[str, Any] | None = None
) -> str:
    """The chain with its stages, as ``run`` would run it. Lists inputs, reads no rows."""
    stores = Stores(chain.stores, storage_options)
    return explained(plan_chain(chain, stores, force_distributed=force_distributed))


def explained(planned: PlannedChain, measured: Sequence[StageMeasure] = ()) -> str:
    """EXPLAIN of what is to run or, with what its stages did, of what ran."""
    return explain(planned.chain, planned.graph, f"{planned.tier} ({planned.why})", measured)


def _with_result_output(chain: ChainPlan, settings: Settings) -> tuple[ChainPlan, TemporaryFolder | None]:
    """Gives the asked-for job an output in a temporary folder if it has none; the folder goes with the result."""
    wanted = chain.result_job
    if wanted.outputs:
        return chain, None
    folder = TemporaryFolder(settings.local_dir)
    output = Output(str(folder.path / "rows"), format=Format.ARROW, mode=OutputMode.OVERWRITE)
    jobs = tuple(replace(job, outputs=(output,)) if job.name == wanted.name else job for job in chain.jobs)
    return replace(chain, jobs=jobs), folder


class LastProgress:
    """Passes progress on; remembers the last, and all messages."""

    def __init__(self, inner: ProgressFunction) -> None:
        self.last = Progress(ChainState.PLANNING)
        self.messages: list[str] = []
        self._inner = inner

    def __call__(self, progress: Progress) -> None:
        self.last = progress
        self.messages += progress.messages
        self._inner(progress)


class _Run:
    """One call of ``run``: what it plans, where it writes, and how far it has come."""

    def __init__(self, chain: ChainPlan, options: RunOptions, known: Mapping[FileSource, PlannedInput]) -> None:
        self._options = options
        self._settings = load_settings()
        self._stores = Stores(chain.stores, options.storage_options)
        self._report = LastProgress(options.progress)
        self._report(Progress(ChainState.PLANNING))
        chain, self._keep = _with_result_output(chain, self._settings)
        self._commit = secrets.token_hex(6)
        try:
            self._planned = plan_chain(chain, self._stores, force_distributed=options.force_distributed, known=known)
            passing = chain.result_job.name if self._keep is not None else ""
            self._outputs = ChainOutputs(self._planned.chain, self._planned.graph, self._commit, self._stores, passing)
        except BaseException:
            self._drop_folder()
            raise

    def result(self) -> Result:
        """Runs to the end; drops what was staged if there is none."""
        try:
            finished = self._inline() if self._planned.tier is Tier.INLINE else self._embedded()
        except BaseException:
            try:
                self._outputs.abandon()
            finally:
                self._drop_folder()
            raise
        wanted = self._planned.chain.result_job.name
        manifests = self._outputs.manifests
        result = Result(
            wanted,
            manifests[wanted],
            {each.uri: each for first in manifests.values() for each in (first, *first.others)},
            finished.tally.total_counters(),
            self._quarantine(finished),
            self._report.last,
            tuple(self._report.messages),
            measured_stages(finished),
            self._keep is not None,
            self._stores,
            partial(explained, self._shown()),
        )
        if self._keep is not None:
            weakref.finalize(result, self._keep.remove_soon).atexit = False  # then the folder goes by itself
        return result

    def _drop_folder(self) -> None:
        """There is no result to keep the folder for: it goes now, not with whoever holds the error."""
        if self._keep is not None:
            self._keep.remove()

    def _shown(self) -> PlannedChain:
        """The plan as the caller asked for it: without the temporary output of rows that go to the caller."""
        if self._keep is None:
            return self._planned
        chain = self._planned.chain
        jobs = tuple(replace(job, outputs=()) if job is chain.result_job else job for job in chain.jobs)
        return replace(self._planned, chain=replace(chain, jobs=jobs))

    def _quarantine(self, finished: ChainRun) -> tuple[QuarantinedRecord, ...]:
        """All records that were left out; each job's are written down in its scratch."""
        by_job = finished.tally.quarantined
        for job, records in by_job.items():
            self._outputs.write_quarantine(job, records)
        return tuple(record for records in by_job.values() for record in records)

    def _facts(self, memory_bytes: int) -> RunFacts:
        jobs = self._planned.chain.jobs
        deadlines = tuple((job.name, job.deadline_s) for job in jobs if job.deadline_s is not None)
        return RunFacts(self._commit, memory_bytes, deadlines)

    def _inline(self) -> ChainRun:
        options, settings = self._options, self._settings
        memory_bytes = options.memory_bytes or INLINE_MEMORY_BYTES
        place = InlinePlace(self._stores, settings.local_dir, settings.cache_dir)
        self._outputs.prepare()
        return run_inline(self._planned, self._outputs, self._facts(memory_bytes), place, self._report)

    def _embedded(self) -> ChainRun:
        options, spec = self._options, worker_spec(self._settings, self._options)
        idle_s = self._settings.idle_s if options.idle_s is None else options.idle_s
        with (options.kept or workers_of_process()).borrowed(spec, idle_s) as pool:
            self._outputs.prepare()  # while workers start
            facts = self._facts(spec.executor_bytes)
            return pool.run(EmbeddedRun(self._planned, self._outputs, facts, self._report))
