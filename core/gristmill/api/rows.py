"""Reading back what a run wrote: the parts of a manifest, in order, as one stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from gristmill.plan.schema import Schema
from gristmill.plan.source import FileRange, FileSource, Format, Split
from gristmill.rows.types import arrow_schema
from gristmill.storage.formats.text import TEXT_SCHEMA
from gristmill.storage.manifest import Manifest
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores


def open_manifest(manifest: Manifest, stores: Stores) -> pa.RecordBatchReader:
    """The rows of an output in the order of its parts; nothing is read before the first batch is asked for."""
    schema = arrow_schema(_schema(manifest))
    return pa.RecordBatchReader.from_batches(schema, _batches(manifest, stores))


def _schema(manifest: Manifest) -> Schema:
    """The columns that reading gives: text is read back as lines, whatever columns stood in them."""
    return TEXT_SCHEMA if manifest.format == Format.TEXT else manifest.schema


def _batches(manifest: Manifest, stores: Stores) -> Iterator[pa.RecordBatch]:
    if not manifest.parts:
        return
    source = FileSource((manifest.uri,), Format(manifest.format), schema=_schema(manifest))
    if source.format is Format.ARROW and not any("/" in part.path for part in manifest.parts):
        for uri, part in zip(manifest.uris(), manifest.parts, strict=True):  # what a listing would tell is known
            yield from open_split(source, Split((FileRange(uri, 0, part.bytes_),), part.bytes_), stores).batches()
        return
    planned = plan_input(source, stores, f"output {manifest.uri}")
    source = replace(planned.source, schema=_schema(manifest))
    for split in planned.splits:
        yield from open_split(source, split, stores).batches()
