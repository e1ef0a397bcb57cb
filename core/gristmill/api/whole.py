"""Queries that run whole, in this process: whether one does, and its result."""

from __future__ import annotations

import secrets
import shutil
import weakref
from functools import partial
from pathlib import Path

import pyarrow as pa

from gristmill.api.result import Result
from gristmill.api.run import LastProgress, RunOptions, explained, worker_spec
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.planning import PlannedChain, whole_tier
from gristmill.coordinator.whole import WholeRun
from gristmill.kernel.whole import WholePlace
from gristmill.plan.schema import Schema
from gristmill.settings import load_settings
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores

ENGINE_SHARE = 0.7
"""So much of the memory is the engine's; the rest is for the result and for what it takes uncounted."""


def fits_whole(bytes_: int, options: RunOptions, *, parquet: bool) -> tuple[bool, str]:
    """Whether a query that reads so much runs whole here, and why. What all workers may use, it may use."""
    spec = worker_spec(load_settings(), options)
    return whole_tier(bytes_, spec.workers * spec.memory_bytes, parquet=parquet)


def run_whole(planned: PlannedChain, schema: Schema, stores: Stores, options: RunOptions) -> Result:
    """Runs it; ``schema`` is the result's. Raises what WholeRun does."""
    settings = load_settings()
    spec = worker_spec(settings, options)
    memory_bytes = int(spec.workers * spec.memory_bytes * ENGINE_SHARE)
    place = WholePlace(stores, settings.local_dir, settings.cache_dir, memory_bytes, spec.workers)
    report = LastProgress(options.progress)
    run = WholeRun(planned, schema, place, report)
    job = planned.chain.result_job
    spilled = settings.local_dir / f"gristmill-result-{secrets.token_hex(4)}"
    rows = None if job.outputs else _collected(run, spilled)
    manifest = _written(planned, run, stores) if job.outputs else Manifest("", 0, "", job.name, 0, "", "", schema, ())
    result = Result(
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
    if spilled.exists():
        weakref.finalize(result, shutil.rmtree, spilled, ignore_errors=True)
    return result


def _collected(run: WholeRun, spilled: Path) -> pa.Table:
    """Its rows; no file is left of those that did not all come."""
    try:
        return run.collect(spilled / "rows.arrow")
    except BaseException:
        shutil.rmtree(spilled, ignore_errors=True)
        raise


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
