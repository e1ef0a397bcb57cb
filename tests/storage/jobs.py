"""A small job that writes an output, step by step, for the tests of commits."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.plan.job import Output, OutputMode
from gristmill.plan.task import PendingPart
from gristmill.rows.types import schema_of
from gristmill.storage.commit import OutputCommit
from gristmill.storage.filesystem import canonical
from gristmill.storage.manifest import Manifest, Partitioning, read_manifest
from gristmill.storage.parts import PartWriter
from gristmill.storage.stores import Stores


def rows(tag: str, count: int = 6) -> pa.Table:
    return pa.table({"k": pa.array(range(count), pa.int64()), "tag": [tag] * count})


def stage_rows(output: Output, table: pa.Table, commit: str, stores: Stores, parts: int = 2) -> list[PendingPart]:
    """Stage the table as so many parts of an output."""
    pending: list[PendingPart] = []
    step = -(-table.num_rows // parts) or 1
    for number in range(parts):
        writer = PartWriter("job", output, number, commit, schema_of(table.schema), stores, keys=("k",))
        for batch in table.slice(number * step, step).to_batches():
            writer.write(batch)
        pending += writer.finish()
    return pending


def run_job(
    uris: Sequence[str], commit: str, stores: Stores, mode: OutputMode = OutputMode.ERROR, tag: str = ""
) -> Manifest:
    """A whole run: prepare, stage, commit; each output gets rows with the tag (by default the commit's name)."""
    outputs = [Output(uri, name=str(i) if i else "", mode=mode) for i, uri in enumerate(uris)]
    run = OutputCommit("job", commit, outputs, stores, Partitioning(("k",), 2, "gm1"))
    run.prepare()
    epoch = run.acquire_epoch()
    parts = [part for output in outputs for part in stage_rows(output, rows(tag or commit), commit, stores)]
    return run.commit(parts, epoch)


def tags(uri: str, stores: Stores) -> list[str] | None:
    """The tags of the rows that a reader of the manifest sees; None where there is no result.

    Fails if the manifest names what is not there, or if a tag does not have all of its six rows.
    """
    manifest = read_manifest(uri, stores)
    if manifest is None:
        return None
    contents = [stores.filesystem(part).read(part) for part in manifest.uris()]
    assert [f"sha256:{sha256(content).hexdigest()}" for content in contents] == [p.checksum for p in manifest.parts]
    found = [tag for content in contents for tag in pq.read_table(pa.BufferReader(content))["tag"].to_pylist()]
    assert len(found) == manifest.rows
    seen = sorted(set(found))
    assert all(found.count(tag) == 6 for tag in seen)
    return seen


def listed(uri: str, stores: Stores) -> list[str]:
    """Every file below an output, by its path there."""
    base = canonical(uri)
    return sorted(entry.uri[len(base) + 1 :] for entry in stores.filesystem(base).walk(base))
