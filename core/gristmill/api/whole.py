"""Queries that run whole, in this process: whether one does, and its result."""

from __future__ import annotations

import secrets
import weakref
from functools import partial

from gristmill.api.options import RunOptions, worker_spec
from gristmill.api.result import Result
from gristmill.api.run import LastProgress, explained
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain, whole_tier
from gristmill.coordinator.whole import WholeRun
from gristmill.kernel.whole import WholePlace
from gristmill.plan.schema import Schema
from gristmill.settings import load_settings
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores
from gristmill.storage.temporary import TemporaryFolder

ENGINE_SHARE = 0.7
"""So much of the memory is the engine's; the rest is for the result and for what it takes uncounted."""


def fits_whole(bytes_: int, options: RunOptions, *, parquet: bool) -> tuple[bool, str]:
    """Whether a query that reads so much runs whole here, and why. What all workers may use, it may use."""
    spec = worker_spec(load_settings(), options)
    return whole_tier(bytes_, spec.workers * spec.memory_bytes, parquet=parquet)


def run_whole(planned: PlannedChain, schema: Schema, stores: Stores, options: RunOptions) -> Result:
    """Runs it; ``schema`` is the result's. Raises what WholeRun does."""
    folder = TemporaryFolder(load_settings().local_dir)
    try:
        result = _run_in(folder, planned, schema, stores, options)
    except BaseException:
        folder.remove()
        raise
    if any(folder.path.iterdir()):
        weakref.finalize(result, folder.remove)
    else:
        folder.remove()
    return result


def _run_in(
    folder: TemporaryFolder, planned: PlannedChain, schema: Schema, stores: Stores, options: RunOptions
) -> Result:
    """Runs it; a result beyond memory lies in ``folder``."""
    settings = load_settings()
    spec = worker_spec(settings, options)
    memory_bytes = int(spec.workers * spec.memory_bytes * ENGINE_SHARE)
    place = WholePlace(stores, folder.spill, settings.cache_dir, memory_bytes, spec.workers)
    report = LastProgress(options.progress)
    run = WholeRun(planned, schema, place, report)
    job = planned.chain.result_job
    rows = None if job.outputs else run.collect(folder.path / "rows.arrow")
    manifest = _written(planned, run, stores) if job.outputs else Manifest("", 0, "", job.name, 0, "", "", schema, ())
    return Result(
        job.name,
        manifest,
        {manifest.uri: manifest} if manifest.uri else {},
        {},
        (),
        report.last,
        (),
        (run.measure,),
        not job.outputs,
        stores,
        partial(explained, planned),
        rows,
    )


def _written(planned: PlannedChain, run: WholeRun, stores: Stores) -> Manifest:
    """Runs it into its output."""
    name = secrets.token_hex(6)
    outputs = ChainOutputs(planned.chain, planned.graph, name, stores)
    try:
        run.write(outputs, name)
    except BaseException:
        outputs.abandon()
        raise
    return outputs.manifests[planned.chain.result_job.name]
