"""Manifests: what an output's commit record says of its parts, as a value and as JSON.

Written by ``commit``, read by whoever reads an output: planning, results, ``sweep``. The newest generation that has
its ``.done`` mark is the truth; one without is committed but not all in place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gristmill.errors import InputError, StorageError
from gristmill.plan.job import Output
from gristmill.plan.schema import Column, Schema
from gristmill.plan.task import PendingPart
from gristmill.storage import layout
from gristmill.storage.filesystem import canonical, join
from gristmill.storage.stores import Stores

RECORD_VERSION = 1
_READ_AGAIN = 5


@dataclass(frozen=True, slots=True)
class ManifestPart:
    """One part. ``path`` is relative to the output; ``checksum`` is of the file's bytes: ``sha256:…``, of Arrow files
    ``xxh3:…`` (128 bits), since results that nobody named an output for are such files, written to be read at once.

    ``key_min`` and ``key_max`` are the JSON text of the least and greatest value of the first key column that is not
    NULL or NaN, None where unknown or too long to be told. ``partition`` is the number of the reduce partition.
    """

    path: str
    partition: int
    rows: int
    bytes_: int
    checksum: str
    key_min: str | None = None
    key_max: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """What roll-forward has to do for a part: its path in the output, and the token of its staged file."""

    path: str
    staged: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The commit record of one generation of an output.

    ``commit`` is the run's id, empty in a record that only fences (``voided`` names the runs that it shuts out) while
    nothing was ever committed. ``hash`` names the function (and its version) that partitioned the rows.
    ``others`` are the records of the job's further outputs, in its first output's record only.
    """

    uri: str
    generation: int
    commit: str
    job: str
    epoch: int
    mode: str
    format: str
    schema: Schema
    parts: tuple[ManifestPart, ...]
    keys: tuple[str, ...] = ()
    partitions: int = 0
    hash: str = ""
    pending: tuple[Pending, ...] = ()
    others: tuple[Manifest, ...] = ()
    voided: tuple[str, ...] = ()
    superseded: bool = False

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def bytes_(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes_ for part in self.parts)

    def uris(self) -> list[str]:
        """The parts' URIs, in order."""
        return [join(self.uri, part.path) for part in self.parts]

    def stub(self) -> Manifest:
        """What stays of the record when a newer generation is in place: its name must stay taken."""
        return replace(self, parts=(), pending=(), others=(), schema=(), superseded=True)


@dataclass(frozen=True, slots=True)
class Partitioning:
    """What a manifest records of how rows were spread: key columns, number of partitions, function and version."""

    keys: tuple[str, ...] = ()
    partitions: int = 0
    hash: str = ""


def record_of(
    output: Output, parts: Sequence[PendingPart], partitioning: Partitioning, *, job: str, commit: str, epoch: int
) -> Manifest:
    """The record of an output that has these parts. Its generation is 0: not known yet."""
    uri = canonical(output.uri).rstrip("/")
    ordered = sorted(parts, key=lambda part: (part.partition, part.uri))
    paths = [part.uri[len(uri) + 1 :] for part in ordered]
    return Manifest(
        uri=uri,
        generation=0,
        commit=commit,
        job=job,
        epoch=epoch,
        mode=output.mode,
        format=output.format,
        schema=ordered[0].schema if ordered else (),
        parts=tuple(
            ManifestPart(path, part.partition, part.rows, part.bytes_, part.checksum, part.key_min, part.key_max)
            for path, part in zip(paths, ordered, strict=True)
        ),
        keys=partitioning.keys,
        partitions=partitioning.partitions,
        hash=partitioning.hash,
        pending=tuple(Pending(path, part.staged) for path, part in zip(paths, ordered, strict=True)),
    )


def to_bytes(manifest: Manifest) -> bytes:
    """The record as JSON. Parts are relative to the record's place, so that a folder can be moved or copied."""
    form = {"version": RECORD_VERSION, **asdict(manifest)}
    return json.dumps(form, indent=1, ensure_ascii=False).encode()


def from_bytes(data: bytes, place: str) -> Manifest:
    """The inverse. Raises StorageError for what this version cannot read."""
    try:
        form = json.loads(data)
        version = form.pop("version")
    except (ValueError, KeyError, AttributeError) as error:
        raise StorageError("the commit record is not readable", place=place) from error
    if version != RECORD_VERSION:
        raise StorageError(
            f"the commit record has version {version}, this Gristmill reads {RECORD_VERSION}",
            place=place,
            remedy="Use the version of Gristmill that wrote it, or a newer one.",
        )
    return _manifest(form)


def _manifest(form: dict[str, Any]) -> Manifest:
    return Manifest(
        **{
            **form,
            "schema": tuple(Column(**column) for column in form["schema"]),
            "parts": tuple(ManifestPart(**part) for part in form["parts"]),
            "pending": tuple(Pending(**pending) for pending in form["pending"]),
            "others": tuple(_manifest(other) for other in form["others"]),
            "keys": tuple(form["keys"]),
            "voided": tuple(form["voided"]),
        }
    )


@dataclass(frozen=True, slots=True)
class Log:
    """The generations of an output, as listed: those that have a record, and whose commit is in place in which."""

    records: frozenset[int]
    done: Mapping[int, str]

    @property
    def head(self) -> int:
        """The newest generation, 0 for none."""
        return max(self.records, default=0)

    @property
    def finished(self) -> int:
        """The newest generation whose parts are all in place, 0 for none."""
        return max(self.records & self.done.keys(), default=0)

    @property
    def unsettled(self) -> bool:
        """Whether the newest generation's parts are still to be put in place."""
        return bool(self.head) and self.head not in self.done

    def grown(self, generation: int) -> Log:
        """The log with a record that was just written."""
        return replace(self, records=self.records | {generation})

    def generation_of(self, commit: str) -> int | None:
        """The finished generation that this commit made."""
        return min((generation for generation, by in self.done.items() if by == commit), default=None)


def read_log(output_uri: str, stores: Stores) -> Log:
    """The generations of an output, in one listing."""
    names = [entry.name for entry in stores.filesystem(output_uri).walk(layout.commits(output_uri), 1)]
    records = (layout.record_generation(name) for name in names)
    done = (layout.done_generation(name) for name in names)
    return Log(frozenset(r for r in records if r is not None), dict(d for d in done if d is not None))


def read_record(output_uri: str, generation: int, stores: Stores) -> Manifest:
    """One generation's record, with ``uri`` as the output is reached now."""
    place = layout.record(output_uri, generation)
    return replace(from_bytes(stores.filesystem(output_uri).read(place), place), uri=output_uri)


def read_manifest(uri: str, stores: Stores) -> Manifest | None:
    """The manifest of the newest generation that is all in place; None if no job has committed to ``uri``.

    Raises InputError where the only commit is not in place yet.
    """
    output_uri = canonical(uri).rstrip("/")
    for _ in range(_READ_AGAIN):
        log = read_log(output_uri, stores)
        if not log.finished:
            break
        manifest = read_record(output_uri, log.finished, stores)
        if not manifest.superseded:
            return manifest if manifest.commit else None
    if log.records:
        raise InputError(
            "a job committed its output here, but not all parts are in place",
            place=uri,
            remedy=f"Wait for the job to end; if it was killed, `gristmill sweep {uri}` puts them in place.",
        )
    return None


def manifest_parts(folder: str, stores: Stores) -> list[str] | None:
    """The URIs of the parts that a folder's manifest names; None where it is no output of Gristmill."""
    manifest = read_manifest(folder, stores)
    return None if manifest is None else manifest.uris()
