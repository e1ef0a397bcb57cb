"""The same jobs in worker processes of this machine, and whether a cluster's output is theirs, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gristmill.api.options import RunOptions
from gristmill.api.run import run_chain
from gristmill.plan.job import ChainPlan
from gristmill.plan.resources import load_job
from gristmill.storage.manifest import read_manifest
from gristmill.storage.stores import Stores

Parts = list[tuple[int, int, str]]


def parts(uri: str) -> Parts:
    """(partition, rows, checksum of the file) of each part that a job wrote."""
    manifest = read_manifest(uri, Stores())
    assert manifest is not None, f"nothing was committed at {uri}"
    return [(part.partition, part.rows, part.checksum) for part in manifest.parts]


def parts_here(name: str, spec: dict[str, Any], output: str) -> Parts:
    """What the job's output is when two worker processes of this machine run it."""
    resource = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {"name": name}}
    chain = load_job({**resource, "spec": spec})
    _run(_into(chain, output))
    return parts(output)


def _into(chain: ChainPlan, output: str) -> ChainPlan:
    jobs = (*chain.jobs[:-1], replace(chain.jobs[-1], outputs=(replace(chain.jobs[-1].outputs[0], uri=output),)))
    return replace(chain, jobs=jobs)


def _run(chain: ChainPlan) -> None:
    run_chain(chain, RunOptions(workers=2, memory="1GiB", force_distributed=True))
